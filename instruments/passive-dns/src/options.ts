import { z } from 'zod';

/** What the operator may set at `/instruments/N/options`. All of it takes effect at once. */
export const OptionsSchema = z.strictObject({
  /** A record that was not seen again for so long is forgotten. */
  retentionDays: z.int().min(1).max(36_500).default(90),
  /** Most records (rrsets) in all. Beyond it the rarest and oldest are shed, and counted. */
  maxRecords: z.int().min(1_000).max(50_000_000).default(1_500_000),
  /** Most records below one registered name, so that random subdomains of one cannot push out all others. */
  maxRecordsPerSuffix: z.int().min(100).max(5_000_000).default(20_000),
  /** TCP port of the HTTP API on loopback inside the container. */
  apiPort: z.int().min(1_024).max(65_535).default(8_053),
  /** Names that are added for each address of an alert. */
  namesPerAddress: z.int().min(1).max(50).default(10),
  /** The day on which a person found the clock right after it had jumped; releases a held retention. */
  clockCheckedOn: z.iso.date().optional(),
});
export type Options = z.output<typeof OptionsSchema>;
