/** What is kept now. */
interface Kept {
  bytes: number;
  oldest?: string | undefined;
}

const DAY_MS = 86_400_000;
/** The store begins to drop before it is quite full. */
const FULL = 0.9;

/** What a change of the limits destroys: everything from before a time, and so many bytes of the oldest. Pure. */
export function lossOf(
  limits: { retentionDays: number; storeMib: number },
  kept: Kept,
  nowMs: number,
): { before: string | undefined; bytes: number } {
  const fromMs = nowMs - limits.retentionDays * DAY_MS;
  const room = limits.storeMib * 1024 * 1024 * FULL;
  // A day's worth of slack: what goes by itself anyway is no loss by this change.
  const isOlder = kept.oldest !== undefined && Date.parse(kept.oldest) < fromMs - DAY_MS;
  return {
    before: isOlder ? new Date(fromMs).toISOString() : undefined,
    bytes: Math.max(0, Math.round(kept.bytes - room)),
  };
}
