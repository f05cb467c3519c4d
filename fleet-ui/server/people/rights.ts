import {
  FLEET_WIDE_RIGHTS,
  GRANTED_RIGHTS,
  ROLE_RIGHTS,
  ROLES,
  type GrantedRight,
  type HeldRight,
  type Role,
  type RoleAssignment,
  type TokenScope,
} from '@bulkhead/fleet-api';

/** Which groups a sensor is in, now. */
export type GroupsOf = (sensor: string) => readonly string[];

/** Answers what somebody may; made anew when their roles change. */
export interface Judgement {
  /**
   * @param sensor id; without it the question is: anywhere at all? (For lists, which then leave out what is refused one by one.)
   * @param instrument without it the question is about the sensor itself. A role that is narrowed to instruments then says no,
   *        but for `sensors.read`: who may open an instrument sees the sensor that it is on. EVERY_INSTRUMENT: on all it has
   */
  may(right: GrantedRight, sensor?: string, instrument?: string): boolean;
  /** On every sensor and instrument, also future ones. */
  mayEverywhere(right: GrantedRight): boolean;
  /** Roles that apply there, for an instrument to be told. */
  rolesFor(sensor: string, instrument?: string): Role[];
}

/** Holding is per assignment: one of them must give the right *and* cover the place; two halves do not make one. */
export function judge(roles: readonly RoleAssignment[], groupsOf: GroupsOf, scope?: TokenScope): Judgement {
  const all: readonly Narrowing[] = scope === undefined ? [] : [scope];
  /** A token narrows each of its owner's roles further. */
  const holds = (right: GrantedRight, judgeOne: (narrowing: Narrowing) => boolean): boolean =>
    (scope === undefined ||
      (scope.rights.some((given) => given === right) &&
        !(isNarrowed(scope) && FLEET_WIDE_RIGHTS.includes(right)))) &&
    all.every(judgeOne) &&
    roles.some((assignment) => gives(assignment, right) && judgeOne(assignment));
  const there = (right: GrantedRight, sensor: string, instrument: string | undefined): boolean =>
    holds(
      right,
      (one) =>
        coversSensor(one, sensor, groupsOf) &&
        (isCovered(one.instruments, instrument) || (right === 'sensors.read' && instrument === undefined)),
    );
  return {
    may: (right, sensor, instrument) => {
      if (sensor !== undefined) return there(right, sensor, instrument);
      return holds(right, (one) => instrument === undefined || isCovered(one.instruments, instrument));
    },
    mayEverywhere: (right) => holds(right, (one) => !isNarrowed(one)),
    rolesFor: (sensor, instrument) => {
      const covers = (one: Narrowing) =>
        coversSensor(one, sensor, groupsOf) && isCovered(one.instruments, instrument);
      if (!all.every(covers)) return [];
      const acting = roles.filter(covers).map(({ role }) => actsAs(role, scope));
      return ROLES.filter((role) => acting.includes(role));
    },
  };
}

/** The right that stands for a role where an instrument is told of roles: a token without it acts in a lower one. */
const MARKS: Readonly<Record<Role, GrantedRight>> = {
  viewer: 'instruments.open',
  analyst: 'events.handle',
  operator: 'sensors.operate',
  admin: 'settings.manage',
};

/** The highest role, up to the owner's, of which the token holds every mark. */
function actsAs(role: Role, scope: TokenScope | undefined): Role | undefined {
  if (scope === undefined) return role;
  const upTo = ROLES.slice(0, ROLES.indexOf(role) + 1);
  const missing = upTo.findIndex((one) => !scope.rights.some((right) => right === MARKS[one]));
  return missing < 0 ? role : upTo[missing - 1];
}

/** What a role or a token is narrowed to. */
interface Narrowing {
  sensors?: readonly string[] | undefined;
  groups?: readonly string[] | undefined;
  instruments?: readonly string[] | undefined;
}

/** What somebody holds and where, for the web app. */
export function heldRights(roles: readonly RoleAssignment[]): HeldRight[] {
  return GRANTED_RIGHTS.flatMap((right): HeldRight[] => {
    const giving = roles.filter((assignment) => gives(assignment, right));
    if (giving.length === 0) return [];
    if (giving.some((assignment) => !isNarrowed(assignment)))
      return [{ right, everywhere: true, sensors: [], groups: [], instruments: [] }];
    const all = (part: 'sensors' | 'groups' | 'instruments') => [
      ...new Set(giving.flatMap((assignment) => assignment[part] ?? [])),
    ];
    return [
      {
        right,
        everywhere: false,
        sensors: all('sensors'),
        groups: all('groups'),
        instruments: all('instruments'),
      },
    ];
  });
}

/** True for who can manage everybody: an administrator whose role is not narrowed. */
export function isFullAdmin(roles: readonly RoleAssignment[]): boolean {
  return roles.some((assignment) => assignment.role === 'admin' && !isNarrowed(assignment));
}

function isNarrowed({ sensors, groups, instruments }: Narrowing): boolean {
  return sensors !== undefined || groups !== undefined || instruments !== undefined;
}

function gives(assignment: RoleAssignment, right: GrantedRight): boolean {
  return (
    ROLE_RIGHTS[assignment.role].includes(right) &&
    !(isNarrowed(assignment) && FLEET_WIDE_RIGHTS.includes(right))
  );
}

function coversSensor({ sensors, groups }: Narrowing, sensor: string, groupsOf: GroupsOf): boolean {
  if (sensors === undefined && groups === undefined) return true;
  return (
    sensors?.includes(sensor) === true ||
    (groups !== undefined && groupsOf(sensor).some((group) => groups.includes(group)))
  );
}

/** No list covers everything; a list covers what stands in it, and never the whole. */
function isCovered(list: readonly string[] | undefined, one: string | undefined): boolean {
  return list === undefined || (one !== undefined && list.includes(one));
}
