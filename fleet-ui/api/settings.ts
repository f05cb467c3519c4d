import { z } from 'zod';
import { TimestampSchema } from './shapes.ts';

/** A number that the configuration file says and that can be overridden here. */
const NumberSettingSchema = z.object({
  /** In force. */
  value: z.number(),
  /** Where it comes from. */
  from: z.enum(['file', 'app']),
  /** What the file (or its default) says. */
  file: z.number(),
  /** Who overrode it, and when. */
  by: z.string().optional(),
  at: TimestampSchema.optional(),
});

/** The fleet's own certificates. */
export const FleetCertificateSchema = z.object({
  /** `ca`: the authority of this fleet. `web`: for people. `link`: for sensors. */
  what: z.enum(['ca', 'web', 'link']),
  /** Given to fleetd as files, instead of issued by its own authority. */
  given: z.boolean(),
  subject: z.string(),
  names: z.array(z.string()),
  notBefore: TimestampSchema,
  notAfter: TimestampSchema,
  /** SHA-256 of the certificate, base64url: what stands in an adoption's join token. */
  fingerprint: z.string(),
});
export type FleetCertificate = z.infer<typeof FleetCertificateSchema>;

/** `GET /api/v1/settings` */
export const SettingsSchema = z
  .object({
    events: z.object({ retentionDays: NumberSettingSchema, storeMib: NumberSettingSchema }),
    backup: z.object({
      /** The newest that was made of this fleet; absent: none is known. */
      last: z.object({ at: TimestampSchema, file: z.string(), bytes: z.number() }).optional(),
      /** To be run on the machine of the fleet. */
      command: z.string(),
      /** After so many days without one it needs attention. */
      everyDays: z.number(),
    }),
    certificates: z.array(FleetCertificateSchema),
  })
  .meta({ id: 'Settings' });
export type Settings = z.infer<typeof SettingsSchema>;

/** `PUT /api/v1/settings/events`; null: as the configuration file says. */
export const EventKeepingChangeSchema = z.strictObject({
  retentionDays: z.number().int().min(1).max(3_650).nullable(),
  storeMib: z.number().int().min(64).max(4_194_304).nullable(),
});
export type EventKeepingChange = z.infer<typeof EventKeepingChangeSchema>;
