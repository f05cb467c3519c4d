import { expect, test } from 'vitest';
import { findPairs } from '../../../instruments/capture-engine/src/pairs.ts';
import { parseLinkCounters } from '../../../instruments/capture-engine/src/links.ts';
import { readRules, renderRules } from '../../../instruments/capture-engine/src/rules.ts';

test('inputs and outputs are paired by number', () => {
  const ports = [
    { name: 'out1', kind: 'capture-out' },
    { name: 'in0', kind: 'capture-in' },
    { name: 'in1', kind: 'capture-in' },
    { name: 'out0', kind: 'capture-out' },
    { name: 'mon0', kind: 'mirror' },
  ];
  expect(findPairs(ports)).toEqual([
    { input: 'in0', output: 'out0' },
    { input: 'in1', output: 'out1' },
  ]);
});

test.each([
  [[{ name: 'in0', kind: 'capture-in' }], 'in0 has no partner'],
  [[{ name: 'out3', kind: 'capture-out' }], 'out3 has no partner'],
  [[{ name: 'eth0', kind: 'capture-in' }], 'eth0 is not named in0'],
  [[], 'no monitor interface'],
])('refuses %j', (ports, why) => {
  expect(() => findPairs(ports)).toThrow(why);
});

test('rules replace the table in one transaction and drop by default', () => {
  const text = renderRules([{ input: 'in0', output: 'out0' }]);
  expect(
    text.startsWith('add table netdev forward\ndelete table netdev forward\ntable netdev forward {'),
  ).toBe(true);
  expect(text.match(/policy drop;/g)).toHaveLength(3);
  expect(text).toContain('dup to "out0"');
  expect(text).not.toContain('fwd');
});

const rule = (chain: string, expr: unknown[]) => ({ rule: { chain, expr } });
const chain = (name: string, hook: string, policy = 'drop') => ({ chain: { name, hook, policy } });
const counter = (count: number) => ({ counter: { packets: count, bytes: 0 } });
const good = [
  chain('in0_in', 'ingress'),
  chain('in0_out', 'egress'),
  chain('out0_in', 'ingress'),
  rule('in0_in', [counter(7), { dup: { addr: 'out0' } }]),
  rule('in0_out', [counter(1)]),
  rule('out0_in', [counter(2)]),
];
const pairs = [{ input: 'in0', output: 'out0' }];
const read = (entries: unknown[]) => readRules(JSON.stringify({ nftables: entries }), pairs);

test('rules that stand have no faults and are counted', () => {
  expect(read(good)).toEqual({
    faults: [],
    counters: { 'in0.forwarded': 7, 'in0.egress_dropped': 1, 'out0.ingress_dropped': 2 },
  });
});

test('every missing or changed part is named', () => {
  expect(read([]).faults).toHaveLength(7);
  expect(read([...good.slice(0, 3), ...good.slice(4), rule('in0_in', [counter(0)])]).faults).toEqual([
    'in0_in does not forward to out0',
  ]);
  expect(read([chain('in0_in', 'ingress', 'accept'), ...good.slice(1)]).faults).toEqual([
    'the chain in0_in does not drop',
  ]);
  expect(read([...good, rule('out0_in', [{ accept: null }])]).faults).toEqual([
    'the rule of out0_in was changed',
  ]);
});

test('link counters come from the right columns', () => {
  const text = [
    'Inter-|   Receive    |  Transmit',
    ' face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed',
    '   in0: 100 11 0 2 0 0 0 0 200 33 0 4 0 0 0 0',
    'out0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16',
  ].join('\n');
  expect(parseLinkCounters(text).get('in0')).toEqual({
    rxPackets: 11,
    rxDropped: 2,
    txPackets: 33,
    txDropped: 4,
  });
  expect(parseLinkCounters(text).get('out0')).toEqual({
    rxPackets: 2,
    rxDropped: 4,
    txPackets: 10,
    txDropped: 12,
  });
});
