import { z } from 'zod';
import { SensorIdSchema, TimestampSchema } from './shapes.ts';

/**
 * What tables, gauges and the overview need of one sensor: how it is linked, and its status in a few numbers. What is absent is
 * not known; a sensor that was not there since fleetd started is not listed.
 */
export const SensorBriefSchema = z
  .object({
    sensor: SensorIdSchema,
    attached: z.boolean(),
    /** Since when it is attached, or is not. */
    since: TimestampSchema.optional(),
    lastSeen: TimestampSchema.optional(),
    /** How far its clock is ahead of the fleet's, in milliseconds. */
    clockDifferenceMs: z.int().optional(),
    clockWrong: z.boolean(),
    version: z.string().optional(),
    /** When the sensor said what follows. */
    statusAt: TimestampSchema.optional(),
    healthy: z.boolean().optional(),
    /** How many matters it names itself. */
    attention: z.int(),
    /** Packets over all monitor interfaces; `framesSent` has to be 0. */
    received: z.number(),
    lost: z.number(),
    framesSent: z.number(),
    /** The worst detection check and the worst feed. */
    check: z.enum(['blind', 'pending', 'ok', 'off']).optional(),
    feed: z.enum(['alarm', 'learning', 'ok', 'off']).optional(),
    instruments: z.int(),
    /** That should run and do not, or are not well. */
    instrumentsDown: z.int(),
    /** Since when the oldest ruleset in force on it has not changed. */
    rulesSince: TimestampSchema.optional(),
    /** Of the fullest disk or volume, in percent. */
    diskPercent: z.number().optional(),
  })
  .meta({ id: 'SensorBrief' });
export type SensorBrief = z.infer<typeof SensorBriefSchema>;

/** `GET /api/v1/sensors/status`: all sensors that the asker may read, in one answer. */
export const SensorBriefsReplySchema = z.object({ at: TimestampSchema, sensors: z.array(SensorBriefSchema) });
export type SensorBriefsReply = z.infer<typeof SensorBriefsReplySchema>;
