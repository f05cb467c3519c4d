import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  EVERY_INSTRUMENT,
  FLEET_WIDE_RIGHTS,
  GRANTED_RIGHTS,
  ROLES,
  type RoleAssignment,
  type TokenScope,
} from '@bulkhead/fleet-api';
import { heldRights, isFullAdmin, judge } from '../../../fleet-ui/server/people/rights.ts';

const LAB = 's_aaaaaaaaaaaaaaaa';
const WARD = 's_bbbbbbbbbbbbbbbb';
const groupsOf = (sensor: string) => (sensor === WARD ? ['wards'] : []);
const of = (...roles: RoleAssignment[]) => judge(roles, groupsOf);

test('each role holds what the table says, and nothing more', () => {
  const held = (role: RoleAssignment['role']) =>
    GRANTED_RIGHTS.filter((right) => of({ role }).mayEverywhere(right));
  expect(held('viewer')).toEqual(['sensors.read', 'events.read', 'instruments.open']);
  expect(held('analyst')).toEqual([...held('viewer'), 'events.handle']);
  expect(held('operator')).toEqual([
    ...held('analyst'),
    'sensors.operate',
    'sensors.configure',
    'sensors.adopt',
  ]);
  expect(held('admin')).toEqual([...GRANTED_RIGHTS]);
  expect(GRANTED_RIGHTS.filter((right) => of().may(right))).toEqual([]);
});

test('a role for one sensor or one group ends there', () => {
  const lab = of({ role: 'operator', sensors: [LAB] });
  expect([lab.may('sensors.operate', LAB), lab.may('sensors.operate', WARD)]).toEqual([true, false]);
  expect([lab.may('sensors.operate'), lab.mayEverywhere('sensors.operate')]).toEqual([true, false]);
  const wards = of({ role: 'viewer', groups: ['wards'] });
  expect([wards.may('events.read', WARD), wards.may('events.read', LAB)]).toEqual([true, false]);
  // Instruments of a sensor belong to it.
  expect(lab.may('instruments.open', LAB, 'suricata')).toBe(true);
});

test('a role for one instrument is for that one, and shows the sensor that it is on', () => {
  const rules = of({ role: 'operator', instruments: ['rule-manager'], sensors: [LAB] });
  expect(rules.may('instruments.open', LAB, 'rule-manager')).toBe(true);
  expect(rules.may('instruments.open', LAB, 'suricata')).toBe(false);
  expect(rules.may('instruments.open', WARD, 'rule-manager')).toBe(false);
  expect([rules.may('sensors.read', LAB), rules.may('sensors.read', WARD)]).toEqual([true, false]);
  expect([rules.may('sensors.operate', LAB), rules.may('events.read', LAB)]).toEqual([false, false]);
  // How the sensor is; not its configuration, nor the logs of other instruments.
  expect(rules.may('sensors.read', LAB, EVERY_INSTRUMENT)).toBe(false);
  expect(of({ role: 'viewer', sensors: [LAB] }).may('sensors.read', LAB, EVERY_INSTRUMENT)).toBe(true);
  expect(rules.rolesFor(LAB, 'rule-manager')).toEqual(['operator']);
  expect(rules.rolesFor(LAB, 'suricata')).toEqual([]);
});

test('half a role here and half a role there do not make a whole one', () => {
  const mixed = of({ role: 'viewer' }, { role: 'operator', sensors: [LAB] });
  expect(mixed.may('sensors.operate', WARD)).toBe(false);
  const crossed = of(
    { role: 'operator', sensors: [LAB], instruments: ['downloader'] },
    { role: 'viewer', sensors: [WARD] },
  );
  expect(crossed.may('sensors.operate', WARD, 'downloader')).toBe(false);
  expect(crossed.may('sensors.operate', LAB, 'downloader')).toBe(true);
});

test('a token may what its scope says, as far as its owner may', () => {
  const scope = { rights: ['sensors.read', 'sensors.operate'] as const, sensors: [LAB] };
  const token = judge([{ role: 'operator' }], groupsOf, { ...scope, rights: [...scope.rights] });
  expect([token.may('sensors.operate', LAB), token.may('sensors.operate', WARD)]).toEqual([true, false]);
  expect([token.may('events.read', LAB), token.mayEverywhere('sensors.operate')]).toEqual([false, false]);
  const demoted = judge([{ role: 'viewer' }], groupsOf, { ...scope, rights: [...scope.rights] });
  expect([demoted.may('sensors.operate', LAB), demoted.may('sensors.read', LAB)]).toEqual([false, true]);
  const one = judge([{ role: 'admin' }], groupsOf, {
    rights: ['instruments.open'],
    instruments: ['passive-dns'],
  });
  expect([
    one.may('instruments.open', LAB, 'passive-dns'),
    one.may('instruments.open', LAB, 'suricata'),
  ]).toEqual([true, false]);
  // What the scope leaves out, it does not do in the name of a role either.
  expect([one.rolesFor(LAB, 'passive-dns'), one.rolesFor(LAB, 'suricata')]).toEqual([['viewer'], []]);
  const acting = (rights: TokenScope['rights']) =>
    judge([{ role: 'operator' }], groupsOf, { rights }).rolesFor(LAB, 'rule-manager');
  expect(acting(['sensors.read'])).toEqual([]);
  expect(acting(['instruments.open', 'sensors.operate'])).toEqual(['viewer']);
  expect(acting(['instruments.open', 'events.handle', 'sensors.operate', 'settings.manage'])).toEqual([
    'operator',
  ]);
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

test('narrowing never gives: no right that the role alone does not have, none for the whole fleet', () => {
  fc.assert(
    fc.property(fc.array(assignment, { maxLength: 4 }), (roles) => {
      const narrowed = of(...roles);
      const wide = of(...roles.map(({ role }) => ({ role })));
      for (const right of GRANTED_RIGHTS) {
        for (const sensor of [undefined, LAB, WARD]) {
          for (const instrument of [undefined, 'suricata', 'rule-manager']) {
            if (narrowed.may(right, sensor, instrument))
              expect(wide.may(right, sensor, instrument)).toBe(true);
          }
        }
        if (narrowed.mayEverywhere(right)) expect(narrowed.may(right, LAB, 'suricata')).toBe(true);
      }
      const narrow = roles.filter(({ role: _role, ...rest }) => Object.keys(rest).length > 0);
      for (const right of FLEET_WIDE_RIGHTS) expect(of(...narrow).may(right)).toBe(false);
      expect(isFullAdmin(narrow)).toBe(false);
      expect(heldRights(roles).map(({ right }) => right)).toEqual(
        GRANTED_RIGHTS.filter((right) => narrowed.may(right)),
      );
    }),
    { numRuns: 300 },
  );
});
