import { z } from 'zod';

const Count = z.number().min(0).max(Number.MAX_SAFE_INTEGER);

/** What a capture engine answers to `feed`: numbers that it took from bounded sets. It is an instrument: not trusted. */
export const FeedReplySchema = z.object({
  reports: z
    .array(
      z.object({
        interface: z.string().max(15),
        /** Changes when the counters begin anew. */
        since: z.string().max(64),
        windowS: z.number().min(1).max(3600),
        vlans: z.array(z.object({ id: z.int().min(1).max(4094), agoS: Count })).max(4094),
        conversations: z.object({ total: Count, oneSided: Count }).optional(),
        duplicates: z.object({ sampled: Count, seen: Count }),
      }),
    )
    .max(64),
  fault: z.string().max(2000).optional(),
});
export type FeedReport = z.output<typeof FeedReplySchema>['reports'][number];

/** One look at a monitor interface's traffic. */
export interface FeedObservation {
  /** Any monotonic clock. */
  atMs: number;
  /** Arrived on the wire, a running total; detection checks are not among them. */
  packets: number;
  /** What the capture engine saw; undefined = it could not be asked, `unobserved` says why. */
  report?: FeedReport | undefined;
  unobserved?: string | undefined;
}
