import { PROOF_PACE, type ProofPace } from './link-proof.ts';

/** Smallest delay before another try, and the largest. */
const FIRST_MS = 1_000;
const MAX_MS = 60_000;
/** What the first try is spread over. */
const SPREAD_MS = 5_000;

/**
 * Delay before the next try. Always random over a window that doubles, because what ended this sensor's link often ended all
 * of them at the same moment: a thousand that come back together are spread over seconds at once, and over a minute when the
 * fleet stays away.
 * @param failures tries in a row that came to nothing; 0 = a link that worked has just ended
 */
export function reconnectDelayMs(failures: number, random: () => number = Math.random): number {
  const window = Math.min(MAX_MS, SPREAD_MS * 2 ** Math.min(failures, 10));
  return Math.round(FIRST_MS + random() * (window - FIRST_MS));
}

/** How long the link waits for what. Milliseconds. */
export interface Pace {
  /** Before the next try after so many failures in a row. */
  reconnect: (failures: number) => number;
  /** Before asking again whether an operator confirmed the return, after so many answers. */
  comeBack: (asked: number) => number;
  /** Between looks at a clock that is wrong, and at a certificate that may be due. */
  lookMs: number;
  /** Between two tries to renew, whoever wants it. */
  renewMs: number;
  /** For the fleet, after one of its configurations came in force. */
  proof: ProofPace;
}

export const PACE: Pace = Object.freeze({
  reconnect: (failures: number) => reconnectDelayMs(failures),
  comeBack: (asked: number) => reconnectDelayMs(3 + Math.min(asked, 4)) * (asked > 30 ? 5 : 1),
  lookMs: 10_000,
  renewMs: 60_000,
  proof: PROOF_PACE,
});
