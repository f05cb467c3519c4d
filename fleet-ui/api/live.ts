import { z } from 'zod';
import { SensorIdSchema, TimestampSchema } from './shapes.ts';

/**
 * What `GET /api/v1/live` sends, as Server-Sent Events: `event` is the kind, `data` the JSON of one of these. Each tells that
 * something changed, not all of what it is now; whoever shows it asks for it. First comes `hello`; after a gap (the browser
 * connects again by itself) everything shown should be asked for anew.
 */
export const LiveHelloSchema = z.object({ kind: z.literal('hello'), at: TimestampSchema });

/** A sensor came, went, or says something else than before. */
export const LiveSensorSchema = z.object({
  kind: z.enum(['sensor.attached', 'sensor.detached', 'sensor.state']),
  at: TimestampSchema,
  sensor: SensorIdSchema,
  healthy: z.boolean().optional(),
  /** How many things need attention on it. */
  attention: z.int().optional(),
  /** Why it went: a code of the catalogue. */
  code: z.string().optional(),
});

/** A sensor says that a person may want to know something at once, e.g. that an instrument asks for a right. */
export const LiveNoticeSchema = z.object({
  kind: z.literal('sensor.notice'),
  at: TimestampSchema,
  sensor: SensorIdSchema,
  /** What the sensor sent. */
  notice: z.looseObject({ kind: z.string().max(64) }),
});

/** Told by another part of the fleet: `topic` says what to ask for anew, e.g. `alerts`, `adoptions`, `people`. */
export const LiveTopicSchema = z.object({
  kind: z.literal('changed'),
  at: TimestampSchema,
  topic: z.string().max(64),
  sensor: SensorIdSchema.optional(),
  data: z.looseObject({}).optional(),
});

export const LiveEventSchema = z
  .discriminatedUnion('kind', [LiveHelloSchema, LiveSensorSchema, LiveNoticeSchema, LiveTopicSchema])
  .meta({ id: 'LiveEvent' });
export type LiveEvent = z.infer<typeof LiveEventSchema>;
