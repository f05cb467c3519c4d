import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { API } from '../../api/http.ts';
import { askSensor } from '../../api/sensor.ts';
import { Empty } from '../../components/empty.tsx';
import { FactCard, FactCards } from '../../components/fact-card.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';
import { Ago } from '../../components/time.tsx';
import { useNarrow } from '../../components/use-narrow.ts';
import { byteWords, compactNumber } from '../../text/number-words.ts';
import type { SeenDataReport } from '@bulkhead/fleet-api';
import { useSensor } from './use-sensor.ts';

/** Every store on a sensor: what is in it, how old, by which policy, who reads it and where it goes. */
export function SensorData() {
  const { sensor } = useParams({ from: '/shell/sensors/$sensor' });
  const { attached } = useSensor(sensor);
  const report = useQuery({
    queryKey: ['sensor-asked', sensor, 'data'],
    queryFn: ({ signal }) => askSensor<{ report: SeenDataReport }>(sensor, '/data/report', { signal }),
    enabled: attached,
    staleTime: 60_000,
  });
  if (!attached) {
    return (
      <Empty title="The sensor is away">
        <p>What it keeps is asked of the sensor itself. It can be seen here when it is back.</p>
      </Empty>
    );
  }
  return (
    <Section
      title="What it keeps"
      note="ages as the platform measured them, or as the instrument says"
      actions={
        <Button
          component="a"
          size="xs"
          variant="default"
          href={`${API}/data/sensors/${sensor}/export`}
          download={`data-report-${sensor}.json`}
        >
          Download it, signed
        </Button>
      }
    >
      <Loaded query={report} what="stores">
        {({ report: copies }) => <Copies report={copies} />}
      </Loaded>
    </Section>
  );
}

function Copies({ report }: { report: SeenDataReport }) {
  const isNarrow = useNarrow();
  return (
    <>
      {report.attention.map((text) => (
        <p key={text} className="text-warn">
          {text}
        </p>
      ))}
      {report.clockDoubt !== undefined && (
        <p className="text-warn">No age can be trusted: {report.clockDoubt}</p>
      )}
      {isNarrow ? (
        <FactCards label="Stores">
          {report.copies.map((copy) => (
            <CopyCard key={copy.copy} copy={copy} />
          ))}
        </FactCards>
      ) : (
        <CopyTable copies={report.copies} />
      )}
    </>
  );
}

type Copy = SeenDataReport['copies'][number];

function CopyCard({ copy }: { copy: Copy }) {
  const { oldest, bytes, records } = copy.measured ?? copy.declared ?? {};
  const limit = copy.limitBytes === undefined ? '' : ` of ${byteWords(copy.limitBytes)}`;
  const told = copy.measured === undefined ? 'declared' : 'measured';
  return (
    <FactCard
      title={copy.what}
      under={copy.copy}
      facts={[
        ['Held by', copy.holder],
        ['Size', bytes === undefined ? '–' : `${byteWords(bytes)}${limit}`],
        ['Oldest', <Ago key="oldest" time={oldest} never="–" />],
        ['Records', records === undefined ? '–' : compactNumber(records)],
      ]}
      moreLabel="Policy, readers, where it goes"
      more={[
        ['Policy', copy.policy.text],
        ['Readers', copy.readers.join(', ') || 'nobody'],
        ['Goes to', copy.goesTo.join(', ') || 'stays'],
        ...(oldest === undefined ? [] : [['Age is', told] as const]),
      ]}
    >
      <Faults copy={copy} />
    </FactCard>
  );
}

function Faults({ copy }: { copy: Copy }) {
  return (copy.faults ?? []).map((fault) => (
    <div key={fault} className="text-warn">
      {fault}
    </div>
  ));
}

function CopyTable({ copies }: { copies: readonly Copy[] }) {
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label="Stores">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Store</th>
            <th scope="col">Held by</th>
            <th scope="col" className="num">
              Size
            </th>
            <th scope="col">Oldest</th>
            <th scope="col">Policy</th>
            <th scope="col">Readers</th>
            <th scope="col">Goes to</th>
          </tr>
        </thead>
        <tbody>
          {copies.map((copy) => {
            const extent = copy.measured ?? copy.declared;
            return (
              <tr key={copy.copy}>
                <th scope="row">
                  {copy.what}
                  <div className="quiet mono">{copy.copy}</div>
                </th>
                <td>{copy.holder}</td>
                <td className="num nowrap">
                  {extent?.bytes === undefined ? '–' : byteWords(extent.bytes)}
                  {copy.limitBytes !== undefined && (
                    <div className="quiet">of {byteWords(copy.limitBytes)}</div>
                  )}
                  {extent?.records !== undefined && (
                    <div className="quiet">{compactNumber(extent.records)} records</div>
                  )}
                </td>
                <td className="nowrap">
                  <Ago time={extent?.oldest} never="–" />
                  {extent?.oldest !== undefined && (
                    <div className="quiet">{copy.measured === undefined ? 'declared' : 'measured'}</div>
                  )}
                </td>
                <td>
                  {copy.policy.text}
                  <Faults copy={copy} />
                </td>
                <td>{copy.readers.join(', ')}</td>
                <td>{copy.goesTo.join(', ') || 'stays'}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
