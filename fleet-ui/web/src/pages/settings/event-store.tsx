import type { EventStatus } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../../api/http.ts';
import { sensorsQuery } from '../../api/sensors.ts';
import { settingsQuery } from '../../api/settings.ts';
import { useMay } from '../../api/session.ts';
import { Badge } from '../../components/badge.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';
import { Ago } from '../../components/time.tsx';
import { byteWords, compactNumber } from '../../text/number-words.ts';
import { DoubtedClock } from './doubted-clock.tsx';
import { EditKeeping, From } from './edit-keeping.tsx';

const eventStatusQuery = queryOptions({
  queryKey: ['events', 'status'],
  queryFn: () => get<EventStatus>('/events/status'),
  refetchInterval: 15_000,
});

/** What the fleet keeps of its sensors' events, for how long, and what came from each. */
export function EventStore() {
  const status = useQuery(eventStatusQuery);
  const mayChange = useMay('settings.manage');
  const settings = useQuery({ ...settingsQuery, enabled: mayChange }).data?.events;
  const [editing, setEditing] = useState(false);
  return (
    <Section
      title="Event store"
      note="what the fleet keeps of the events of its sensors"
      actions={
        settings !== undefined && (
          <Button size="xs" variant="default" onClick={() => setEditing(true)}>
            Change what is kept
          </Button>
        )
      }
    >
      <Loaded query={status} what="the event store">
        {(store) => (
          <>
            <div className="card">
              <dl className="facts">
                <dt>Size</dt>
                <dd>
                  {byteWords(store.bytes)} of {byteWords(store.storeMib * 1024 * 1024)},{' '}
                  {compactNumber(store.records)} events
                  {settings !== undefined && <From setting={settings.storeMib} words={mibWords} />}
                </dd>
                <dt>Kept</dt>
                <dd>
                  {store.retentionDays} days; the oldest is from{' '}
                  <Ago time={store.oldest} never="never: it is empty" />. When the store is full, the oldest
                  go first, and are counted.
                  {settings !== undefined && <From setting={settings.retentionDays} words={dayWords} />}
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
            {store.doubtedDays !== undefined && (
              <DoubtedClock days={store.doubtedDays} mayAccept={mayChange} />
            )}
            {store.sensors.length > 0 && <BySensor sensors={store.sensors} />}
            {editing && settings !== undefined && (
              <EditKeeping settings={settings} store={store} onClose={() => setEditing(false)} />
            )}
          </>
        )}
      </Loaded>
    </Section>
  );
}

const mibWords = (mib: number) => byteWords(mib * 1024 * 1024);
const dayWords = (days: number) => `${String(days)} days`;

function BySensor({ sensors: entries }: { sensors: EventStatus['sensors'] }) {
  const sensors = useQuery(sensorsQuery).data?.sensors ?? [];
  const nameOf = (id: string) => sensors.find((one) => one.id === id)?.name ?? id;
  return (
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
          {entries.map((one) => (
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
              <td className={`num ${one.droppedBySensor > 0 ? 'text-warn' : ''}`}>{one.droppedBySensor}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
