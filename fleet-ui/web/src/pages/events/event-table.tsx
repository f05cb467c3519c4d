import type { FleetEvent } from '@bulkhead/fleet-api';
import { memo } from 'react';
import { Badge } from '../../components/badge.tsx';
import { clockTime } from '../../text/time-words.ts';
import { eventPath, eventWords } from './event-words.ts';
import { SeverityBadge } from './severity-badge.tsx';

/** Events, the newest first. */
export function EventTable({
  events,
  names,
  shown,
  onShow,
}: {
  events: readonly FleetEvent[];
  names: ReadonlyMap<string, { name: string }>;
  shown: string | undefined;
  onShow: (event: FleetEvent) => void;
}) {
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label="Events">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Severity</th>
            <th scope="col">What</th>
            <th scope="col">From → to</th>
            <th scope="col">Sensor</th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <Row
              key={event.id}
              event={event}
              sensor={names.get(event.sensor)?.name ?? event.sensor}
              chosen={shown === event.id}
              onShow={onShow}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const Row = memo(function Row({
  event,
  sensor,
  chosen,
  onShow,
}: {
  event: FleetEvent;
  sensor: string;
  chosen: boolean;
  onShow: (event: FleetEvent) => void;
}) {
  return (
    <tr aria-selected={chosen}>
      <td className="nowrap">
        <time dateTime={event.time}>{clockTime(event.time)}</time>
      </td>
      <td>
        <SeverityBadge severity={event.severity} />
        {event.mark?.handled === true && <Badge tone="good">handled</Badge>}
        {event.suppressed !== undefined && <Badge tone="idle">suppressed</Badge>}
      </td>
      <td className="what">
        <button type="button" className="link-button" onClick={() => onShow(event)}>
          <bdi>{eventWords(event) || event.type}</bdi>
        </button>
        <div className="quiet">
          {event.type} · {event.instrument}
          {event.mark?.owner !== undefined && ` · ${event.mark.owner.name} is on it`}
        </div>
      </td>
      <td className="mono path">{eventPath(event.record) ?? ''}</td>
      <td className="nowrap">{sensor}</td>
    </tr>
  );
});
