import { z } from 'zod';
import { PersonIdSchema } from './people.ts';
import { GRANTED_RIGHTS } from './rights.ts';
import { LabelSchema, NameSchema, SensorIdSchema, TimestampSchema } from './shapes.ts';

/** A token may do what its owner may, less whatever is left out here. Accounts are changed by people only. */
export const TokenRightSchema = z.enum(GRANTED_RIGHTS).exclude(['people.manage']);
export type TokenRight = z.infer<typeof TokenRightSchema>;

export const TokenScopeSchema = z.strictObject({
  rights: z.array(TokenRightSchema).min(1).max(20),
  /** Only these sensors. */
  sensors: z.array(SensorIdSchema).min(1).max(200).optional(),
  /** Only these instruments. */
  instruments: z.array(NameSchema).min(1).max(50).optional(),
});
export type TokenScope = z.infer<typeof TokenScopeSchema>;

export const NewTokenSchema = TokenScopeSchema.extend({
  /** What it is for. */
  label: LabelSchema,
  expiresInDays: z.number().int().min(1).max(366),
});
export type NewToken = z.infer<typeof NewTokenSchema>;

export const TokenSchema = z
  .object({
    id: z.string(),
    owner: PersonIdSchema,
    ownerName: z.string(),
    label: z.string(),
    ...TokenScopeSchema.shape,
    createdAt: TimestampSchema,
    expiresAt: TimestampSchema,
    lastUsedAt: TimestampSchema.nullable(),
    lastUsedFrom: z.string().nullable(),
  })
  .meta({ id: 'Token' });
export type Token = z.infer<typeof TokenSchema>;

export const TokensReplySchema = z.object({ tokens: z.array(TokenSchema) });

/** `secret` goes into `Authorization: Bearer …`; it is shown here and never again. */
export const NewTokenReplySchema = z.object({ secret: z.string(), token: TokenSchema });

export const TokensQuerySchema = z.strictObject({
  /** `all`: everybody's, for administrators. */
  of: z.enum(['me', 'all']).default('me'),
});
export const TokenParamsSchema = z.strictObject({ token: z.string().regex(/^t_[a-z2-7]{16}$/) });
