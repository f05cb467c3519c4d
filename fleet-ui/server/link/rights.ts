import type { GrantedRight, Role } from '@bulkhead/fleet-api';
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

/**
 * The roles that a person has on one sensor, for the sensor to judge by: never more than they may there, whatever they are
 * elsewhere, and never more than their token may.
 */
export function rolesOn(person: Person, sensor: string): Role[] {
  const roles: Role[] = [];
  if (person.may('sensors.read', sensor) || person.may('events.read', sensor)) roles.push('viewer');
  if (person.may('events.handle', sensor)) roles.push('analyst');
  if (person.may('sensors.operate', sensor)) roles.push('operator');
  if (person.may('settings.manage')) roles.push('admin');
  return roles;
}
