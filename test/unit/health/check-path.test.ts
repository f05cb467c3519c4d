import { expect, test } from 'vitest';
import { explainMiss, type PathCounters } from '../../../platform/health/check-path.ts';

const counters = (values: Partial<PathCounters> = {}): PathCounters => ({
  injected: 1,
  unforwarded: 0,
  forwarded: 1,
  capture: { in: 1, out: 1 },
  fanout: { input: 1 },
  ports: [{ hostEnd: 'bhm-1', wanted: 1, delivered: 1, dropped: 0 }],
  ...values,
});
const zero = counters({
  injected: 0,
  forwarded: 0,
  capture: { in: 0, out: 0 },
  fanout: { input: 0 },
  ports: [{ hostEnd: 'bhm-1', wanted: 0, delivered: 0, dropped: 0 }],
});

test.each<[string, Partial<PathCounters>, RegExp]>([
  ['nothing injected', { injected: 0 }, /receive path of mon/],
  ['no capture engine', { forwarded: 0, unforwarded: 1 }, /no capture engine is linked/],
  ['rule lost', { forwarded: 0 }, /forwarding rule/],
  ['link in', { capture: { in: 0, out: 0 } }, /link into its container/],
  ['capture engine', { capture: { in: 1, out: 0 } }, /takes packets and gives none back/],
  ['link out', { fanout: { input: 0 } }, /do not reach the fan-out/],
  ['no ports', { ports: [] }, /No instrument has a mirror port/],
  ['no copy', { ports: [{ hostEnd: 'bhm-1', wanted: 1, delivered: 0, dropped: 0 }] }, /look at bhm-1/],
  ['tool', {}, /no alert came back/],
])('the explanation names the first stage that nothing passed: %s', (_, values, expected) => {
  expect(explainMiss('mon', zero, counters(values))).toMatch(expected);
});

test('of several ports the one that drops is named', () => {
  const ports = (dropped: number) => [
    { hostEnd: 'bhm-1', wanted: 5, delivered: 5, dropped: 0 },
    { hostEnd: 'bhm-2', wanted: 5, delivered: 3, dropped },
  ];
  const text = explainMiss(
    'mon',
    counters({
      ports: ports(0),
      injected: 0,
      forwarded: 0,
      capture: { in: 0, out: 0 },
      fanout: { input: 0 },
    }),
    counters({ ports: ports(2) }),
  );
  expect(text).toMatch(/look at bhm-2\./);
});

test('without counters it says so', () => {
  expect(explainMiss('mon', undefined, counters())).toMatch(/cannot be read/);
});
