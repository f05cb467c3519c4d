import { z } from 'zod';
import { GrantedRightSchema, RoleSchema } from './rights.ts';
import { LabelSchema, NameSchema, SensorIdSchema, TimestampSchema } from './shapes.ts';

/** With this a person signs in; also e-mail addresses fit. Never reused for somebody else's account without an administrator. */
export const PersonNameSchema = z
  .string()
  .max(64)
  .regex(
    /^[a-z0-9][a-z0-9._@+-]*$/,
    'must be lower-case letters, digits and . _ @ + -, beginning with a letter or digit',
  );

export const PersonIdSchema = z.string().regex(/^p_[a-z2-7]{16}$/, 'is not the id of a person');

/** The rules are in `server/people/password-rules.ts`; here are only the bounds. */
export const NewPasswordSchema = z.string().min(12, 'must have at least 12 characters').max(256);

const narrowing = {
  /** Only these sensors. Together with `groups`: those of either. */
  sensors: z.array(SensorIdSchema).min(1).max(200).optional(),
  /** Only the sensors of these groups, as they are at the time of asking. */
  groups: z.array(z.string().min(1).max(80)).min(1).max(50).optional(),
  /** Only these instruments; the sensor's own affairs are then not included. */
  instruments: z.array(NameSchema).min(1).max(50).optional(),
};

/** A role, for everything or narrowed. Rights that concern the fleet as a whole come only with a role that is not narrowed. */
export const RoleAssignmentSchema = z
  .strictObject({ role: RoleSchema, ...narrowing })
  .meta({ id: 'RoleAssignment' });
export type RoleAssignment = z.infer<typeof RoleAssignmentSchema>;

const RolesSchema = z.array(RoleAssignmentSchema).max(20);

/** A person as administrators see them. */
export const PersonSchema = z
  .object({
    id: PersonIdSchema,
    name: PersonNameSchema,
    displayName: z.string(),
    roles: RolesSchema,
    /** Cannot sign in, and neither can their tokens. */
    disabled: z.boolean(),
    /** `invited`: has no password yet. `sso`: signs in at the identity provider, which also says the roles. */
    kind: z.enum(['password', 'invited', 'sso']),
    /** Signs in with a second factor of this fleet. */
    totp: z.boolean(),
    createdAt: TimestampSchema,
    lastSignInAt: TimestampSchema.nullable(),
  })
  .meta({ id: 'Person' });
export type Person = z.infer<typeof PersonSchema>;

export const PeopleReplySchema = z.object({ people: z.array(PersonSchema) });

export const NewPersonSchema = z.strictObject({
  name: PersonNameSchema,
  displayName: LabelSchema.optional(),
  roles: RolesSchema.min(1),
});
export type NewPerson = z.infer<typeof NewPersonSchema>;

/** With the code the person chooses a password. It is shown once, used once, and ends. */
export const InvitationSchema = z
  .object({ code: z.string(), expiresAt: TimestampSchema })
  .meta({ id: 'Invitation' });
export type Invitation = z.infer<typeof InvitationSchema>;

export const NewPersonReplySchema = z.object({ person: PersonSchema, invitation: InvitationSchema });

/** Only what stands here can be changed; anything else in the body is refused. */
export const PersonChangeSchema = z.strictObject({
  displayName: LabelSchema.optional(),
  roles: RolesSchema.optional(),
  disabled: z.boolean().optional(),
});
export type PersonChange = z.infer<typeof PersonChangeSchema>;

/** A new code for somebody who lost the password; their sessions end and the old password is void. */
export const InvitationRequestSchema = z.strictObject({
  /** Also forgets the second factor (the telephone is lost too). */
  forgetTotp: z.boolean().default(false),
});

/** One browser that is signed in. */
export const SessionEntrySchema = z
  .object({
    id: z.string(),
    current: z.boolean(),
    how: z.enum(['password', 'sso', 'invitation', 'set-up']),
    /** The page of an instrument that was opened from the session, else null. */
    instrumentOrigin: z.string().nullable(),
    address: z.string(),
    /** What the browser calls itself. */
    agent: z.string(),
    createdAt: TimestampSchema,
    lastSeenAt: TimestampSchema,
    expiresAt: TimestampSchema,
  })
  .meta({ id: 'SessionEntry' });
export type SessionEntry = z.infer<typeof SessionEntrySchema>;

export const SessionsReplySchema = z.object({ sessions: z.array(SessionEntrySchema) });
export const EndedReplySchema = z.object({ ended: z.number().int() });

export const PersonParamsSchema = z.strictObject({ person: PersonIdSchema });

/** Where a right is held: for everything, or for what is listed. For the web app to show and to hide; the server judges itself. */
export const HeldRightSchema = z.object({
  right: GrantedRightSchema,
  everywhere: z.boolean(),
  sensors: z.array(SensorIdSchema),
  groups: z.array(z.string()),
  instruments: z.array(NameSchema),
});
export type HeldRight = z.infer<typeof HeldRightSchema>;
