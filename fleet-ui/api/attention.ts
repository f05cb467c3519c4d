import { z } from 'zod';
import { SensorIdSchema, TimestampSchema } from './shapes.ts';

/** What a person should look at. The same matter keeps its `id` for as long as it stands. */
export const AttentionItemSchema = z
  .object({
    /** `<kind>:<what it is about>`, e.g. `offline:s_…`. */
    id: z.string().max(200),
    /** `critical`: something does not see, loses or is unsafe now. `warning`: will be soon. `info`: somebody waits. */
    severity: z.enum(['critical', 'warning', 'info']),
    /** A few words: `Lab is offline`. */
    title: z.string().max(160),
    /** What it means and what to do. */
    text: z.string().max(1000),
    sensor: SensorIdSchema.optional(),
    /** As the sensor calls it. */
    instrument: z.string().max(64).optional(),
    since: TimestampSchema.optional(),
    /** Path of the page where it is dealt with. */
    link: z.string().max(300).optional(),
  })
  .meta({ id: 'AttentionItem' });
export type AttentionItem = z.infer<typeof AttentionItemSchema>;

/** `GET /api/v1/attention`: what the asker may see, the worst first. */
export const AttentionReplySchema = z.object({ items: z.array(AttentionItemSchema) });
export type AttentionReply = z.infer<typeof AttentionReplySchema>;
