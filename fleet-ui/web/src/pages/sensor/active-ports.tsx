import type { SeenActivePort } from '@bulkhead/fleet-api';
import { Badge } from '../../components/badge.tsx';
import { byteWords, compactNumber, rateWords } from '../../text/number-words.ts';
import { activeKey, activeKindWords, addressWords, droppedWords, type ActiveRates } from './active-rates.ts';

const NO_RATES: ActiveRates = new Map();

/** Interfaces on which instruments may send: what passed, and what was dropped and why. */
export function ActivePorts({
  ports,
  rates = NO_RATES,
}: {
  ports: readonly SeenActivePort[];
  rates?: ActiveRates;
}) {
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
            <th scope="col">Dropped packets</th>
          </tr>
        </thead>
        <tbody>
          {ports.map((port) => {
            const rate = rates.get(activeKey(port));
            const dropped = droppedWords(port);
            const { sent, received } = port.counts;
            return (
              <tr key={activeKey(port)}>
                <th scope="row">
                  {port.instrument} <span className="quiet">{port.port}</span>
                </th>
                <td>
                  {port.device} <span className="quiet">{activeKindWords(port)}</span>{' '}
                  {port.up ? '' : <Badge tone="warn">down</Badge>}
                  <div className="quiet mono">{addressWords(port)}</div>
                  {(port.faults ?? []).map((fault) => (
                    <div key={fault} className="text-bad">
                      {fault}
                    </div>
                  ))}
                </td>
                <Passed {...sent} perS={rate?.sentPerS} />
                <Passed {...received} perS={rate?.receivedPerS} />
                <td className={dropped.length > 0 ? 'text-warn' : ''}>{dropped.join(', ') || 'none'}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Passed({ packets, bytes, perS }: { packets: number; bytes: number; perS: number | undefined }) {
  return (
    <td className="num nowrap">
      {byteWords(bytes)}
      <div className="quiet">
        {compactNumber(packets)} packets{perS !== undefined && ` · ${rateWords(perS)}`}
      </div>
    </td>
  );
}
