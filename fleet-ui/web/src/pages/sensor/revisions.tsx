import type { ConfigRevision } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { configRevisionQuery, configRevisionsQuery, desiredQuery, rollBackTo } from '../../api/config.ts';
import { useMay } from '../../api/session.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Confirm } from '../../components/confirm.tsx';
import { Differences } from '../../components/differences.tsx';
import { Empty } from '../../components/empty.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';
import { Ago } from '../../components/time.tsx';
import { told } from '../../components/told.ts';
import { DesiredDocument } from './desired-document.tsx';
import { OwnHistory } from './own-history.tsx';
import './revisions.css';

const STATES: Readonly<Record<ConfigRevision['state'], [Tone, string]>> = {
  waiting: ['warn', 'waits until it is back'],
  sent: ['accent', 'being applied'],
  applied: ['good', 'applied'],
  failed: ['bad', 'failed'],
  superseded: ['idle', 'superseded'],
};
const CAUSES: Readonly<Record<ConfigRevision['cause'], string>> = {
  base: 'what the sensor came with',
  group: 'its group changed',
  sensor: 'changed for this sensor',
  mapping: 'mapped to new hardware',
  rollback: 'went back',
  resend: 'sent again',
};

/** What the sensor should be, where that comes from, and every revision of it. */
export function Revisions() {
  const { sensor } = useParams({ from: '/shell/sensors/$sensor' });
  const { show } = useSearch({ from: '/shell/sensors/$sensor/revisions' });
  const desired = useQuery(desiredQuery(sensor));
  const revisions = useQuery(configRevisionsQuery(sensor));
  return (
    <>
      <Loaded query={desired} what="configuration">
        {(value) => <DesiredDocument sensor={sensor} desired={value} />}
      </Loaded>
      <Section title="Revisions" note="of what this fleet wants of it, the newest first">
        <Loaded query={revisions} what="revisions">
          {({ revisions: all }) =>
            all.length === 0 ? (
              <Empty title="This fleet has sent it no configuration">
                <p>
                  It runs what was configured on it. Put it into a group, or change its configuration above,
                  and a first revision is made.
                </p>
              </Empty>
            ) : (
              <RevisionTable
                sensor={sensor}
                revisions={all}
                shown={show === undefined ? undefined : Number(show)}
              />
            )
          }
        </Loaded>
      </Section>
      <OwnHistory sensor={sensor} />
    </>
  );
}

function RevisionTable({
  sensor,
  revisions,
  shown,
}: {
  sensor: string;
  revisions: readonly ConfigRevision[];
  shown: number | undefined;
}) {
  const navigate = useNavigate();
  const toggle = (number: number) =>
    void navigate({
      to: '/sensors/$sensor/revisions',
      params: { sensor },
      search: shown === number ? {} : { show: String(number) },
      replace: true,
    });
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label="Revisions">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Revision</th>
            <th scope="col">When</th>
            <th scope="col">Who and why</th>
            <th scope="col">State</th>
            <th scope="col">Differences</th>
          </tr>
        </thead>
        <tbody>
          {revisions.map((one, index) => (
            <tr key={one.number}>
              <th scope="row">{one.number}</th>
              <td className="nowrap">
                <Ago time={one.at} />
              </td>
              <td>
                {one.author}: {one.reason || CAUSES[one.cause]}
                {one.restores !== undefined && <div className="quiet">restores revision {one.restores}</div>}
                {shown === one.number && <Shown sensor={sensor} revision={one} newest={index === 0} />}
              </td>
              <td>
                <Badge tone={STATES[one.state][0]}>{STATES[one.state][1]}</Badge>
                {one.message !== undefined && <div className="quiet">{one.message}</div>}
              </td>
              <td>
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-expanded={shown === one.number}
                  onClick={() => toggle(one.number)}
                >
                  {shown === one.number ? 'Hide' : 'Show'}
                  <span className="hidden-words"> revision {one.number}</span>
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Shown({ sensor, revision, newest }: { sensor: string; revision: ConfigRevision; newest: boolean }) {
  const full = useQuery(configRevisionQuery(sensor, revision.number));
  const may = useMay('sensors.configure', { sensor });
  const [asked, setAsked] = useState(false);
  const queries = useQueryClient();
  const back = async () => {
    const outcome = await rollBackTo(sensor, revision.number, '');
    await queries.invalidateQueries({ queryKey: ['sensor', sensor] });
    told(
      outcome.state === 'waiting'
        ? 'It goes back as soon as the sensor is there again.'
        : 'The sensor is going back.',
    );
  };
  return (
    <div className="revision">
      <Loaded query={full} what="differences">
        {({ differences, document }) => (
          <>
            <h3>Against the one before</h3>
            <Differences differences={differences} />
            <details>
              <summary>The whole document</summary>
              <pre className="document" tabIndex={0}>
                {document}
              </pre>
            </details>
          </>
        )}
      </Loaded>
      {may && !newest && (
        <Button size="xs" variant="default" onClick={() => setAsked(true)}>
          Go back to revision {revision.number}
        </Button>
      )}
      <Confirm
        opened={asked}
        title={`Go back to revision ${String(revision.number)}?`}
        verb="Go back"
        act={back}
        onClose={() => setAsked(false)}
      >
        <p>
          What was changed for this sensor since then is undone, as a new revision; the revisions in between
          are kept. Instruments that the old document does not name are stopped; their volumes stay.
        </p>
      </Confirm>
    </div>
  );
}
