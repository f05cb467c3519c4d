import { z } from 'zod';

/** What a person or a token can be allowed to do. */
export const GRANTED_RIGHTS = [
  'sensors.read',
  'events.read',
  'instruments.open',
  'events.handle',
  'sensors.operate',
  'sensors.configure',
  'sensors.adopt',
  'people.manage',
  'settings.manage',
  'audit.read',
] as const;

export const GrantedRightSchema = z.enum(GRANTED_RIGHTS);
export type GrantedRight = z.infer<typeof GrantedRightSchema>;

/**
 * What a route asks of who calls it: `public` asks nothing (set-up, signing in, enrolment of a sensor, files of the web app),
 * `signed-in` any person or token, everything else a role that holds the right.
 */
export type Right = 'public' | 'signed-in' | GrantedRight;

export const ROLES = ['viewer', 'analyst', 'operator', 'admin'] as const;
export const RoleSchema = z.enum(ROLES);
export type Role = z.infer<typeof RoleSchema>;

const VIEWER = ['sensors.read', 'events.read', 'instruments.open'] as const;
const ANALYST = [...VIEWER, 'events.handle'] as const;
const OPERATOR = [...ANALYST, 'sensors.operate', 'sensors.configure', 'sensors.adopt'] as const;

/** Each role holds what the one before it holds. */
export const ROLE_RIGHTS: Readonly<Record<Role, readonly GrantedRight[]>> = Object.freeze({
  viewer: VIEWER,
  analyst: ANALYST,
  operator: OPERATOR,
  admin: GRANTED_RIGHTS,
});

/** Rights that concern the fleet as a whole: a role that is narrowed to sensors, groups or instruments does not give them. */
export const FLEET_WIDE_RIGHTS: readonly GrantedRight[] = Object.freeze([
  'sensors.adopt',
  'people.manage',
  'settings.manage',
  'audit.read',
]);

/**
 * In place of an instrument's name, in a question about a right on a sensor: on all that the sensor has. Who may open one
 * instrument sees how its sensor is (`sensors.read`), and not what belongs to the others (configuration, logs).
 */
export const EVERY_INSTRUMENT = '*';
