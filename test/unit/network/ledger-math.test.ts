import { describe, expect, test } from 'vitest';
import { advance, generationCounters, NO_TOTALS, toLedger } from '../../../platform/network/ledger-math.ts';

const raw = (source: string, name: string, value: number) => ({ source, name, value });

describe('advance', () => {
  test('adds what was counted since the last reading, across links made anew', () => {
    let totals = advance(NO_TOTALS, [raw('ifindex-1', 'x', 10)]);
    totals = advance(totals, [raw('ifindex-1', 'x', 25)]);
    totals = advance(totals, [raw('ifindex-2', 'x', 4)]); // another link, from 0
    totals = advance(totals, [raw('ifindex-2', 'x', 3)]); // went back: reset
    expect(totals.total).toEqual({ x: 25 + 4 + 3 });
  });

  test('a source that could not be read once is not counted again', () => {
    let totals = advance(NO_TOTALS, [raw('a', 'x', 10)]);
    totals = advance(totals, []);
    totals = advance(totals, [raw('a', 'x', 12)]);
    expect(totals.total).toEqual({ x: 12 });
  });

  test('what was there before is remembered, not counted', () => {
    const totals = advance(advance(NO_TOTALS, [raw('a', 'x', 1000)], true), [raw('a', 'x', 1001)]);
    expect(totals.total).toEqual({ x: 1 });
  });
});

describe('generationCounters', () => {
  const record = {
    generation: 3,
    filters: [[53], [80, 443]],
    ports: [
      { hostEnd: 'dns', ifindex: 1, filter: 0 },
      { hostEnd: 'web', ifindex: 2, filter: 1 },
      { hostEnd: 'all', ifindex: 3 },
    ],
    targets: [],
    wanted: [],
    dropped: [],
  };

  test('every packet is counted once at the input and once for every port that it is owed', () => {
    const slots = Array<number>(272).fill(0);
    slots[0] = 100; // nobody but `all`
    slots[1] = 7; // DNS
    slots[2] = 5; // web
    slots[3] = 1; // both
    slots[256] = 2; // too large: dropped
    slots[261] = 4; // fragments: everyone
    const named = Object.fromEntries(
      generationCounters(record, slots).map(({ name, value }) => [name, value]),
    );
    expect(named).toEqual({
      'fanout.input': 119,
      'fanout.oversize': 2,
      'fanout.undecided.fragment': 4,
      'port.dns.wanted': 7 + 1 + 4,
      'port.web.wanted': 5 + 1 + 4,
      'port.all.wanted': 117,
      'filter.53.matched': 8,
      'filter.53.filtered': 105,
      'filter.53.undecided': 4,
      'filter.80+443.matched': 6,
      'filter.80+443.filtered': 107,
      'filter.80+443.undecided': 4,
    });
  });
});

describe('toLedger', () => {
  const total = {
    'nic.rx': 1000,
    injected: 2,
    forwarded: 1000,
    'capture.in': 990,
    'capture.out': 990,
    'fanout.input': 985,
    'port.p.wanted': 985,
    'port.p.delivered': 980,
    'port.p.dropped': 3,
  };

  test('shows every packet that is missing between two counters, and where', () => {
    const { lost } = toLedger('mon', 'eth1', { last: {}, total }, ['p']);
    expect(lost).toEqual([
      { stage: 'monitor', packets: 2 },
      { stage: 'capture-in', packets: 10 },
      { stage: 'fan-out', packets: 5 },
      { stage: 'clone', port: 'p', packets: 2 },
      { stage: 'mirror-port', port: 'p', packets: 3 },
    ]);
  });

  test('a packet that is under way between two readings is not a loss', () => {
    const { lost } = toLedger(
      'mon',
      'eth1',
      { last: {}, total: { 'nic.rx': 5, forwarded: 6, 'capture.in': 7 } },
      [],
    );
    expect(lost).toEqual([{ stage: 'capture-engine', packets: 7 }]);
  });
});
