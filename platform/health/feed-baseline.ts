import { z } from 'zod';

/** What is usual on one monitor interface. Kept over restarts, so it is data. */
export const FeedBaselineSchema = z.object({
  /** Seconds of traffic that it was learned from. */
  learnedS: z.number().min(0),
  /** Of log2(1 + packets per second): running mean, and running mean of the distance from it (a MAD, not a variance). */
  mean: z.number().min(0).max(64),
  deviation: z.number().min(0).max(64),
  /** VLAN id -> for how long it was there, and the longest time that it stayed away in between. */
  vlans: z.record(z.string().regex(/^\d{1,4}$/), z.object({ knownS: z.number(), longestGapS: z.number() })),
  /** There was real traffic once: conversations, not only what a switch says of itself. */
  conversed: z.boolean(),
});
export type FeedBaseline = z.output<typeof FeedBaselineSchema>;

export function newBaseline(): FeedBaseline {
  return { learnedS: 0, mean: 0, deviation: 0, vlans: {}, conversed: false };
}

/** A factor of 4 is nobody's alarm, however steady the traffic usually is. */
const LEAST_DISTANCE = 2;
const DEVIATIONS = 6;
/** While the rate is strange it is learned this much slower: what stays becomes usual, what passes leaves little. */
const STRANGE_SLOWNESS = 8;

export function levelOf(packetsPerSecond: number): number {
  return Math.log2(1 + Math.max(0, packetsPerSecond));
}

export function rateOf(level: number): number {
  return 2 ** level - 1;
}

/** How far from the usual is too far, in powers of two. */
export function tolerance({ deviation }: FeedBaseline): number {
  return Math.max(LEAST_DISTANCE, DEVIATIONS * deviation);
}

/**
 * Takes `seconds` at this rate into the baseline. A mean of all while it learns, later one that forgets within `learningS`.
 * A single extreme counts as no more than the tolerance, so a burst cannot move what is usual.
 */
export function learnRate(
  baseline: FeedBaseline,
  packetsPerSecond: number,
  seconds: number,
  learningS: number,
  alarmed: boolean,
): void {
  const level = levelOf(packetsPerSecond);
  if (baseline.learnedS === 0) baseline.mean = level;
  baseline.learnedS += seconds;
  const learned = baseline.learnedS > learningS;
  const strange = alarmed || (learned && Math.abs(level - baseline.mean) > tolerance(baseline));
  const horizonS = Math.min(baseline.learnedS, learningS) * (strange ? STRANGE_SLOWNESS : 1);
  const weight = Math.min(1, seconds / Math.max(seconds, horizonS));
  const limit = learned ? tolerance(baseline) : 64;
  const step = Math.max(-limit, Math.min(limit, level - baseline.mean));
  baseline.mean = Math.max(0, baseline.mean + weight * step);
  baseline.deviation += weight * (Math.abs(step) - baseline.deviation);
}

/**
 * Takes note of VLANs that were seen, each with the time that it had been away before. An absence that was an alarm is not
 * taken for usual.
 */
export function learnVlans(
  baseline: FeedBaseline,
  seen: ReadonlyMap<number, number>,
  seconds: number,
  usual: ReadonlyMap<number, number>,
): void {
  for (const [id, gapS] of seen) {
    const known = (baseline.vlans[String(id)] ??= { knownS: 0, longestGapS: 0 });
    if (gapS >= (usual.get(id) ?? Infinity)) continue;
    known.knownS += gapS + seconds;
    known.longestGapS = Math.max(known.longestGapS, gapS);
  }
}

/** VLANs that are usually there, each with the absence from which on it is missing, in seconds. */
export function usualVlans(baseline: FeedBaseline, learningS: number, silenceS: number): Map<number, number> {
  const usual = new Map<number, number>();
  if (baseline.learnedS < learningS) return usual;
  for (const [id, { knownS, longestGapS }] of Object.entries(baseline.vlans)) {
    const patience = Math.max(silenceS, 4 * longestGapS);
    if (knownS >= learningS / 2 && longestGapS <= learningS / 4) usual.set(Number(id), patience);
  }
  return usual;
}
