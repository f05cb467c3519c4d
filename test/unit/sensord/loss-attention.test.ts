import { expect, test } from 'vitest';
import { isLoss } from '../../../platform/sensord/status.ts';

test.each([
  ['nothing lost', 0, undefined, false],
  ['one packet, long ago', 1, 600, false],
  ['a handful, long ago', 10, 86_400, false],
  ['one packet, a moment ago', 1, 3, true],
  ['one packet, within ten minutes', 1, 599, true],
  ['more than a handful, however long ago', 11, 86_400, true],
  ['one packet, and nobody knows when', 1, undefined, true],
])('%s', (_, lost, agoS, needsAttention) => {
  expect(isLoss({ lost, ...(agoS === undefined ? {} : { lostAgoS: agoS }) })).toBe(needsAttention);
});
