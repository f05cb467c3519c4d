import { setTimeout as sleep } from 'node:timers/promises';

/** How long a sensor waits for its fleet after it brought a configuration of the fleet in force. Milliseconds. */
export interface ProofPace {
  /** A link that just ended still counts as up for some seconds: sooner nothing is proven. */
  graceMs: number;
  /** Out of reach for so long: the configuration is taken for the reason. */
  lostMs: number;
  everyMs: number;
}

export const PROOF_PACE: ProofPace = Object.freeze({ graceMs: 10_000, lostMs: 120_000, everyMs: 1_000 });

/**
 * Waits until it is known whether the fleet can be reached with the configuration in force. Time in which this process, or the
 * machine, stood still does not count.
 * @param reached the link is up, or the fleet answers and refuses: either way it can be reached
 */
export async function proveLink(
  reached: () => boolean,
  { graceMs, lostMs, everyMs }: ProofPace,
  signal: AbortSignal,
): Promise<'held' | 'lost' | 'ended'> {
  let passedMs = 0;
  let beforeMs = performance.now();
  for (;;) {
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return 'ended';
    const nowMs = performance.now();
    passedMs += Math.min(nowMs - beforeMs, 2 * everyMs);
    beforeMs = nowMs;
    if (passedMs >= graceMs && reached()) return 'held';
    if (passedMs >= lostMs) return 'lost';
  }
}
