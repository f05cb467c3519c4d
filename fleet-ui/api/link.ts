import { z } from 'zod';
import { SensorIdSchema, TimestampSchema } from './shapes.ts';

/** One monitor interface, as far as every version of the sensor tells it; what more it says is passed on. */
export const MonitorViewSchema = z.looseObject({
  name: z.string().max(64),
  device: z.string().max(64).optional(),
  state: z.string().max(32).optional(),
  check: z.looseObject({ state: z.string().max(32).optional() }).optional(),
  packets: z.looseObject({}).optional(),
  feed: z.looseObject({}).optional(),
});
export type MonitorView = z.infer<typeof MonitorViewSchema>;

export const InstrumentViewSchema = z.looseObject({
  name: z.string().max(64),
  package: z.string().max(64).optional(),
  version: z.string().max(64).optional(),
  state: z.string().max(32).optional(),
  health: z.string().max(32).optional(),
  detail: z.string().max(4000).optional(),
  /** Since when its ruleset in force has not changed. */
  rulesSince: z.string().max(64).optional(),
  /** What it takes of its container's limits. */
  use: z
    .looseObject({
      memoryBytes: z.number().optional(),
      memoryLimitBytes: z.number().optional(),
      cpuCores: z.number().optional(),
      cpuLimitCores: z.number().optional(),
      processes: z.number().optional(),
      processesLimit: z.number().optional(),
    })
    .optional(),
  page: z
    .looseObject({ title: z.string().max(200).optional(), state: z.string().max(32).optional() })
    .optional(),
  counters: z.record(z.string(), z.number()).optional(),
});
export type InstrumentView = z.infer<typeof InstrumentViewSchema>;

/** The machine itself: processors, memory, disks, clock. */
export const HostViewSchema = z.looseObject({
  cpus: z.number().optional(),
  load1: z.number().optional(),
  memoryBytes: z.number().optional(),
  memoryFreeBytes: z.number().optional(),
  clockSynchronised: z.boolean().optional(),
  disks: z
    .array(z.looseObject({ what: z.string().max(200), totalBytes: z.number(), freeBytes: z.number() }))
    .max(16)
    .optional(),
});

/** An encrypted volume of an instrument or of the platform. */
export const VolumeViewSchema = z.looseObject({
  name: z.string().max(64),
  state: z.string().max(32).optional(),
  sizeBytes: z.number(),
  usedBytes: z.number(),
});
export type VolumeView = z.infer<typeof VolumeViewSchema>;

/**
 * What a sensor says of itself (`SensorStatus` of the platform). Sensors of other versions say more or less: everything may be
 * missing, and what is not named here is passed on as it came.
 */
export const SensorStatusViewSchema = z
  .looseObject({
    /** How the sensor calls itself; its name in the fleet is another matter. */
    sensor: z.string().max(64).optional(),
    version: z.string().max(64).optional(),
    versions: z.record(z.string(), z.string()).optional(),
    startedAt: z.string().max(64).optional(),
    healthy: z.boolean().optional(),
    attention: z.array(z.string().max(2000)).max(200),
    config: z
      .looseObject({
        digest: z.string().max(200).optional(),
        lastError: z.string().max(8000).optional(),
        revision: z.looseObject({ number: z.number() }).optional(),
        trying: z.number().optional(),
      })
      .optional(),
    bus: z.looseObject({ up: z.boolean().optional() }).optional(),
    monitors: z.array(MonitorViewSchema).max(64),
    instruments: z.array(InstrumentViewSchema).max(256),
    counts: z.record(z.string(), z.number()).optional(),
    host: HostViewSchema.optional(),
    volumes: z.array(VolumeViewSchema).max(300).optional(),
  })
  .meta({ id: 'SensorStatusView' });
export type SensorStatusView = z.infer<typeof SensorStatusViewSchema>;

/** How the fleet and one sensor are connected. */
export const LinkViewSchema = z
  .object({
    sensor: SensorIdSchema,
    attached: z.boolean(),
    /** Since when it is attached, or since when it is not. Missing: it was never there since fleetd started. */
    since: TimestampSchema.optional(),
    /** When it was last heard. */
    lastSeen: TimestampSchema.optional(),
    /** Where it dialled from. */
    address: z.string().optional(),
    /** Of Bulkhead, as it said when it attached. */
    version: z.string().optional(),
    /** Revision of the fleet's configuration that was in force when it attached. */
    configRevision: z.int().optional(),
    /** How far its clock is ahead of the fleet's, in milliseconds; negative = behind. */
    clockDifferenceMs: z.int().optional(),
    /** The clock is so far off that times of events cannot be compared. */
    clockWrong: z.boolean(),
    /** Pages and uplinks that are open through it. */
    tunnels: z.int(),
    /** Why the last link ended. */
    ended: z.object({ code: z.string(), message: z.string() }).optional(),
  })
  .meta({ id: 'LinkView' });
export type LinkView = z.infer<typeof LinkViewSchema>;

/** `GET /api/v1/sensors/:id/status`. */
export const SensorStatusReplySchema = z
  .object({
    link: LinkViewSchema,
    /** When the sensor said it. */
    statusAt: TimestampSchema.optional(),
    status: SensorStatusViewSchema.optional(),
    /** The sensor sent something that is no status. */
    statusUnreadable: z.boolean(),
  })
  .meta({ id: 'SensorStatusReply' });
export type SensorStatusReply = z.infer<typeof SensorStatusReplySchema>;

/** Of the addresses below `/api/v1/sensors/:id/`. */
export const SensorParamsSchema = z.object({ id: SensorIdSchema });
export const SensorApiParamsSchema = z.object({ id: SensorIdSchema, '*': z.string().min(1).max(300) });
