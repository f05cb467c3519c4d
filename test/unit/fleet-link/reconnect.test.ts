import { expect, test } from 'vitest';
import { reconnectDelayMs } from '@bulkhead/platform/fleet-link';
import { PACE } from '../../../platform/fleet-link/reconnect.ts';

/** Numbers between 0 and 1 that look random and are the same each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('delays lie between a second and a minute, and their window doubles', () => {
  expect(reconnectDelayMs(0, () => 0)).toBe(1_000);
  expect([0, 1, 2, 3, 4, 50].map((failures) => reconnectDelayMs(failures, () => 1))).toEqual([
    5_000, 10_000, 20_000, 40_000, 60_000, 60_000,
  ]);
});

test('a thousand sensors that lose their fleet at once come back spread over the whole window', () => {
  for (const [failures, windowMs] of [
    [0, 4_000],
    [3, 39_000],
    [9, 59_000],
  ] as const) {
    const random = seeded(failures + 1);
    const perTenth = Array.from({ length: 10 }, () => 0);
    for (let sensor = 0; sensor < 1_000; sensor += 1) {
      const tenth = Math.floor(((reconnectDelayMs(failures, random) - 1_000) / windowMs) * 10);
      perTenth[Math.min(9, tenth)]! += 1;
    }
    expect(Math.max(...perTenth)).toBeLessThan(150);
    expect(Math.min(...perTenth)).toBeGreaterThan(50);
  }
});

test('a sensor that waits for an operator asks each minute at most, and after a while each few minutes', () => {
  const mean = (asked: number) => {
    const many = Array.from({ length: 500 }, () => PACE.comeBack(asked));
    return many.reduce((sum, one) => sum + one, 0) / many.length;
  };
  expect(mean(0)).toBeGreaterThan(15_000);
  expect(mean(30)).toBeLessThan(45_000);
  expect(mean(31)).toBeGreaterThan(120_000);
});
