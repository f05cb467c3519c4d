import { z } from 'zod';
import { EventSeveritySchema } from './events.ts';
import { SensorIdSchema, TimestampSchema } from './shapes.ts';

/** `GET /api/v1/events/open-alerts` */
export const OpenAlertsQuerySchema = z.strictObject({
  /** From the hour of this time on; by default the last 24 hours. */
  since: TimestampSchema.optional(),
});

/** Alerts that nobody has dealt with and nothing suppresses, counted where they came from. */
export const OpenAlertsSchema = z
  .object({
    since: TimestampSchema,
    counts: z.array(
      z.object({
        sensor: SensorIdSchema,
        instrument: z.string(),
        severity: EventSeveritySchema,
        count: z.int(),
      }),
    ),
    /** False: taking out what is dealt with or suppressed would have taken too long, so some counts are too high. */
    complete: z.boolean(),
  })
  .meta({ id: 'OpenAlerts' });
export type OpenAlerts = z.infer<typeof OpenAlertsSchema>;
