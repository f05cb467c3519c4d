import type { FleetEvent } from '@bulkhead/fleet-api';
import { useQuery } from '@tanstack/react-query';
import { flowQuery, namesQuery } from '../../api/event-desk.ts';
import { ApiError } from '../../api/http.ts';
import { useMay } from '../../api/session.ts';
import { Loaded } from '../../components/loaded.tsx';
import { Ago } from '../../components/time.tsx';
import { shortAddress } from '../../text/address-words.ts';
import { clockTime } from '../../text/time-words.ts';
import type { EventSensor } from './event-sensor.ts';
import { eventWords } from './event-words.ts';
import { SeverityBadge } from './severity-badge.tsx';

/** Which names the addresses of an event had, as passive DNS on its own sensor saw them. */
export function DnsNames({ sensor, addresses }: { sensor: EventSensor; addresses: readonly string[] }) {
  const may = useMay('events.read', { sensor: sensor.id });
  return (
    <section className="card" aria-label="Names of its addresses">
      <h3>Names of its addresses</h3>
      {!may ? (
        <p className="quiet">Your role does not ask this sensor.</p>
      ) : sensor.attached ? (
        addresses.map((address) => <NamesOf key={address} sensor={sensor.id} address={address} />)
      ) : (
        <p className="quiet">{sensor.name} is away. Its passive DNS can be asked when it is back.</p>
      )}
    </section>
  );
}

function NamesOf({ sensor, address }: { sensor: string; address: string }) {
  const { data, error } = useQuery(namesQuery(sensor, address));
  const names = data?.records ?? [];
  return (
    <div className="names">
      <h4 className="mono">{shortAddress(address)}</h4>
      {error !== null && (
        <p className="quiet">{error instanceof ApiError ? error.message : 'The sensor did not answer.'}</p>
      )}
      {error === null && data === undefined && <p role="status">Asking the sensor …</p>}
      {data !== undefined && names.length === 0 && <p className="quiet">No name for it was seen there.</p>}
      {names.length > 0 && (
        <ul>
          {names.map((one) => (
            <li key={`${one.rrname} ${one.rrtype} ${one.rdata}`}>
              <bdi className="mono">{one.rrname === address ? one.rdata : one.rrname}</bdi>{' '}
              <span className="quiet">
                {one.rrtype}, seen {one.count.toLocaleString('en')} times, last{' '}
                <Ago time={one.time_last * 1000} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {data?.more === true && <p className="quiet">There are more.</p>}
    </div>
  );
}

/** What else was reported of the same flow. */
export function FlowEvents({
  event,
  flow,
  everywhere,
  names,
  show,
}: {
  event: FleetEvent;
  flow: string;
  everywhere: boolean;
  names: ReadonlyMap<string, EventSensor>;
  show: (event: FleetEvent) => void;
}) {
  const query = useQuery(flowQuery(flow, everywhere ? undefined : event.sensor));
  return (
    <section className="card" aria-label="Of the same flow">
      <h3>Of the same flow</h3>
      <Loaded query={query} what="events of the flow">
        {({ events, cursor }) => {
          const others = events.filter(({ id }) => id !== event.id);
          if (others.length === 0) return <p className="quiet">Nothing else that the fleet has.</p>;
          return (
            <>
              <ul className="flow-events">
                {others.map((one) => (
                  <li key={one.id}>
                    <button type="button" className="link-button" onClick={() => show(one)}>
                      <bdi>{eventWords(one) || one.type}</bdi>
                    </button>{' '}
                    {one.severity !== 'info' && <SeverityBadge severity={one.severity} />}
                    <div className="quiet">
                      {one.type}, {clockTime(one.time)}
                      {one.sensor !== event.sensor && `, ${names.get(one.sensor)?.name ?? one.sensor}`}
                    </div>
                  </li>
                ))}
              </ul>
              {cursor !== undefined && <p className="quiet">The newest ones; there are more.</p>}
            </>
          );
        }}
      </Loaded>
    </section>
  );
}
