import { expect, test } from 'vitest';
import { findDamage, positionOf, type StoreDamage } from '../../../platform/bus/store-check.ts';

const state = (first_seq: number, last_seq: number, messages: number) => ({ first_seq, last_seq, messages });

test.each<
  [string, { last: number; missing: number } | undefined, ReturnType<typeof state> | undefined, StoreDamage[]]
>([
  ['as it was', { last: 9, missing: 0 }, state(1, 9, 9), []],
  ['more came', { last: 9, missing: 0 }, state(1, 12, 12), []],
  ['never looked at before', undefined, state(1, 9, 9), []],
  ['trimmed at the front', { last: 9, missing: 0 }, state(7, 9, 3), []],
  ['trimmed to the end', { last: 9, missing: 0 }, state(10, 9, 0), []],
  ['holes that are known', { last: 9, missing: 2 }, state(1, 9, 7), []],
  ['holes that were trimmed away', { last: 9, missing: 2 }, state(7, 9, 3), []],
  ['a new hole', { last: 9, missing: 2 }, state(1, 9, 6), [{ kind: 'holes', stream: 'S_a', messages: 1 }]],
  [
    'its end is gone',
    { last: 9, missing: 0 },
    state(1, 8, 8),
    [{ kind: 'rewound', stream: 'S_a', last: 9, found: 8 }],
  ],
  [
    'begun anew',
    { last: 9, missing: 0 },
    state(0, 0, 0),
    [{ kind: 'rewound', stream: 'S_a', last: 9, found: 0 }],
  ],
  ['not there', { last: 9, missing: 0 }, undefined, [{ kind: 'unreadable', stream: 'S_a', last: 9 }]],
  ['not there and never looked at', undefined, undefined, [{ kind: 'unreadable', stream: 'S_a', last: 0 }]],
])('a stream, %s', (_, position, found, damage) => {
  const known = { streams: ['S_a'], positions: position === undefined ? {} : { S_a: position } };
  expect(findDamage(known, new Map(found === undefined ? [] : [['S_a', found]]))).toEqual(damage);
});

test('a stream that nobody knows of is no damage', () => {
  expect(findDamage({ streams: [], positions: {} }, new Map([['S_b', state(1, 3, 3)]]))).toEqual([]);
});

test('where a stream stands counts what is missing between its first and its last message', () => {
  expect(positionOf(state(5, 9, 3))).toEqual({ last: 9, missing: 2 });
  expect(positionOf(state(10, 9, 0))).toEqual({ last: 9, missing: 0 });
});
