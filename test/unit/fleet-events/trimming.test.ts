import { expect, test } from 'vitest';
import { trimPoint } from '../../../platform/events/store/trimming.ts';

const stream = (bytes: number) => ({
  stream: 'S_a',
  created: '',
  messages: 1_000,
  bytes,
  maxBytes: 1_000,
  firstSequence: 1,
  lastSequence: 1_000,
  acknowledged: 1_000,
  trimmable: true,
});

test.each([
  // bytes, aged, held, expected
  [100, 400, undefined, 400],
  [600, 0, undefined, 1_000 - 416],
  // What the fleet has not got stays, though it is old or the stream is half full ...
  [100, 400, { upTo: 250, waited: 0 }, 250],
  [600, 0, { upTo: 250, waited: 0 }, 250],
  // ... until it waited for long enough, or there is no room for it.
  [100, 400, { upTo: 250, waited: 300 }, 300],
  [800, 0, { upTo: 250, waited: 0 }, 250],
  [800, 0, { upTo: 100, waited: 0 }, 250],
  // What the fleet has goes as ever.
  [100, 400, { upTo: 1_000, waited: 0 }, 400],
])('with %i bytes, aged to %i and held %o it is trimmed to %i', (bytes, aged, held, expected) => {
  expect(trimPoint(stream(bytes), 1_000, aged, held)).toBe(expected);
});

test('nothing is trimmed that is not in the store of the sensor', () => {
  expect(trimPoint(stream(800), 50, 0, { upTo: 0, waited: 0 })).toBe(50);
});
