import { EVERY_INSTRUMENT, ROLE_RIGHTS, ROLES, type GrantedRight, type Role } from '@bulkhead/fleet-api';
import type { Person } from '../web/index.ts';

/** What a sensor's own API offers below `/v1/`, by the right that it needs at the fleet. The rest: reading, or changing. */
const EVENTS = ['events', 'search', 'search/export', 'search/*', 'dns/*', 'data/find'] as const;
/** Changes of what a sensor is to do, as against acts on one that goes on as it was. */
const CONFIGURES = ['grants/*', 'downloads/approve', 'downloads/refuse', 'downloads/revoke'] as const;

/** Ways into a sensor's API: each address needs exactly one right. The more exact address counts. */
export const FORWARDED: readonly { method: 'GET' | 'POST'; right: GrantedRight; paths: readonly string[] }[] =
  Object.freeze([
    { method: 'GET', right: 'events.read', paths: EVENTS },
    { method: 'GET', right: 'sensors.read', paths: ['*'] },
    { method: 'POST', right: 'sensors.configure', paths: CONFIGURES },
    { method: 'POST', right: 'sensors.operate', paths: ['*'] },
  ]);

/** What of reading is in the audit log, by its path: whoever looks into a sensor's own store sees what people did. */
export const AUDITED_READS: Readonly<Record<string, string>> = Object.freeze({
  events: 'sensor.events',
  search: 'sensor.search',
  'search/export': 'sensor.search.export',
  'dns/*': 'sensor.dns-lookup',
  'data/find': 'sensor.data-find',
});

/**
 * The right for a path below the sensor's `/v1/`, found the other way round: from the path that is about to be asked. Whoever
 * found a spelling that the router read differently is caught here.
 */
export function rightFor(method: string, path: string): GrantedRight | undefined {
  return FORWARDED.find((way) => way.method === method && way.paths.some((pattern) => fits(pattern, path)))
    ?.right;
}

function fits(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}

/** Rights that say something of what somebody may at a sensor's own API. Pages of instruments are told of roles elsewhere. */
const COUNTS_AT_SENSORS: readonly GrantedRight[] = [
  'sensors.read',
  'events.read',
  'events.handle',
  'sensors.operate',
  'sensors.configure',
  // What a sensor keeps for administrators (purges) has no right of its own; this one stands for being one, of the whole fleet.
  'settings.manage',
];

/**
 * The role in which a question goes to a sensor, for the sensor to judge by once more: the least one that holds the question's
 * own right, or a higher one of which the asker holds there every right that counts at sensors. So a token that was given one of
 * an administrator's rights, or a role that is narrowed, goes as no administrator.
 * @param right what the question's address needs at the fleet, see {@link rightFor}
 * @returns one role, or none for whoever lacks `right` there
 */
export function rolesOn(person: Pick<Person, 'may'>, sensor: string, right: GrantedRight): Role[] {
  const holds = (one: GrantedRight) => person.may(one, sensor, EVERY_INSTRUMENT);
  if (!holds(right)) return [];
  const least = ROLES.findIndex((role) => ROLE_RIGHTS[role].includes(right));
  const whole = ROLES.findLastIndex((role) =>
    COUNTS_AT_SENSORS.filter((one) => ROLE_RIGHTS[role].includes(one)).every(holds),
  );
  return ROLES.slice(Math.max(least, whole)).slice(0, 1);
}
