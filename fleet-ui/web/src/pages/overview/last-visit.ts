/** Somebody who was away for so long comes for another visit. */
const PAUSE_MS = 30 * 60_000;

interface Kept {
  /** When the visit before this one ended. */
  before?: number;
  /** When this person was last here. */
  last: number;
}

/**
 * When the visit before this one ended (epoch, ms), and what to keep now. `text` is what was kept; it may be anything, since
 * anybody at this browser can write there. Pure.
 */
export function lastVisit(text: string | null, nowMs: number): { before: number | undefined; keep: string } {
  const kept = parsed(text);
  const before = kept === undefined ? undefined : nowMs - kept.last > PAUSE_MS ? kept.last : kept.before;
  const keep: Kept = { last: nowMs, ...(before === undefined ? {} : { before }) };
  return { before, keep: JSON.stringify(keep) };
}

function parsed(text: string | null): Kept | undefined {
  try {
    const value = JSON.parse(text ?? 'null') as Partial<Kept> | null;
    if (typeof value?.last !== 'number' || !Number.isFinite(value.last)) return undefined;
    return { last: value.last, ...(typeof value.before === 'number' ? { before: value.before } : {}) };
  } catch {
    return undefined;
  }
}
