import { expect, test } from 'vitest';
import { judge } from '../../../platform/data/judge.ts';
import type { DataCopy } from '@bulkhead/platform/data';

const now = new Date('2026-06-01T00:00:00.000Z');
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000).toISOString();
const policy = (days?: number): DataCopy['policy'] => ({
  text: 'x',
  ...(days === undefined ? {} : { days }),
});

const cases: [what: string, copy: Parameters<typeof judge>[0], codes: string[], basis: string | undefined][] =
  [
    ['empty', { policy: policy(30) }, [], undefined],
    ['within its policy', { measured: { oldest: daysAgo(29) }, policy: policy(30) }, [], 'measured'],
    ['a retention run late', { measured: { oldest: daysAgo(30.9) }, policy: policy(30) }, [], 'measured'],
    ['overdue', { measured: { oldest: daysAgo(32) }, policy: policy(30) }, ['overdue'], 'measured'],
    [
      'overdue by its own word',
      { declared: { oldest: daysAgo(32) }, policy: policy(30) },
      ['overdue'],
      'declared',
    ],
    ['old without a limit', { measured: { oldest: daysAgo(9_000) }, policy: policy() }, [], 'measured'],
    [
      'declares younger than measured',
      { measured: { oldest: daysAgo(50) }, declared: { oldest: daysAgo(5) }, policy: policy(30) },
      ['disagrees', 'overdue'],
      'measured',
    ],
    [
      'declares nothing where data was measured',
      { measured: { oldest: daysAgo(5) }, declared: { records: 0 }, policy: policy(30) },
      ['disagrees'],
      'measured',
    ],
    [
      'an emptied database keeps its file',
      {
        measured: { oldest: daysAgo(5), bytes: 90 },
        declared: { records: 0, bytes: 80 },
        policy: policy(30),
      },
      [],
      'measured',
    ],
    [
      'declares older than measured: believed',
      { measured: { oldest: daysAgo(5) }, declared: { oldest: daysAgo(50), records: 1 }, policy: policy() },
      [],
      'declared',
    ],
    [
      'declares more than it takes',
      { measured: { bytes: 10 }, declared: { bytes: 11, records: 1 }, policy: policy() },
      ['disagrees'],
      undefined,
    ],
    ['of the future', { measured: { newest: daysAgo(-3) }, policy: policy(1) }, ['future'], undefined],
    ['a fault of its source', { policy: policy(), faults: ['is torn'] }, ['fault'], undefined],
  ];

test.each(cases)('%s', (_what, copy, codes, basis) => {
  const judged = judge(copy, now);
  expect(judged.findings.map(({ code }) => code)).toEqual(codes);
  expect(judged.age?.basis).toBe(basis);
});
