import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  EVERY_INSTRUMENT,
  FLEET_WIDE_RIGHTS,
  GRANTED_RIGHTS,
  ROLE_RIGHTS,
  ROLES,
  type GrantedRight,
  type RoleAssignment,
  type TokenScope,
} from '@bulkhead/fleet-api';
import { FORWARDED, rightFor, rolesOn } from '../../../fleet-ui/server/link/rights.ts';
import { judge, type Judgement } from '../../../fleet-ui/server/people/rights.ts';
import { ALLOWED } from '../../../platform/fleet-link/asks.ts';
import { hasRole } from '../../../platform/fleet-link/roles.ts';

const LAB = 's_aaaaaaaaaaaaaaaa';
const WARD = 's_bbbbbbbbbbbbbbbb';
const groupsOf = (sensor: string) => (sensor === WARD ? ['wards'] : []);
type TokenRight = TokenScope['rights'][number];
const TOKEN_RIGHTS = GRANTED_RIGHTS.filter((right): right is TokenRight => right !== 'people.manage');
/** Rights that let somebody ask a sensor anything. */
const ASKING = [...new Set(FORWARDED.map(({ right }) => right))].sort();

/** In which role each kind of question goes to a sensor; undefined: it does not go. */
const told = (person: Judgement, sensor = LAB) =>
  Object.fromEntries(
    ASKING.map((right) => {
      const roles = rolesOn(person, sensor, right);
      expect(roles.length).toBeLessThanOrEqual(1);
      return [right, roles[0]];
    }).filter(([, role]) => role !== undefined),
  ) as Partial<Record<GrantedRight, string>>;
const of = (...roles: RoleAssignment[]) => judge(roles, groupsOf);
const token = (rights: TokenRight[], more: Partial<TokenScope> = {}) =>
  judge([{ role: 'admin' }], groupsOf, { rights, ...more });
/** What the sensor then does: the question passes the fleet, and the sensor's own list. */
const done = (person: Judgement, sensor = LAB) =>
  ALLOWED.filter(({ method, path, least }) => {
    const right = rightFor(method, path.slice('/v1/'.length));
    return (
      right !== undefined &&
      person.may(right, sensor, EVERY_INSTRUMENT) &&
      hasRole(rolesOn(person, sensor, right), least)
    );
  });
const paths = (person: Judgement) => done(person).map(({ path }) => path);

test('each role is told as what it is, also where it is narrowed to sensors; there is no narrowed administrator', () => {
  const reading = (role: string) => ({ 'events.read': role, 'sensors.read': role });
  const acting = (role: string) => ({ 'sensors.configure': role, 'sensors.operate': role });
  const expected = {
    viewer: reading('viewer'),
    analyst: reading('analyst'),
    operator: { ...reading('operator'), ...acting('operator') },
    admin: { ...reading('admin'), ...acting('admin') },
  };
  for (const role of ROLES) {
    expect(told(of({ role })), role).toEqual(expected[role]);
    const least = role === 'admin' ? 'operator' : role;
    for (const narrowed of [{ sensors: [LAB] }, { sensors: [LAB, WARD] }])
      expect(told(of({ role, ...narrowed })), role).toEqual(expected[least]);
    expect(told(of({ role, groups: ['wards'] }), WARD), role).toEqual(expected[least]);
    // Elsewhere it is nothing; and who has an instrument has not its sensor.
    expect(told(of({ role, sensors: [WARD] })), role).toEqual({});
    expect(told(of({ role, instruments: ['suricata'] })), role).toEqual({});
  }
  expect(told(of())).toEqual({});
  expect(told(of({ role: 'viewer' }, { role: 'operator', sensors: [WARD] }))).toEqual(expected.viewer);
});

test('each role is done what the sensor does for it, and an administrator all', () => {
  for (const role of ROLES)
    expect(done(of({ role })), role).toEqual(ALLOWED.filter(({ least }) => hasRole([role], least)));
});

test('a token with one right is told as the least role that has it, and only where that right is asked for', () => {
  const expected: Partial<Record<GrantedRight, string>> = {
    'sensors.read': 'viewer',
    'events.read': 'viewer',
    'sensors.operate': 'operator',
    'sensors.configure': 'operator',
  };
  for (const right of TOKEN_RIGHTS) {
    const role = expected[right];
    expect(told(token([right])), right).toEqual(role === undefined ? {} : { [right]: role });
    expect(told(token([right], { sensors: [WARD] })), right).toEqual({});
  }
});

test('rights of which a token holds some make no higher role: not all of an administrator’s, no administrator', () => {
  const cases: [TokenRight[], Partial<Record<GrantedRight, string>>][] = [
    [['sensors.read', 'settings.manage'], { 'sensors.read': 'viewer' }],
    [['events.read', 'settings.manage'], { 'events.read': 'viewer' }],
    [['sensors.operate', 'settings.manage'], { 'sensors.operate': 'operator' }],
    [['events.read', 'sensors.operate'], { 'events.read': 'viewer', 'sensors.operate': 'operator' }],
    [['sensors.read', 'events.handle'], { 'sensors.read': 'viewer' }],
    [['sensors.read', 'sensors.configure'], { 'sensors.read': 'viewer', 'sensors.configure': 'operator' }],
    [
      ['sensors.read', 'events.read', 'events.handle'],
      { 'sensors.read': 'analyst', 'events.read': 'analyst' },
    ],
  ];
  for (const [rights, expected] of cases) expect(told(token(rights)), rights.join()).toEqual(expected);
  expect(told(token(TOKEN_RIGHTS))['sensors.operate']).toBe('admin');
  // Narrowed, it is nothing of the whole fleet any more.
  expect(told(token(TOKEN_RIGHTS, { sensors: [LAB] }))['sensors.operate']).toBe('operator');
});

test('at the sensor: nothing is purged, exported or looked for by who is let do a part of it at the fleet', () => {
  const purge = '/v1/data/purge';
  const [exporting, finding] = ['/v1/search/export', '/v1/data/find'];
  expect(paths(of({ role: 'admin' }))).toEqual(expect.arrayContaining([purge, exporting, finding]));
  expect(paths(token(['sensors.operate', 'settings.manage']))).not.toContain(purge);
  expect(paths(token(['sensors.operate', 'settings.manage']))).toContain('/v1/data/hold');
  expect(paths(of({ role: 'admin', sensors: [LAB] }))).not.toContain(purge);
  for (const rights of [['sensors.operate'], ['settings.manage'], ['sensors.operate', 'settings.manage']]) {
    const reached = paths(token(['events.read', ...(rights as TokenRight[])]));
    expect(reached).toContain('/v1/search');
    expect([reached.includes(exporting), reached.includes(finding)]).toEqual([false, false]);
  }
});

const assignment = fc.record(
  {
    role: fc.constantFrom(...ROLES),
    sensors: fc.subarray([LAB, WARD], { minLength: 1 }),
    groups: fc.constant<string[]>(['wards']),
    instruments: fc.subarray(['suricata', 'rule-manager'], { minLength: 1 }),
  },
  { requiredKeys: ['role'] },
);
const scope = fc.record(
  {
    rights: fc.subarray(TOKEN_RIGHTS, { minLength: 1 }),
    sensors: fc.subarray([LAB, WARD], { minLength: 1 }),
    instruments: fc.subarray(['suricata', 'rule-manager'], { minLength: 1 }),
  },
  { requiredKeys: ['rights'] },
);
const rankOf = (role: string | undefined) => ROLES.findIndex((one) => one === role);

test('one more role never takes anything away, and no token does what its owner may not', () => {
  fc.assert(
    fc.property(fc.array(assignment, { maxLength: 3 }), assignment, scope, (roles, more, narrowing) => {
      for (const sensor of [LAB, WARD]) {
        const before = judge(roles, groupsOf, narrowing);
        const after = judge([...roles, more], groupsOf, narrowing);
        for (const right of ASKING) {
          const rank = (person: Judgement) => rankOf(told(person, sensor)[right]);
          expect(rank(after)).toBeGreaterThanOrEqual(rank(before));
          expect(rank(judge(roles, groupsOf))).toBeGreaterThanOrEqual(rank(before));
        }
        expect(done(of(...roles), sensor)).toEqual(expect.arrayContaining(done(before, sensor)));
        expect(done(after, sensor)).toEqual(expect.arrayContaining(done(before, sensor)));
      }
    }),
  );
});

test('nobody is told as more than they hold there: the question’s own right, or all of the role', () => {
  /** All that a role holds which has to do with a sensor's own API; an administrator is one of the fleet as a whole. */
  const wholeOf = (role: (typeof ROLES)[number]): GrantedRight[] => [
    ...ROLE_RIGHTS[role].filter(
      (right) => right !== 'instruments.open' && !FLEET_WIDE_RIGHTS.includes(right),
    ),
    ...(role === 'admin' ? (['settings.manage'] as const) : []),
  ];
  fc.assert(
    fc.property(
      fc.array(assignment, { maxLength: 3 }),
      fc.option(scope, { nil: undefined }),
      fc.constantFrom(LAB, WARD),
      (roles, narrowing, sensor) => {
        const person = judge(roles, groupsOf, narrowing);
        for (const [right, role] of Object.entries(told(person, sensor)) as [GrantedRight, never][]) {
          const holds = (one: GrantedRight) => person.may(one, sensor, EVERY_INSTRUMENT);
          expect(holds(right)).toBe(true);
          const lower = ROLES.slice(0, rankOf(role));
          const isLeast = !lower.some((one) => ROLE_RIGHTS[one].includes(right));
          expect(isLeast || wholeOf(role).every(holds), `${right} as ${String(role)}`).toBe(true);
        }
      },
    ),
  );
});
