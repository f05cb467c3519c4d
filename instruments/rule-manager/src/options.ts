import { z } from 'zod';
import { FileNameSchema, NameSchema, SidSchema } from './documents/schemas.ts';

/** What the operator may set at `/instruments/N/options`. All of it takes effect at once. */
export const OptionsSchema = z.strictObject({
  /** Groups that this sensor belongs to: documents with the scope `{group}` hold here for these. */
  groups: z.array(NameSchema).max(32).default([]),
  /** Deploy what changed by itself. False: only when a person says so. */
  autoDeploy: z.boolean().default(true),
  /** Nothing must change for so long, in seconds, before what changed is deployed by itself. */
  quietS: z.int().min(0).max(3_600).default(30),
  /** How often each IDS is asked what it runs, in seconds. */
  checkS: z.int().min(1).max(3_600).default(60),
  /** A ruleset with a smaller share of the live one's rules is refused unless forced. */
  minShare: z.number().min(0).max(1).default(0.5),
  /** Longest time that a test or a reload may take, in minutes. */
  maxTestMinutes: z.int().min(1).max(120).default(15),
  /** Version of the IDS, for addresses of catalogues that name it. */
  engineVersion: z
    .string()
    .regex(/^\d{1,3}(?:\.\d{1,3}){1,2}$/)
    .default('7.0.10'),
  /** Recorded traffic (pcap, at most 64 MiB) below `resources/` that each ruleset is tried on before it goes live. */
  testCapture: FileNameSchema.optional(),
  /** Rules that must alert on it; a ruleset without them is refused. */
  captureMustAlert: z.array(SidSchema).max(100).default([]),
  /** Alerts are kept so long for previews of suppressions. 0: none are kept. */
  alertDays: z.int().min(0).max(31).default(7),
  maxAlerts: z.int().min(1_000).max(1_000_000).default(1_000_000),
});
export type Options = z.output<typeof OptionsSchema>;
