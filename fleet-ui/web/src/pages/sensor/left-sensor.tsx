import type { SeenActive, SeenDownloads } from '@bulkhead/fleet-api';
import { useQuery } from '@tanstack/react-query';
import { askSensor } from '../../api/sensor.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';
import { Ago } from '../../components/time.tsx';
import { byteWords, compactNumber } from '../../text/number-words.ts';

/** Everything by which something left the sensor: ports of instruments, downloads, and the link to this fleet. */
export function LeftSensor({ sensor }: { sensor: string }) {
  const active = useQuery({
    queryKey: ['sensor-asked', sensor, 'active'],
    queryFn: ({ signal }) => askSensor<SeenActive>(sensor, '/active', { signal }),
    refetchInterval: 15_000,
  });
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
            <Ports ports={ports} />
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

function Ports({ ports }: { ports: SeenActive['ports'] }) {
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label="Ports that may send">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Instrument</th>
            <th scope="col">Through</th>
            <th scope="col" className="num">
              Sent
            </th>
            <th scope="col" className="num">
              Received
            </th>
            <th scope="col" className="num">
              Refused
            </th>
          </tr>
        </thead>
        <tbody>
          {ports.map(({ instrument, port, device, addresses, up, counts }) => (
            <tr key={`${instrument}/${port}`}>
              <th scope="row">{instrument}</th>
              <td>
                {device} {up ? '' : <Badge tone="warn">down</Badge>}
                <div className="quiet mono">{addresses.join(', ') || 'no address yet'}</div>
              </td>
              <td className="num nowrap">
                {byteWords(counts.sent.bytes)}
                <div className="quiet">{compactNumber(counts.sent.packets)} packets</div>
              </td>
              <td className="num nowrap">{byteWords(counts.received.bytes)}</td>
              <td className={counts.refused.packets > 0 ? 'num nowrap text-warn' : 'num nowrap'}>
                {counts.refused.packets === 0 ? 'none' : `${compactNumber(counts.refused.packets)} packets`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
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
