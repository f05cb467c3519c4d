import type { FleetEvent } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { Person } from '../web/index.ts';
import type { FleetEventStore } from './store/event-store.ts';

/** An id that no sensor has: who may do something there is narrowed to none. */
const NO_SENSOR = 's_none';

/** Whether somebody may do something on all sensors, also on those that come later. */
export function mayEverywhere(person: Person | undefined, right: 'events.read' | 'events.handle'): boolean {
  return person?.may(right, NO_SENSOR) === true;
}

/** Sensors whose events somebody may read; undefined: all. */
export async function readable(
  store: FleetEventStore,
  person: Person | undefined,
): Promise<string[] | undefined> {
  const all = await store.sensors();
  const allowed = all.filter((sensor) => person?.may('events.read', sensor) === true);
  // A question without sensors is quicker; and of one that came meanwhile, nobody's rights were judged.
  return allowed.length === all.length && mayEverywhere(person, 'events.read') ? undefined : allowed;
}

/** One event, for somebody with a right on its sensor. @throws BulkheadError FLEET_EVENTS_NOT_FOUND */
export async function eventFor(
  store: FleetEventStore,
  person: Person | undefined,
  id: string,
  right: 'events.read' | 'events.handle',
): Promise<FleetEvent> {
  const event = await store.event(id);
  // The same answer for what is not there and what is not theirs.
  if (event === undefined || person?.may(right, event.sensor) !== true) {
    throw new BulkheadError({
      code: 'FLEET_EVENTS_NOT_FOUND',
      message: `There is no event ${id}.`,
      fields: { id },
    });
  }
  return event;
}
