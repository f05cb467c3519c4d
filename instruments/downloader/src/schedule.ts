/** A source that names a longer time is asked again after this one. */
const MOST_RETRY_AFTER_S = 86_400;
const MOST_BACK_OFF_S = 3_600;
const FIRST_BACK_OFF_S = 30;
const SOON_MS = 5_000;

/** A number in [0, 1), as `Math.random`. */
export type Random = () => number;

/** Wait for a download that is new or was changed: soon, and not all at the same moment. */
export function soonMs(random: Random): number {
  return Math.round(random() * SOON_MS);
}

/**
 * Wait after a success; undefined: never again (`everyS` 0). Within ±10 %, so that many sensors do not ask a source in step.
 */
export function afterSuccessMs(everyS: number, random: Random): number | undefined {
  if (everyS === 0) return undefined;
  return Math.round(everyS * 1000 * (0.9 + 0.2 * random()));
}

/**
 * Wait after a failure: 30 s, then twice as long each time up to an hour or the period, whichever is less; longer when the
 * source asks for it, up to a day.
 * @param failures Tries in a row that failed, this one included.
 */
export function afterFailureMs(
  everyS: number,
  failures: number,
  retryAfterS: number | undefined,
  random: Random,
): number {
  const most = everyS === 0 ? MOST_BACK_OFF_S : Math.min(everyS, MOST_BACK_OFF_S);
  const wait = Math.min(most, FIRST_BACK_OFF_S * 2 ** Math.min(failures - 1, 20));
  const asked = Math.min(retryAfterS ?? 0, MOST_RETRY_AFTER_S);
  return Math.round(Math.max(wait, asked) * 1000 * (1 + 0.1 * random()));
}

/**
 * Wait of a download that was fetched before a restart. A clock that was set makes it neither wait longer than a period nor
 * fetch everything at once.
 */
export function afterRestartMs(
  everyS: number,
  lastSuccessMs: number,
  nowMs: number,
  random: Random,
): number | undefined {
  if (everyS === 0) return undefined;
  const rest = lastSuccessMs + everyS * 1000 - nowMs;
  return Math.max(soonMs(random), Math.min(rest, Math.round(everyS * 1100)));
}
