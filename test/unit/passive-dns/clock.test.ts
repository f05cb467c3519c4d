import { expect, test } from 'vitest';
import { TrustedClock } from '../../../instruments/passive-dns/src/clock.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-03-02T08:00:00Z');

/** A clock whose parts are set by hand. */
function clockAt(lastTick: number | undefined) {
  const state = { now: START, steady: 0, tick: lastTick, checkedOn: undefined as string | undefined };
  const make = () =>
    new TrustedClock({
      nowMs: () => state.now,
      steadyMs: () => state.steady,
      lastTick: () => state.tick,
      keepTick: (ms) => {
        state.tick = ms;
      },
      checkedOn: () => state.checkedOn,
    });
  return { state, make };
}

test('a clock that goes on is trusted, also a slow one and over a short stop', () => {
  const { state, make } = clockAt(undefined);
  const clock = make();
  for (let hour = 0; hour < 60; hour += 1) {
    expect(clock.look().trusted).toBe(true);
    state.now += 3_600_000;
    state.steady += 3_600_000;
  }
  state.now += DAY / 2;
  expect(make().look().trusted).toBe(true);
});

test.each([
  { jump: 365 * DAY, way: 'a year ahead' },
  { jump: -365 * DAY, way: 'a year back' },
  { jump: 2 * DAY, way: 'two days ahead' },
])(
  '$way while running: not trusted, however long it runs, and after a restart; until it is right again',
  ({ jump }) => {
    const { state, make } = clockAt(START);
    const clock = make();
    expect(clock.look().trusted).toBe(true);
    state.now += jump;
    for (let hour = 0; hour < 72; hour += 1) {
      expect(clock.look()).toMatchObject({ trusted: false });
      state.now += 3_600_000;
      state.steady += 3_600_000;
    }
    expect(make().look()).toMatchObject({ trusted: false });
    expect(state.tick).toBe(START);
    state.now = START + 3_600_000;
    expect(clock.look().trusted).toBe(true);
  },
);

test('a machine that was off for a week is believed after a day; one that was off for a year is not', () => {
  for (const [off, believed] of [
    [7, true],
    [365, false],
    [-7, false],
  ] as const) {
    const { state, make } = clockAt(START - off * DAY);
    const clock = make();
    expect(clock.look().trusted).toBe(false);
    state.now += DAY + 1;
    state.steady += DAY + 1;
    expect(clock.look().trusted, `${String(off)} days`).toBe(believed);
  }
});

test('the word of a person releases it, for that day only', () => {
  const { state, make } = clockAt(START - 400 * DAY);
  state.checkedOn = '2025-03-02';
  expect(make().look().trusted).toBe(false);
  state.checkedOn = '2026-03-02';
  expect(make().look().trusted).toBe(true);
});
