import { describe, expect, test } from 'vitest';
import { LedgerSettingsSchema, type LedgerLine } from '@bulkhead/platform/contracts';
import {
  linesBetween,
  LossWatch,
  packetLines,
  publishLines,
  remember,
  snapshotBefore,
  storeLines,
  streamLines,
  toolLines,
  type MonitorLedger,
  type Snapshot,
} from '@bulkhead/platform/network';

const ledger: MonitorLedger = {
  monitor: 'mon',
  device: 'eth1',
  nic: { rxPackets: 1000, rxBytes: 1, lost: 9, missed: 6, rxErrors: 2 },
  framesOnWire: 0,
  egressDropped: 0,
  injected: 5,
  unforwarded: 3,
  forwarded: 1002,
  capture: { in: 1001, out: 998 },
  fanout: {
    input: 998,
    oversize: 4,
    undecided: { fragment: 7 },
    filters: [{ ports: [53], matched: 90, filtered: 897, undecided: 7 }],
  },
  ports: [
    { hostEnd: 'm-all', wanted: 994, delivered: 990, dropped: 3, refused: 0 },
    { hostEnd: 'm-dns', wanted: 97, delivered: 97, dropped: 0, refused: 1 },
  ],
  lost: [],
};
const owners = new Map([
  ['m-all', { instrument: 'suricata', port: 'mon0', filter: undefined }],
  ['m-dns', { instrument: 'dns', port: 'mon0', filter: [53] }],
]);
const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, n) => sum + n, 0);
const explained = (line: LedgerLine) => line.out + total(line.held) + total(line.lost) + line.unaccounted;

describe('packets', () => {
  const lines = packetLines(ledger, owners);
  test('every stage balances', () => {
    expect(lines.map((line) => [line.stage, explained(line)])).toEqual(
      lines.map((line) => [line.stage, line.in]),
    );
    expect(lines.map(({ unaccounted }) => unaccounted)).toEqual(lines.map(() => 0));
  });

  test('what goes out of one stage comes into the next', () => {
    const [nic, guard, link, engine, fanout, all] = lines;
    expect(nic).toMatchObject({ out: 1000, lost: { 'missed by the NIC': 6, 'dropped by its driver': 3 } });
    expect(guard).toMatchObject({ in: 1005, out: 1002, lost: { 'no capture engine': 3 } });
    expect(link).toMatchObject({ in: guard?.out, lost: { 'not taken': 1 } });
    expect(engine).toMatchObject({ in: link?.out, lost: { 'not forwarded': 3 } });
    expect(fanout).toMatchObject({ in: engine?.out, lost: { oversize: 4 } });
    expect(fanout?.note).toContain('fragment 7');
    expect(all).toMatchObject({ in: fanout?.out, lost: { 'not cloned': 1, 'queue full': 3 } });
  });

  test('what a declared filter keeps back is no loss', () => {
    expect(lines.at(-1)).toMatchObject({
      name: 'dns/mon0',
      in: 994,
      out: 97,
      held: { filtered: 897 },
      lost: {},
      note: 'frames that it tried to send, dropped: 1',
    });
  });

  test('a difference that no counter explains is shown', () => {
    const lines = packetLines({ ...ledger, forwarded: 990 }, owners);
    expect(lines[1]).toMatchObject({ stage: 'guard', unaccounted: 12 });
  });
});

describe('events', () => {
  const counts = {
    instrument: 'suricata',
    totals: {
      'capture.kernel_packets': 985,
      'capture.kernel_drops': 40,
      'eve.lines': 100,
      'eve.check_flows': 2,
      'eve.published': 90,
      'eve.shed': 5,
      'eve.malformed': 1,
      'bus.accepted': 92,
      'bus.stored': 90,
    },
    gauges: { 'bus.waiting': 2 },
  };
  test('the tool reads what reached its interface, and says what it dropped', () => {
    expect(toolLines(counts, packetLines(ledger, owners))).toMatchObject([
      { stage: 'tool', in: 990, out: 945, lost: { 'tool too slow': 40 }, unaccounted: 5, monitor: 'mon' },
    ]);
    expect(toolLines(counts, packetLines(ledger, owners), 987)).toMatchObject([
      { held: { 'not counted yet': 3 }, unaccounted: 2 },
    ]);
    expect(toolLines({ ...counts, totals: {} }, packetLines(ledger, owners))).toEqual([]);
  });

  test('from the output of a tool to the store', () => {
    expect([
      ...publishLines(counts),
      ...streamLines([
        { instrument: 'suricata', messages: 10, bytes: 99 << 20, maxBytes: 100 << 20, lastSequence: 12 },
      ]),
      ...storeLines([{ instrument: 'suricata', taken: 9, faulty: 1, behind: 2 }]),
    ]).toMatchObject([
      { stage: 'publish', in: 100, out: 90, held: { 'of detection checks': 2 }, unaccounted: 2 },
      { stage: 'bus', in: 92, out: 90, held: { waiting: 2 }, unaccounted: 0 },
      { stage: 'stream', in: 12, out: 10, held: { 'no longer kept': 2 }, note: 'FULL: 99.0 of 100.0 MiB' },
      { stage: 'store', in: 12, out: 9, lost: { unreadable: 1 }, held: { 'still to come': 2 } },
    ]);
  });
});

const line = (count: number, lost: number, name = 'mon'): LedgerLine => ({
  stage: 'capture-engine',
  name,
  monitor: 'mon',
  unit: 'packets',
  in: count,
  out: count - lost,
  held: {},
  lost: lost === 0 ? {} : { 'not forwarded': lost },
  unaccounted: 0,
});
const at = (minutes: number, lines: LedgerLine[] = []): Snapshot => ({ atMs: minutes * 60_000, lines });

describe('history', () => {
  test('is bounded: a day of one a minute is kept in less than 300', () => {
    let history: Snapshot[] = [];
    for (let minute = 0; minute < 3 * 1440; minute += 1) history = remember(history, at(minute));
    expect(history.length).toBeLessThan(300);
    const last = history.at(-1)!.atMs;
    expect(last - history[0]!.atMs).toBeGreaterThan(23.5 * 3_600_000);
    expect(last - snapshotBefore(history, last - 3_600_000)!.atMs).toBe(3_600_000);
  });

  test('a clock that was set back forgets its future', () => {
    expect(remember([at(1), at(500)], at(2)).map(({ atMs }) => atMs / 60_000)).toEqual([1, 2]);
  });

  test('what was counted between two moments; a count that went back began anew', () => {
    expect(linesBetween([line(100, 5)], [line(150, 6)])).toMatchObject([
      { in: 50, out: 49, lost: { 'not forwarded': 1 } },
    ]);
    expect(linesBetween([line(100, 5)], [line(20, 1)])).toMatchObject([{ in: 20, out: 19 }]);
    expect(linesBetween([line(100, 5)], [line(150, 5)])).toMatchObject([{ lost: {} }]);
  });
});

describe('thresholds', () => {
  const settings = LedgerSettingsSchema.parse({});
  const watcher = () => {
    const watch = new LossWatch();
    let second = 0;
    const changes: string[] = [];
    return {
      watch,
      changes,
      look: (...lines: LedgerLine[]) => {
        second += 10;
        for (const { type } of watch.look({ atMs: second * 1000, lines }, () => settings)) changes.push(type);
      },
    };
  };

  test('a loss above the threshold is told once, and its end once', () => {
    const { watch, look, changes } = watcher();
    look(line(10_000, 0));
    look(line(11_000, 9)); // fewer than the least
    expect(changes).toEqual([]);
    look(line(12_000, 200));
    look(line(13_000, 400));
    expect(changes).toEqual(['loss.threshold']);
    expect(watch.alarms[0]).toMatchObject({ lost: 400, of: 3000, reasons: { 'not forwarded': 400 } });
    expect(watch.alarms[0]?.text).toContain('capture engine does not forward');
    for (let n = 0; n < 7; n += 1) look(line(14_000 + n, 400));
    expect(changes).toEqual(['loss.threshold']); // still within the minute, or not long enough over
    for (let n = 0; n < 3; n += 1) look(line(15_000 + n, 400));
    expect(changes).toEqual(['loss.threshold', 'loss.ended']);
    expect(watch.alarms).toEqual([]);
  });

  test('old losses, those of a line that is new, and a share below the threshold are not told', () => {
    const { look, changes } = watcher();
    look(line(10_000, 5_000));
    look(line(20_000, 5_050), line(900, 800, 'other'));
    look(line(30_000, 5_090), line(950, 800, 'other'));
    expect(changes).toEqual([]);
  });

  test('a line that goes away takes its alarm with it', () => {
    const { look, changes } = watcher();
    look(line(1000, 0));
    look(line(2000, 500));
    look();
    expect(changes).toEqual(['loss.threshold', 'loss.ended']);
  });
});
