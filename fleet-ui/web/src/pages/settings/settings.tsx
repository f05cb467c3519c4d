import type { About, EventStatus, Health } from '@bulkhead/fleet-api';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { get } from '../../api/http.ts';
import { sensorsQuery } from '../../api/sensors.ts';
import { Badge } from '../../components/badge.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Page, Section } from '../../components/page.tsx';
import { Ago } from '../../components/time.tsx';
import { byteWords, compactNumber } from '../../text/number-words.ts';

const aboutQuery = queryOptions({ queryKey: ['about'], queryFn: () => get<About>('/about') });
const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: () => get<Health>('/health'),
  refetchInterval: 15_000,
});
const eventStatusQuery = queryOptions({
  queryKey: ['events', 'status'],
  queryFn: () => get<EventStatus>('/events/status'),
  refetchInterval: 15_000,
});

/** How the fleet itself is, what it keeps, and where it is configured. */
export function Settings() {
  const about = useQuery(aboutQuery);
  const health = useQuery(healthQuery);
  return (
    <Page
      title="Settings"
      about="fleetd is configured by a file on its machine, so that nobody can change it from a browser. Here is what is in force."
    >
      <div className="columns">
        <Section title="This fleet">
          <div className="card">
            <Loaded query={about} what="the fleet">
              {(value) => (
                <dl className="facts">
                  <dt>State</dt>
                  <dd>
                    <Badge tone={health.data?.state === 'ok' ? 'good' : 'warn'}>
                      {health.data?.state ?? 'not known'}
                    </Badge>
                  </dd>
                  <dt>Version</dt>
                  <dd>{value.version}</dd>
                  <dt>Pages of instruments</dt>
                  <dd className="mono">{`<instrument>.<sensor>.${value.baseDomain}`}</dd>
                </dl>
              )}
            </Loaded>
          </div>
        </Section>
        <Section title="On its machine">
          <div className="card">
            <dl className="facts">
              <dt>Configuration</dt>
              <dd>
                <code>fleetd.yaml</code>: names, addresses, certificate, event store, single sign-on. fleetd
                reads it when it starts.
              </dd>
              <dt>Backup</dt>
              <dd>
                <code>fleetd backup FILE</code> writes everything that cannot be made anew: database,
                certificate authority, audit log. <code>fleetd restore FILE</code> brings it back; sensors
                that joined since then ask to return.
              </dd>
            </dl>
          </div>
        </Section>
      </div>
      <EventStore />
    </Page>
  );
}

function EventStore() {
  const status = useQuery(eventStatusQuery);
  const sensors = useQuery(sensorsQuery).data?.sensors ?? [];
  const nameOf = (id: string) => sensors.find((one) => one.id === id)?.name ?? id;
  return (
    <Section title="Event store" note="what the fleet keeps of the events of its sensors">
      <Loaded query={status} what="the event store">
        {(store) => (
          <>
            <div className="card">
              <dl className="facts">
                <dt>Size</dt>
                <dd>
                  {byteWords(store.bytes)} of {byteWords(store.storeMib * 1024 * 1024)},{' '}
                  {compactNumber(store.records)} events
                </dd>
                <dt>Kept</dt>
                <dd>
                  {store.retentionDays} days; the oldest is from{' '}
                  <Ago time={store.oldest} never="never: it is empty" />. When the store is full, the oldest
                  go first, and are counted.
                </dd>
                <dt>Dropped</dt>
                <dd>
                  {Object.entries(store.dropped)
                    .filter(([, count]) => count > 0)
                    .map(([reason, count]) => `${reason}: ${compactNumber(count)}`)
                    .join(', ') || 'none'}
                </dd>
              </dl>
            </div>
            {store.sensors.length > 0 && (
              <div className="table-wrap" tabIndex={0} role="region" aria-label="Events of each sensor">
                <table className="table">
                  <thead>
                    <tr>
                      <th scope="col">Sensor</th>
                      <th scope="col">Uplink</th>
                      <th scope="col" className="num">
                        Events
                      </th>
                      <th scope="col">Newest</th>
                      <th scope="col" className="num">
                        Not arrived
                      </th>
                      <th scope="col" className="num">
                        Dropped on the sensor
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {store.sensors.map((one) => (
                      <tr key={one.sensor}>
                        <th scope="row">{nameOf(one.sensor)}</th>
                        <td>
                          <Badge tone={one.linked ? 'good' : 'idle'}>{one.linked ? 'open' : 'closed'}</Badge>
                        </td>
                        <td className="num">{compactNumber(one.records)}</td>
                        <td>
                          <Ago time={one.newest} />
                        </td>
                        <td className={`num ${one.holes > 0 ? 'text-warn' : ''}`}>{one.holes}</td>
                        <td className={`num ${one.droppedBySensor > 0 ? 'text-warn' : ''}`}>
                          {one.droppedBySensor}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </>
        )}
      </Loaded>
    </Section>
  );
}
