import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataKeeper, DataSources } from '@bulkhead/platform/data';
import { openLog } from '@bulkhead/platform/kernel';
import { instrumentSource } from '@bulkhead/platform/data';
import { streamSource } from '../../../platform/sensord/data-streams.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';
import { desiredWith } from '../../integration/data/desired.ts';

const YEAR_MS = 365 * 86_400_000;
const model = busModel([busInstrument('keeper', { publish: ['seen'] })]);
const master = randomBytes(32);

let bench: BusBench;
/** What the clocks show; only the test moves them. */
let wallMs: number;
let monotonicMs: number;
let deleted: string[];
let published: string[];

beforeEach(async () => {
  bench = await openBusBench('bd1');
  await bench.bus.ensure(model);
  wallMs = Date.now();
  monotonicMs = 0;
  deleted = [];
  published = [];
  const instrument = await bench.instrument(model, 'keeper');
  const kept = { name: 'seen', what: 'what was seen', records: 5, policyDays: 30 };
  instrument.onRetention(() => [{ ...kept, oldest: new Date(Date.now() - 86_400_000).toISOString() }]);
  instrument.onData({
    find: () => [],
    purge: (_subject, requestId) => deleted.push(requestId),
    hold: () => undefined,
  });
  await instrument.publish('seen', { src_ip: '10.0.0.7' });
});
afterEach(async () => {
  await bench.dispose();
});

async function open(): Promise<DataKeeper> {
  const sources = new DataSources();
  sources.register(streamSource({ bus: bench.bus, desired: () => desiredWith(model) }));
  sources.register(
    instrumentSource({
      name: 'keeper',
      running: true,
      volume: undefined,
      readers: [],
      goesTo: [],
      request: (command, payload, timeoutMs) => bench.bus.request('keeper', command, payload, timeoutMs),
    }),
  );
  const keeper = new DataKeeper({
    dir: join(bench.site.stateDir, 'data'),
    log: openLog('data', 'silent'),
    secret: (purpose) => createHmac('sha256', master).update(purpose).digest(),
    sources,
    head: () => ({ sensor: 'lab', versions: {}, configuration: { digest: 'd', loadedAt: 'now' } }),
    publish: (type) => published.push(type),
    clocks: { now: () => new Date(wallMs), monotonicMs: () => monotonicMs },
  });
  await keeper.open();
  return keeper;
}

async function stored(): Promise<number> {
  return (await bench.bus.streams()).reduce((sum, { messages }) => sum + messages, 0);
}

const inDoubt = [expect.stringMatching(/^the clock is in doubt: it is 365 days (ahead of|behind)/)];

test.each([
  ['ahead', YEAR_MS],
  ['behind', -YEAR_MS],
])(
  'ABUSE 47: a clock a year %s while the sensor runs deletes nothing, calls nothing overdue, and is said',
  async (_where, jumpMs) => {
    const keeper = await open();
    await keeper.hold({ address: '10.0.0.9' }, { reason: 'evidence', by: 'anna' });
    await keeper.round();
    expect(keeper.attention()).toEqual([]);
    const before = await stored();

    wallMs += jumpMs;
    for (let round = 0; round < 3; round += 1) {
      wallMs += 900_000;
      monotonicMs += 900_000;
      await keeper.round();
    }
    expect(keeper.attention()).toEqual(inDoubt);
    expect(published.filter((type) => type !== 'data.held')).toEqual(['retention.clock']);
    expect(deleted).toEqual([]);
    expect(await stored()).toBe(before);
    expect(keeper.holds()).toHaveLength(1);
    expect((await keeper.report()).report).toMatchObject({
      clockDoubt: expect.stringMatching(/365 days/) as string,
    });

    wallMs -= jumpMs;
    await keeper.round();
    expect(keeper.attention()).toEqual([]);
  },
);

test.each([
  ['ahead', YEAR_MS],
  ['behind', -YEAR_MS],
])(
  'ABUSE 47: a sensor that starts with its clock a year %s deletes nothing, and asks a person',
  async (_where, jumpMs) => {
    await (await open()).round();
    const before = await stored();
    wallMs += jumpMs;
    monotonicMs = 0;
    const keeper = await open();
    await keeper.round();
    expect(keeper.attention()).toEqual(inDoubt);
    // Another start does not make it right.
    const next = await open();
    await next.round();
    expect(next.attention()).toEqual(inDoubt);
    expect(published).not.toContain('retention.overdue');

    // A person says that it is right: then ages are judged, and said, and still nothing is deleted.
    await next.confirmClock();
    expect(next.attention().join()).toMatch(
      jumpMs > 0 ? /instrument\/keeper\/seen .* its policy is 30 days/ : /is yet to come/,
    );
    expect(published.includes('retention.overdue')).toBe(jumpMs > 0);
    expect(deleted).toEqual([]);
    expect(await stored()).toBe(before);
  },
);
