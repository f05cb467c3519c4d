/** When to try again and when to stop trying. All times in milliseconds. */
export interface BackoffPolicy {
  firstMs: number;
  maxMs: number;
  /** Consecutive failures after which the thing is held until a person releases it. */
  holdAfter: number;
  /** A run that lasted at least this long clears the count of failures. */
  healthyAfterMs: number;
}

export const DEFAULT_BACKOFF: BackoffPolicy = Object.freeze({
  firstMs: 1_000,
  maxMs: 60_000,
  holdAfter: 6,
  healthyAfterMs: 120_000,
});

/** Delay before the next try after `failures` consecutive failures (1 = first failure). Doubles, capped. */
export function backoffMs(policy: BackoffPolicy, failures: number): number {
  if (failures <= 0) return 0;
  return Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(failures - 1, 30));
}
