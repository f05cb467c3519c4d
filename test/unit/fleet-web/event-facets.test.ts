import { expect, test } from 'vitest';
import type { EventFacets } from '@bulkhead/fleet-api';
import { steady } from '../../../fleet-ui/web/src/pages/events/steady.ts';

const facets = (types: [value: string, count: number][]): EventFacets => ({
  types: types.map(([value, count]) => ({ value, count })),
  ...{ sensors: [], instruments: [], severities: [], signatures: [], addresses: [] },
  sampled: [],
  sampledEvents: 0,
});

test('new counts stand in the places of the old: what is new comes last, what went keeps its last count', () => {
  const before = facets([
    ['dns', 9],
    ['flow', 5],
    ['alert', 1],
  ]);
  const now = facets([
    ['alert', 20],
    ['dns', 10],
    ['http', 7],
  ]);
  expect(steady(before, now).types).toEqual([
    { value: 'dns', count: 10 },
    { value: 'flow', count: 5 },
    { value: 'alert', count: 20 },
    { value: 'http', count: 7 },
  ]);
  expect(steady(before, { ...now, sampled: ['addresses'], sampledEvents: 3 })).toMatchObject({
    sampled: ['addresses'],
    sampledEvents: 3,
  });
});
