import { z } from 'zod';
import { SensorIdSchema, TimestampSchema } from './shapes.ts';

/** Kinds of copies of data at the fleet itself; a sensor's kinds are its own words. */
export const FLEET_STORE_KINDS = ['event-store', 'stream', 'journal', 'database', 'keys', 'backup'] as const;

/** One copy of data, on a sensor or at the fleet. */
export const DataStoreSchema = z.object({
  /** Absent: it lies at the fleet. */
  sensor: SensorIdSchema.optional(),
  /** How people call the sensor. */
  sensorName: z.string().optional(),
  /** Unique within its sensor: `stream/suricata`, `fleet/events`. */
  copy: z.string(),
  kind: z.string(),
  /** What it is, in words. */
  what: z.string(),
  /** `platform`, `fleet`, or the instrument that keeps it. */
  holder: z.string(),
  records: z.number().optional(),
  bytes: z.number().optional(),
  limitBytes: z.number().optional(),
  oldest: TimestampSchema.optional(),
  /** Whether the platform saw the age for itself (`measured`) or an instrument said it (`declared`). */
  basis: z.enum(['measured', 'declared']).optional(),
  policy: z.string(),
  readers: z.array(z.string()),
  /** Where it goes from here; empty: it stays. */
  goesTo: z.array(z.string()),
  faults: z.array(z.string()),
});
export type DataStore = z.infer<typeof DataStoreSchema>;

export const DATA_SORTS = ['place', 'oldest', 'size'] as const;

export const DataStoresQuerySchema = z.strictObject({
  /** Id of a sensor, or `fleet`: what the fleet itself keeps. */
  at: z.union([SensorIdSchema, z.literal('fleet')]).optional(),
  /** Part of what it is, its kind, its holder, a reader or a destination. */
  text: z.string().trim().max(200).optional(),
  /** `yes`: only what something is wrong with. */
  faults: z.literal('yes').optional(),
  sort: z.enum(DATA_SORTS).default('place'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  offset: z.coerce.number().int().min(0).max(100_000).default(0),
});
export type DataStoresQuery = Partial<z.output<typeof DataStoresQuerySchema>>;

/** What the fleet has of one sensor's data report. */
export const DataReportStateSchema = z.object({
  sensor: SensorIdSchema,
  name: z.string(),
  online: z.boolean(),
  /** When the fleet got the newest one, by the fleet's clock; absent: it never got one. */
  heardAt: TimestampSchema.optional(),
  copies: z.number(),
  /** In words of the sensor, worst first; cut. */
  attention: z.array(z.string()),
  /** Why the sensor's clock is not believed. */
  clockDoubt: z.string().optional(),
  /** Why the newest question brought nothing. */
  problem: z.string().optional(),
  /** Fingerprint of the key that signed it: what `bulkhead data key` shows on the sensor. */
  key: z.string().optional(),
  /** Since when, if the sensor signed with another key before: it was set up anew, or replaced, or something is wrong. */
  keyChangedAt: TimestampSchema.optional(),
  isAsked: z.boolean(),
});
export type DataReportState = z.infer<typeof DataReportStateSchema>;

export const DataStoresSchema = z.object({
  stores: z.array(DataStoreSchema),
  /** That fit the question. */
  total: z.number(),
  sensors: z.array(DataReportStateSchema),
  /** Of the key with which the fleet signs what is downloaded. */
  key: z.string(),
});
export type DataStores = z.infer<typeof DataStoresSchema>;

export const DataKeySchema = z.object({
  algorithm: z.literal('Ed25519'),
  /** Base64 of 32 bytes. */
  publicKey: z.string(),
  fingerprint: z.string(),
});

export const DataSensorParamsSchema = z.strictObject({ sensor: SensorIdSchema });
