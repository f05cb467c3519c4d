import { z } from 'zod';
import { SensorIdSchema, TimestampSchema } from './shapes.ts';
import { GroupIdSchema, SensorNameSchema } from './sensors.ts';

export const CodeIdSchema = z.string().regex(/^c_[a-z2-7]{16}$/, 'is not the id of an adoption code');

/** `POST /api/v1/adoption-codes`. */
export const AdoptionCodeRequestSchema = z
  .strictObject({
    name: SensorNameSchema.optional(),
    group: GroupIdSchema.optional(),
    /** New hardware takes the place of this sensor: its name, group, configuration and grants. Its certificate is revoked then. */
    replaces: SensorIdSchema.optional(),
    expiresInS: z.int().min(60).max(604_800).default(3600),
  })
  .refine(
    ({ name, group, replaces }) => replaces === undefined || (name === undefined && group === undefined),
    {
      message: 'a sensor that replaces another has its name and group',
    },
  );
export type AdoptionCodeRequest = z.infer<typeof AdoptionCodeRequestSchema>;

/** A code that can still be used. The code itself is shown once, when it is made. */
export const AdoptionCodeViewSchema = z
  .object({
    id: CodeIdSchema,
    createdAt: TimestampSchema,
    createdBy: z.string(),
    expiresAt: TimestampSchema,
    name: z.string().optional(),
    group: GroupIdSchema.optional(),
    replaces: SensorIdSchema.optional(),
  })
  .meta({ id: 'AdoptionCode' });
export type AdoptionCodeView = z.infer<typeof AdoptionCodeViewSchema>;

export const AdoptionCodeReplySchema = AdoptionCodeViewSchema.extend({
  /** `XXXX-XXXX-XXXX`. */
  code: z.string(),
  /** What is typed on the sensor: code, address of the fleet and fingerprint of its CA. */
  joinToken: z.string(),
  /** The command for it. */
  command: z.string(),
  fingerprint: z.string(),
}).meta({ id: 'NewAdoptionCode' });
export type AdoptionCodeReply = z.infer<typeof AdoptionCodeReplySchema>;
export const AdoptionCodesReplySchema = z.object({ codes: z.array(AdoptionCodeViewSchema) });
