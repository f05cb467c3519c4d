import type { SeenGrant, SeenInstrumentGrants } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { grantsQuery, matrixQuery, tellSensor } from '../../api/sensor.ts';
import { useMay } from '../../api/session.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Confirm } from '../../components/confirm.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';
import { Ago } from '../../components/time.tsx';
import { told } from '../../components/told.ts';

const STATES: Readonly<Record<SeenGrant['state'], [Tone, string]>> = {
  granted: ['good', 'granted'],
  asked: ['idle', 'asked for'],
  ineffective: ['warn', 'without effect'],
};

/** What an instrument asks for and what it was given, in plain words; giving and taking away. */
export function Grants({ sensor, instrument }: { sensor: string; instrument: string }) {
  const grants = useQuery(grantsQuery(sensor));
  return (
    <Section title="Permissions" note="What it was not given, it cannot do.">
      <Loaded query={grants} what="permissions">
        {({ instruments }) => {
          const mine = instruments.find((one) => one.instrument === instrument);
          return mine === undefined ? (
            <p className="quiet">The sensor says nothing of its permissions.</p>
          ) : (
            <>
              <GrantTable grants={mine} sensor={sensor} />
              <Ways sensor={sensor} instrument={instrument} />
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}

function GrantTable({ grants, sensor }: { grants: SeenInstrumentGrants; sensor: string }) {
  const [changing, setChanging] = useState<SeenGrant | undefined>(undefined);
  const may = useMay('sensors.configure', { sensor, instrument: grants.instrument });
  const queries = useQueryClient();
  const given = changing?.state !== 'asked';
  const change = async () => {
    await tellSensor(sensor, given ? '/grants/revoke' : '/grants/give', {
      instrument: grants.instrument,
      rights: [changing?.right],
      reason: 'on the page of the instrument',
    });
    await queries.invalidateQueries({ queryKey: ['sensor-asked', sensor] });
    told(given ? 'The permission was taken away.' : 'The permission was given.');
  };
  if (grants.problem !== undefined) return <p className="text-warn">{grants.problem}</p>;
  if (grants.rights.length === 0)
    return <p>It asks for nothing, and so may do nothing beyond its own container.</p>;
  return (
    <>
      <div className="table-wrap" tabIndex={0} role="region" aria-label="Permissions">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">State</th>
              <th scope="col">Since</th>
              {may && <th scope="col">Change</th>}
            </tr>
          </thead>
          <tbody>
            {grants.rights.map((grant) => (
              <tr key={grant.right}>
                <td>
                  {grant.words}
                  {grant.note !== undefined && <div className="quiet">{grant.note}</div>}
                </td>
                <td>
                  <Badge tone={STATES[grant.state][0]}>{STATES[grant.state][1]}</Badge>
                </td>
                <td>
                  {grant.since !== undefined && (
                    <span className="quiet">
                      <Ago time={grant.since.time} /> by {grant.since.author}, revision {grant.since.revision}
                    </span>
                  )}
                </td>
                {may && (
                  <td>
                    <Button size="compact-xs" variant="default" onClick={() => setChanging(grant)}>
                      {grant.state === 'asked' ? 'Give' : 'Take away'}
                      <span className="hidden-words">: {grant.words}</span>
                    </Button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Confirm
        opened={changing !== undefined}
        title={given ? 'Take this permission away?' : 'Give this permission?'}
        verb={given ? 'Take it away' : 'Give it'}
        harmless={!given}
        act={change}
        onClose={() => setChanging(undefined)}
      >
        <p>
          <strong>{changing?.words}</strong>
        </p>
        <p>
          {given
            ? 'It ends at once, whatever the instrument is doing. What it did with it until now stays.'
            : 'It is a new revision of the sensor’s configuration, with your name on it, and can be taken back.'}
        </p>
      </Confirm>
    </>
  );
}

/** The part of the permission matrix that concerns one instrument. */
function Ways({ sensor, instrument }: { sensor: string; instrument: string }) {
  const matrix = useQuery(matrixQuery(sensor));
  const edges = (matrix.data?.edges ?? []).filter(({ from, to }) => from === instrument || to === instrument);
  if (edges.length === 0) return null;
  return (
    <details className="ways">
      <summary>Every way to it and from it ({edges.length}); what is not here is refused</summary>
      <div className="table-wrap" tabIndex={0} role="region" aria-label="Ways">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">Kind</th>
              <th scope="col">What</th>
            </tr>
          </thead>
          <tbody>
            {edges.map((edge) => (
              <tr key={`${edge.from} ${edge.to} ${edge.kind} ${edge.what}`}>
                <td>{edge.from}</td>
                <td>{edge.to}</td>
                <td>{edge.kind}</td>
                <td>
                  {edge.what}
                  {edge.idle !== undefined && <div className="quiet">nothing passes: {edge.idle}</div>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
