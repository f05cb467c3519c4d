import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { eventsQuery } from '../../api/events.ts';
import { sensorsQuery } from '../../api/sensors.ts';
import { Ago } from '../../components/time.tsx';
import { SeverityBadge } from '../events/severity-badge.tsx';
import { eventPath, eventWords } from '../events/event-words.ts';

const SHOWN = 6;

/** The newest alerts that nobody has handled. */
export function NewestAlerts() {
  const found = useInfiniteQuery({
    ...eventsQuery({ severity: 'low', handled: 'no' }),
    refetchInterval: 15_000,
  });
  const sensors = useQuery(sensorsQuery).data?.sensors ?? [];
  const events = (found.data?.pages[0]?.events ?? []).slice(0, SHOWN);
  if (found.data === undefined) return null;
  if (events.length === 0) {
    return <p className="calm">No alert waits to be handled.</p>;
  }
  return (
    <div className="table-wrap newest" tabIndex={0} role="region" aria-label="Newest alerts">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Newest, not handled</th>
            <th scope="col">Severity</th>
            <th scope="col" className="wide-only">
              From → to
            </th>
            <th scope="col">Sensor</th>
            <th scope="col">When</th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <tr key={event.id}>
              <td>
                <Link to="/events" search={{ severity: 'low', text: eventWords(event).slice(0, 120) }}>
                  {eventWords(event)}
                </Link>
              </td>
              <td>
                <SeverityBadge severity={event.severity} />
              </td>
              <td className="mono path wide-only">{eventPath(event.record) ?? ''}</td>
              <td>{sensors.find(({ id }) => id === event.sensor)?.name ?? event.sensor}</td>
              <td className="nowrap">
                <Ago time={event.time} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
