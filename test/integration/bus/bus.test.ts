import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import type { BusMessage } from '@bulkhead/platform/bus';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

let bench: BusBench;
const model = busModel([
  busInstrument('suricata', { publish: ['alert', 'dns'], accept: ['ruleset.apply'] }),
  busInstrument('passive-dns', {
    read: [{ from: 'suricata', type: 'dns' }],
    send: [{ to: 'suricata', command: 'ruleset.apply' }],
  }),
]);

beforeAll(async () => {
  bench = await openBusBench();
});
afterAll(async () => {
  await bench.dispose();
});

test('the bus starts, stores what an instrument publishes, and the platform reads it', async () => {
  expect(await bench.bus.ensure(model)).toEqual({ restarted: true, reloaded: false });
  expect(await bench.bus.ensure(model)).toEqual({ restarted: false, reloaded: false });
  const stop = new AbortController();
  const got: BusMessage[] = [];
  const feed = await bench.bus.subscribeEvents({}, (message) => void got.push(message), stop.signal);
  const suricata = await bench.instrument(model, 'suricata');
  await Promise.all([
    suricata.publish('alert', { a: 1 }),
    suricata.publish('alert', { a: 2 }),
    suricata.publish('dns', { d: 1 }),
  ]);
  await waitFor('the events', 5_000, () => got.length === 2);
  expect(got.map(({ instrument, type, sequence }) => ({ instrument, type, sequence }))).toEqual([
    { instrument: 'suricata', type: 'alert', sequence: 1 },
    { instrument: 'suricata', type: 'dns', sequence: 2 },
  ]);
  expect(Buffer.from(got[0]?.body ?? []).toString()).toBe('{"a":1}\n{"a":2}\n');
  expect(got[0]?.headers).toMatchObject({ 'ce-source': '/sensor/lab/instrument/suricata', 'bh-count': '2' });
  stop.abort();
  await feed.ended;
  await suricata.close();
});

test('a reader gets the granted kind, commands and control are answered', async () => {
  await bench.bus.ensure(model);
  const suricata = await bench.instrument(model, 'suricata');
  const dns = await bench.instrument(model, 'passive-dns');
  const read: unknown[] = [];
  const subscription = dns.subscribe('suricata', 'dns', (event) => void read.push(event.record));
  await suricata.publish('dns', { d: 2 });
  await waitFor('the record', 5_000, () => read.length === 2);
  expect(read).toEqual([{ d: 1 }, { d: 2 }]);
  suricata.handle('ruleset.apply', (payload, from) => ({ payload, from }));
  expect(await dns.send('suricata', 'ruleset.apply', { x: 1 })).toEqual({
    payload: { x: 1 },
    from: 'passive-dns',
  });
  expect(await bench.bus.request('suricata', 'health', {}, 2_000)).toMatchObject({ state: 'starting' });
  suricata.health(() => ({ state: 'ok', counters: { packets: 3 } }));
  expect(await bench.bus.request('suricata', 'health', {}, 2_000)).toMatchObject({
    state: 'ok',
    counters: { packets: 3 },
  });
  await subscription.stop();
});
