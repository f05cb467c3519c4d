import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLog, waitFor } from '@bulkhead/platform/kernel';
import { StreamsToStore, type EventStore } from '@bulkhead/platform/events';
import { openStoreBench, searchAll, type StoreBench } from '../../support/event-store.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const model = busModel([
  busInstrument('suricata', { publish: ['alert', 'dns'] }),
  busInstrument('reader', { read: [{ from: 'suricata', type: 'dns' }] }),
]);
let bus: BusBench;
let bench: StoreBench;

beforeAll(async () => {
  bus = await openBusBench('bns');
  await bus.bus.ensure(model);
  bench = await openStoreBench();
});
afterAll(async () => {
  await bench.dispose();
  await bus.dispose();
});

/** Fills the store while `work` runs. */
async function filling<T>(store: EventStore, work: (feed: StreamsToStore) => Promise<T>): Promise<T> {
  const feed = new StreamsToStore(bus.bus, store, openLog('events', 'silent'));
  const ending = new AbortController();
  const running = feed.run(ending.signal);
  try {
    return await work(feed);
  } finally {
    ending.abort();
    await running;
  }
}

async function stored(store: EventStore, count: number): Promise<void> {
  await waitFor(`${String(count)} stored events`, 60_000, async () => {
    const events = await searchAll(store, {});
    expect(events.length).toBeLessThanOrEqual(count);
    return events.length === count;
  });
}

test('every event of the streams is stored once, over restarts of bus and store, also after the streams are trimmed', async () => {
  const suricata = await bus.instrument(model, 'suricata');
  const publish = async (type: string, from: number, to: number) => {
    for (let n = from; n < to; n += 1)
      await suricata.publish(type, { n, dns: { rrname: `n${String(n)}.example` } });
  };
  await publish('dns', 0, 10);
  await filling(bench.store, async () => {
    await stored(bench.store, 10);
    await publish('alert', 10, 15);
    await stored(bench.store, 15);
  });
  await publish('dns', 15, 20);
  await bench.reopen();
  await filling(bench.store, async (feed) => {
    await stored(bench.store, 20);
    const state = async () => (await bus.bus.streams()).find(({ instrument }) => instrument === 'suricata')!;
    const before = await state();
    expect([before.trimmable, before.acknowledged]).toEqual([true, 0]);
    // Somebody still has to read the names, so nothing may go, however old it is.
    await bench.store.upkeep();
    bench.clock.pass(2 * 86_400);
    await bench.store.upkeep();
    expect(await feed.trim()).toBe(0);
    expect(await bus.bus.trim(before.stream, before.lastSequence)).toBe(0);
    // The reader's right is taken away: now nobody waits for them.
    await bus.bus.ensure(busModel([busInstrument('suricata', { publish: ['alert', 'dns'] })]));
    expect(await feed.trim()).toBe(before.messages);
    expect(await state()).toMatchObject({ messages: 0, lastSequence: before.lastSequence });
    await publish('dns', 20, 25);
    await stored(bench.store, 25);
    await expect(bus.bus.trim('KV_other', 5)).rejects.toMatchObject({ code: 'BUS_TRIM_REFUSED' });
  });
  const numbers = (await searchAll(bench.store, {})).map(({ record }) => record['n'] as number);
  expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 25 }, (_, n) => n));
});
