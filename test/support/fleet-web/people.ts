import { ROLE_RIGHTS, type AuditEntry, type Me, type Person, type Role } from '@bulkhead/fleet-api';
import { ago, LAB } from './sensors.ts';

const ANNA = 'p_abcdefghijklmnop';

export function meAs(role: Role): Me {
  return {
    id: ANNA,
    name: 'anna',
    displayName: 'Anna Berg',
    roles: [{ role }],
    rights: ROLE_RIGHTS[role].map((right) => ({
      right,
      everywhere: true,
      sensors: [],
      groups: [],
      instruments: [],
    })),
    kind: 'password',
    totp: false,
    recoveryCodes: 0,
  };
}

export const PEOPLE: Person[] = [
  {
    id: ANNA,
    name: 'anna',
    displayName: 'Anna Berg',
    roles: [{ role: 'admin' }],
    disabled: false,
    kind: 'password',
    totp: false,
    createdAt: ago(900_000),
    lastSignInAt: ago(60),
  },
  {
    id: 'p_bbbbbbbbbbbbbbbb',
    name: 'ben',
    displayName: 'Ben Okafor',
    roles: [{ role: 'operator', groups: ['hospital'] }, { role: 'viewer' }],
    disabled: false,
    kind: 'password',
    totp: true,
    createdAt: ago(800_000),
    lastSignInAt: ago(90_000),
  },
  {
    id: 'p_cccccccccccccccc',
    name: 'chen@example.org',
    displayName: 'Chen Li',
    roles: [{ role: 'analyst', sensors: [LAB] }],
    disabled: false,
    kind: 'sso',
    totp: false,
    createdAt: ago(700_000),
    lastSignInAt: null,
  },
  {
    id: 'p_dddddddddddddddd',
    name: 'dora',
    displayName: 'Dora',
    roles: [{ role: 'viewer' }],
    disabled: true,
    kind: 'invited',
    totp: false,
    createdAt: ago(5_000),
    lastSignInAt: null,
  },
];

export const AUDIT: AuditEntry[] = Array.from({ length: 30 }, (_, index) => ({
  id: 500 - index,
  at: ago(index * 700),
  person: index % 4 === 0 ? null : ANNA,
  name: index % 4 === 0 ? 'nobody' : 'anna',
  by: index % 7 === 0 ? 'token t_abcdefghijklmnop' : 'session',
  action:
    ['session.sign-in', 'sensor.configure', 'people.change', 'events.handle', 'audit.read'][index % 5] ?? 'x',
  target: index % 5 === 1 ? LAB : 'anna',
  address: '198.51.100.20',
  outcome: index % 6 === 4 ? 'refused' : 'done',
  code: index % 6 === 4 ? 'FLEET_PEOPLE_WRONG' : null,
  facts: index % 5 === 1 ? { revision: 7, reason: 'more memory' } : {},
  hash: 'q'.repeat(43),
}));
