import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs, DEFAULT_BACKOFF } from '@bulkhead/platform/kernel';

test('doubles from the first delay to the bound', () => {
  const policy = { ...DEFAULT_BACKOFF, firstMs: 100, maxMs: 1_000 };
  expect([0, 1, 2, 3, 4, 5, 6].map((failures) => backoffMs(policy, failures))).toEqual([
    0, 100, 200, 400, 800, 1_000, 1_000,
  ]);
});

test('never beyond the bound, never backwards, never NaN, however often it failed', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60_000 }),
      fc.integer({ min: 60_000, max: 86_400_000 }),
      fc.nat(),
      (firstMs, maxMs, failures) => {
        const policy = { ...DEFAULT_BACKOFF, firstMs, maxMs };
        const now = backoffMs(policy, failures);
        expect(now).toBeGreaterThanOrEqual(0);
        expect(now).toBeLessThanOrEqual(maxMs);
        expect(backoffMs(policy, failures + 1)).toBeGreaterThanOrEqual(now);
      },
    ),
  );
});
