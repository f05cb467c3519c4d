import { expect, test } from 'vitest';
import type { LedgerLine } from '@bulkhead/platform/contracts';
import { agedBy, withAge, type LossAges } from '@bulkhead/platform/network';

const START_MS = Date.parse('2026-03-01T00:00:00Z');
const MINUTE_MS = 60_000;

function line(lost: number, name = 'span'): LedgerLine {
  return {
    stage: 'fan-out',
    name,
    monitor: name,
    unit: 'packets',
    in: 1_000,
    out: 1_000 - lost,
    held: {},
    lost: lost === 0 ? {} : { 'not seen by the fan-out': lost },
    unaccounted: 0,
  };
}

/** Readings a minute apart; the first `starting` of them before every instrument saw. */
function after(losses: readonly number[], starting = 0): { ages: LossAges; nowMs: number; now: LedgerLine } {
  let ages: LossAges = {};
  losses.forEach((lost, index) => {
    const snapshot = { atMs: START_MS + index * MINUTE_MS, lines: [line(lost)] };
    ages = agedBy(ages, snapshot, () => index < starting);
  });
  return { ages, nowMs: START_MS + (losses.length - 1) * MINUTE_MS, now: line(losses.at(-1) ?? 0) };
}

test('a line says how long ago its losses grew last, and a line without any says nothing', () => {
  const { ages, nowMs, now } = after([0, 1, 1, 1]);
  expect(withAge(now, ages, nowMs, true)).toEqual({ ...now, lostAgoS: 120 });
  const calm = after([0, 0]);
  expect(withAge(calm.now, calm.ages, calm.nowMs, true)).toEqual(calm.now);
});

test('what was lost before every instrument saw is told apart, and what is lost later is not taken for it', () => {
  const start = after([1, 1, 1], 1);
  expect(withAge(start.now, start.ages, start.nowMs, true)).toMatchObject({ lostAgoS: 120, lostStarting: 1 });
  const later = after([1, 1, 3], 1);
  expect(withAge(later.now, later.ages, later.nowMs, true)).toMatchObject({ lostAgoS: 0, lostStarting: 1 });
});

test('a start that is not over, or a span of time, tells no loss of the start', () => {
  const start = after([4, 9], 2);
  expect(withAge(start.now, start.ages, start.nowMs, false)).toEqual({ ...start.now, lostAgoS: 0 });
});

test('a counter that began anew did not grow, and grows again from there', () => {
  const anew = after([5, 5, 2], 1);
  expect(withAge(anew.now, anew.ages, anew.nowMs, true)).toMatchObject({ lostAgoS: 120, lostStarting: 2 });
  const grown = after([5, 2, 3], 1);
  expect(withAge(grown.now, grown.ages, grown.nowMs, true)).toMatchObject({ lostAgoS: 0, lostStarting: 2 });
});

test('a clock that was set back makes no negative age, and a line that is gone is forgotten', () => {
  const { ages, nowMs, now } = after([0, 1]);
  expect(withAge(now, ages, nowMs - 90_000, true)).toMatchObject({ lostAgoS: 0 });
  expect(agedBy(ages, { atMs: nowMs, lines: [line(0, 'other')] }, () => false)).toEqual({});
});
