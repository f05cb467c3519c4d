import { z } from 'zod';

/** What the operator may set at `/instruments/N/options`. All of it takes effect at once. */
export const OptionsSchema = z.strictObject({
  /** Transfers at the same time. */
  atOnce: z.int().min(1).max(2).default(2),
});
export type Options = z.output<typeof OptionsSchema>;
