import { z } from 'zod';
import { LabelSchema, TimestampSchema } from './shapes.ts';

const partOf = z.string().trim().min(1).max(500).optional();

/**
 * A search as it stands in the address of the page, so that `range` stays relative: opened tomorrow, it shows the last day then.
 */
export const EventViewSearchSchema = z.strictObject({
  ...{ text: partOf, sensor: partOf, instrument: partOf, type: partOf, severity: partOf, address: partOf },
  ...{ name: partOf, signature: partOf, flow: partOf, handled: partOf, owner: partOf, suppressed: partOf },
  ...{ range: partOf, since: partOf, until: partOf },
});
export type EventViewSearch = z.infer<typeof EventViewSearchSchema>;

/** `POST /api/v1/events/views`: a view of one's own of that name is replaced. */
export const EventViewRequestSchema = z.strictObject({
  name: LabelSchema,
  search: EventViewSearchSchema,
  /** For everybody who may read events; needs the right `sensors.operate`. */
  shared: z.boolean().default(false),
});
export type EventViewRequest = z.input<typeof EventViewRequestSchema>;

export const EventViewSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    search: EventViewSearchSchema,
    shared: z.boolean(),
    /** Name of who made it. */
    owner: z.string(),
    /** It belongs to who asks. */
    own: z.boolean(),
    /** Who asks may remove it. */
    mayRemove: z.boolean(),
    at: TimestampSchema,
  })
  .meta({ id: 'EventView' });
export type EventView = z.infer<typeof EventViewSchema>;

/** `GET /api/v1/events/views`: one's own and those that are shared, by name. */
export const EventViewsReplySchema = z.object({ views: z.array(EventViewSchema) });
export type EventViewsReply = z.infer<typeof EventViewsReplySchema>;

export const EventViewParamsSchema = z.strictObject({
  id: z.string().regex(/^v_[a-z2-7]{16}$/, 'is not the id of a view'),
});
