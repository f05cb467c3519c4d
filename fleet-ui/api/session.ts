import { z } from 'zod';
import {
  HeldRightSchema,
  NewPasswordSchema,
  PersonIdSchema,
  PersonNameSchema,
  RoleAssignmentSchema,
} from './people.ts';
import { LabelSchema } from './shapes.ts';

/** What a person typed into a field for a name; the server compares it in lower case. */
const TypedNameSchema = z.string().trim().min(1).max(64);
const TypedPasswordSchema = z.string().min(1).max(256);
const TypedCodeSchema = z.string().trim().min(6).max(64);

/** Who is signed in. */
export const MeSchema = z
  .object({
    id: PersonIdSchema,
    name: PersonNameSchema,
    displayName: z.string(),
    roles: z.array(RoleAssignmentSchema),
    rights: z.array(HeldRightSchema),
    /** `sso`: the identity provider keeps password, second factor and roles. */
    kind: z.enum(['password', 'sso']),
    totp: z.boolean(),
    /** Unused recovery codes. */
    recoveryCodes: z.number().int(),
  })
  .meta({ id: 'Me' });
export type Me = z.infer<typeof MeSchema>;

/** `GET /api/v1/session`, for everybody: what a page must ask for first. */
export const SessionStateSchema = z
  .object({
    setUpNeeded: z.boolean(),
    /** Signing in at an identity provider: `GET /api/v1/session/sso` begins it. */
    sso: z.object({ label: z.string() }).nullable(),
    person: MeSchema.nullable(),
  })
  .meta({ id: 'SessionState' });
export type SessionState = z.infer<typeof SessionStateSchema>;

/** `POST /api/v1/session/set-up`: the first person, an administrator. */
export const SetUpRequestSchema = z.strictObject({
  /** Printed by fleetd when it started. */
  code: TypedCodeSchema,
  name: PersonNameSchema,
  displayName: LabelSchema.optional(),
  password: NewPasswordSchema,
});
export type SetUpRequest = z.infer<typeof SetUpRequestSchema>;

/**
 * `POST /api/v1/session`. Refused with `FLEET_PEOPLE_CODE_NEEDED` when name and password are right and a second factor is set:
 * the same again with `code` (six digits) or `recoveryCode`.
 */
export const SignInRequestSchema = z.strictObject({
  name: TypedNameSchema,
  password: TypedPasswordSchema,
  code: TypedCodeSchema.optional(),
  recoveryCode: TypedCodeSchema.optional(),
});
export type SignInRequest = z.infer<typeof SignInRequestSchema>;

/** `POST /api/v1/session/invitation`: choose a password with the code of an invitation. */
export const AcceptInvitationSchema = z.strictObject({ code: TypedCodeSchema, password: NewPasswordSchema });
export type AcceptInvitation = z.infer<typeof AcceptInvitationSchema>;

/** `POST /api/v1/session/password`. Every session of the person ends; this browser gets a new one. */
export const PasswordChangeSchema = z.strictObject({ current: TypedPasswordSchema, next: NewPasswordSchema });
export type PasswordChange = z.infer<typeof PasswordChangeSchema>;

/** `PATCH /api/v1/session`: what a person may change of themselves. */
export const MeChangeSchema = z.strictObject({ displayName: LabelSchema });

/** `POST /api/v1/session/totp`: begins; nothing is asked for at sign-in until it is confirmed. */
export const TotpBeginSchema = z.strictObject({ password: TypedPasswordSchema });
export const TotpBeginReplySchema = z.object({
  /** Base32, for typing in. */
  secret: z.string(),
  /** `otpauth://…`, for a QR code. */
  uri: z.string(),
});
export const TotpConfirmSchema = z.strictObject({ code: TypedCodeSchema });
/** Each stands in for one code, once. They are shown here and never again. */
export const TotpConfirmReplySchema = z.object({ recoveryCodes: z.array(z.string()) });
export const TotpRemoveSchema = z.strictObject({ password: TypedPasswordSchema, code: TypedCodeSchema });

export const SessionParamsSchema = z.strictObject({ session: z.string().regex(/^e_[a-z2-7]{16}$/) });

/** `person` is null when the account has a second factor: sign in now, with the new password. */
export const SignedInReplySchema = z.object({ person: MeSchema.nullable() });
