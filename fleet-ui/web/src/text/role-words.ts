import type { Role, RoleAssignment } from '@bulkhead/fleet-api';

/** Each role with what it may, the least first. */
export const ROLE_WORDS: Readonly<Record<Role, string>> = {
  viewer: 'sees sensors and events and opens instruments’ pages',
  analyst: 'also handles events',
  operator: 'also runs, configures and adopts sensors',
  admin: 'also manages people, settings and the audit log',
};

/** `operator on ward-3, ward-4`, `viewer of group hospital, only suricata`. Pure. */
export function assignmentWords(one: RoleAssignment, sensorName: (id: string) => string): string {
  const where = [
    one.sensors === undefined ? undefined : `on ${one.sensors.map(sensorName).join(', ')}`,
    one.groups === undefined ? undefined : `of the groups ${one.groups.join(', ')}`,
    one.instruments === undefined ? undefined : `only ${one.instruments.join(', ')}`,
  ].filter((part) => part !== undefined);
  return [one.role, ...where].join(' ');
}
