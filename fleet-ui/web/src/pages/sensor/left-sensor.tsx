import type { SeenDownloads } from '@bulkhead/fleet-api';
import { useQuery } from '@tanstack/react-query';
import { activeQuery, askSensor } from '../../api/sensor.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';
import { Ago } from '../../components/time.tsx';
import { ActivePorts } from './active-ports.tsx';

/** Everything by which something left the sensor: ports of instruments, downloads, and the link to this fleet. */
export function LeftSensor({ sensor }: { sensor: string }) {
  const active = useQuery(activeQuery(sensor));
  const downloads = useQuery({
    queryKey: ['sensor-asked', sensor, 'downloads'],
    queryFn: ({ signal }) => askSensor<SeenDownloads>(sensor, '/downloads', { signal }),
    refetchInterval: 30_000,
  });
  return (
    <Section
      title="What left this sensor"
      note="beside its link to this fleet, which carries events, its state and what people ask of it"
    >
      <Loaded query={active} what="ports">
        {({ ports }) =>
          ports.length === 0 ? (
            <p className="calm">No instrument has a port through which it could send anything.</p>
          ) : (
            <ActivePorts ports={ports} />
          )
        }
      </Loaded>
      <Loaded query={downloads} what="downloads">
        {({ downloads: all }) =>
          all.length === 0 ? (
            <p className="quiet">No instrument asks for files from elsewhere.</p>
          ) : (
            <Downloads downloads={all} />
          )
        }
      </Loaded>
    </Section>
  );
}

const STATES: Readonly<Record<string, Tone>> = { fresh: 'good', failed: 'bad' };

function Downloads({ downloads }: { downloads: SeenDownloads['downloads'] }) {
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label="Downloads">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Download</th>
            <th scope="col">From</th>
            <th scope="col">Approved</th>
            <th scope="col">State</th>
            <th scope="col">Fetched</th>
          </tr>
        </thead>
        <tbody>
          {downloads.map(({ id, approval, approved, wanted, status }) => (
            <tr key={id}>
              <th scope="row">
                {id}
                {wanted?.why !== undefined && <div className="quiet">{wanted.why}</div>}
              </th>
              <td className="mono path">{approved?.url ?? wanted?.url ?? ''}</td>
              <td>{approval}</td>
              <td>
                <Badge tone={STATES[status?.state ?? ''] ?? 'idle'}>{status?.state ?? 'not tried'}</Badge>
                {status?.message !== undefined && <div className="quiet">{status.message}</div>}
              </td>
              <td className="nowrap">
                <Ago time={status?.lastSuccess} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
