import { z } from 'zod';

/** Names a sensor for ever, on its certificate too: `s_` and 16 base32 characters. */
export const SensorIdSchema = z.string().regex(/^s_[a-z2-7]{16}$/, 'is not the id of a sensor');

/** As on the sensor: an instrument, a monitor interface, a command. */
export const NameSchema = z
  .string()
  .max(32)
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and single hyphens');

/** What people call a sensor, a group, a token: one line of plain text. */
export const LabelSchema = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u, 'must be one line of text');

/** RFC 3339 with time zone. */
export const TimestampSchema = z.iso.datetime({ offset: true });

/** A part of a long list; `cursor` is the one that came with the part before. */
export const PageQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(512).optional(),
});

/** A reply that says nothing more than that it was done. */
export const DoneSchema = z.object({ done: z.literal(true) });
