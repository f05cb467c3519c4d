import { z } from 'zod';
import { EventTypeSchema } from './names.ts';

/**
 * What happens to a field of a record. `path` is dotted; `*` stands for any one key, arrays are looked through. `storage` acts
 * before a record enters the event store, `export` on what leaves it as a file.
 */
export const FieldRuleSchema = z.strictObject({
  action: z.enum(['drop', 'pseudonymise']),
  path: z
    .string()
    .max(512)
    .regex(
      /^(?:[A-Za-z0-9_-]{1,64}|\*)(?:\.(?:[A-Za-z0-9_-]{1,64}|\*)){0,15}$/,
      'must be up to 16 dot-separated keys of A-Z, a-z, 0-9, _ and -, or *',
    )
    .refine((path) => path !== '*', 'would take the whole record away'),
  /** Only in records of these types; absent = in all. */
  types: z.array(EventTypeSchema).min(1).max(64).optional(),
  at: z.enum(['storage', 'export']),
});
export type FieldRule = z.output<typeof FieldRuleSchema>;

const RetentionDaysSchema = z.int().min(1).max(3650);

/** The sensor's event store: how long, how much, and what of a record. */
export const EventsConfigSchema = z.strictObject({
  retentionDays: z
    .strictObject({
      default: RetentionDaysSchema.default(30),
      /** Event type -> days. */
      types: z
        .record(EventTypeSchema, RetentionDaysSchema)
        .default({})
        .refine((types) => Object.keys(types).length <= 128, 'names more than 128 types'),
    })
    .prefault({}),
  /** Size of the store on disk, indexes and all. When it is full, what would expire next is dropped first. */
  storeMib: z.int().min(256).max(16_777_216).default(4096),
  fieldPolicy: z.array(FieldRuleSchema).max(128).default([]),
});
export type EventsConfig = z.output<typeof EventsConfigSchema>;

/** What of a sensor's events goes to its fleet, when it has one. What was dropped for storage does not go either. */
export const UplinkConfigSchema = z.strictObject({
  enabled: z.boolean().default(true),
  /** Types of instruments' events; absent = all. What the sensor itself says always goes. */
  types: z.array(EventTypeSchema).min(1).max(128).optional(),
  /** Fields that do not go, or go as pseudonyms. */
  fields: z
    .array(FieldRuleSchema.omit({ at: true }))
    .max(128)
    .default([]),
  /**
   * So long events wait in their streams for a fleet that is away, as far as there is room. Then the oldest go, counted, and are only
   * on the sensor.
   */
  waitHours: z.int().min(1).max(168).default(168),
});
export type UplinkConfig = z.output<typeof UplinkConfigSchema>;
