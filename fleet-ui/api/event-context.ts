import { z } from 'zod';
import { EVENT_FILTER } from './events.ts';
import { SignatureIdSchema } from './event-suppressions.ts';
import { TimestampSchema } from './shapes.ts';

/** `GET /api/v1/events/occurrences` */
export const OccurrencesQuerySchema = z.strictObject({
  signature: SignatureIdSchema,
  days: z.coerce.number().int().min(1).max(90).default(30),
});

/** How often a signature was seen, and where; of sensors that the asker may read. Counts are to the hour. */
export const OccurrencesSchema = z
  .object({
    signature: z.string(),
    /** Its text, when the fleet has seen it. */
    text: z.string().optional(),
    since: TimestampSchema,
    total: z.number(),
    /** Exact times of the first and the last one in that time. */
    first: TimestampSchema.optional(),
    last: TimestampSchema.optional(),
    /** The most first; `first` and `last` to the hour. */
    sensors: z.array(
      z.object({ sensor: z.string(), count: z.number(), first: TimestampSchema, last: TimestampSchema }),
    ),
    /** One number for each day, the oldest first; days are of 24 hours and end now. */
    days: z.array(z.number()),
  })
  .meta({ id: 'EventOccurrences' });
export type Occurrences = z.infer<typeof OccurrencesSchema>;

/** Why there is, or is not, a text: each is said in words beside it. */
export const RULE_TEXT_STATES = [
  'found',
  'no-signature',
  'no-rule-manager',
  'not-permitted',
  'away',
  'closed',
  'unknown-rule',
  'failed',
] as const;

/** `GET /api/v1/events/:id/rule`: the rule that raised an alert, as the sensor's rule manager has it. */
export const RuleTextSchema = z
  .object({
    state: z.enum(RULE_TEXT_STATES),
    /** In words for people. */
    message: z.string(),
    /** Name of the rule manager on that sensor. */
    instrument: z.string().optional(),
    /** As it is on that sensor now, with all changes; it may be another version than the one that raised the alert. */
    text: z.string().optional(),
    /** As in its source, where people changed it. */
    original: z.string().optional(),
    source: z.string().optional(),
    rev: z.number().optional(),
    enabled: z.boolean().optional(),
    references: z.array(z.string()).optional(),
    /** Suppressions and limits that the rule manager itself holds about it. */
    suppressions: z.number().optional(),
  })
  .meta({ id: 'RuleText' });
export type RuleText = z.infer<typeof RuleTextSchema>;

/** `GET /api/v1/events/export`: NDJSON of {@link FleetEvent}, the newest first. */
export const EventExportQuerySchema = z.strictObject({
  ...EVENT_FILTER,
  /** At most so many; when there are more, the last line says `{"cut":true,"records":…}`. */
  most: z.coerce.number().int().min(1).max(100_000).default(100_000),
});
