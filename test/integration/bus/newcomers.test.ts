import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

let bench: BusBench;
beforeEach(async () => {
  bench = await openBusBench();
});
afterEach(async () => {
  await bench.dispose();
});

test('an instrument that is added while the bus runs has all its rights at once, in both directions', async () => {
  const first = busModel([busInstrument('first', { publish: ['alert'], accept: ['ping'] })]);
  await bench.bus.ensure(first);
  const early = await bench.instrument(first, 'first');
  await early.publish('alert', { n: 1 });
  early.handle('ping', (_, from) => `first was asked by ${from}`);

  const model = busModel([
    busInstrument('first', {
      publish: ['alert'],
      accept: ['ping'],
      read: [{ from: 'late', type: 'alert' }],
      send: [{ to: 'late', command: 'ping' }],
    }),
    busInstrument('late', {
      publish: ['alert'],
      accept: ['ping'],
      read: [{ from: 'first', type: 'alert' }],
      send: [{ to: 'first', command: 'ping' }],
    }),
    busInstrument('later', { publish: ['alert'] }),
  ]);
  expect(await bench.bus.ensure(model)).toEqual({ restarted: false, reloaded: true });
  const late = await bench.instrument(model, 'late');
  const again = await bench.instrument(model, 'first');
  again.handle('ping', (_, from) => `first was asked by ${from}`);
  await late.publish('alert', { n: 2 });
  late.handle('ping', (_, from) => `late was asked by ${from}`);
  const read: unknown[] = [];
  late.subscribe('first', 'alert', (event) => void read.push(event.record));
  again.subscribe('late', 'alert', (event) => void read.push(event.record));
  await waitFor('both directions', 5_000, () => read.length === 2);
  expect(await late.send('first', 'ping', {})).toBe('first was asked by late');
  expect(await again.send('late', 'ping', {})).toBe('late was asked by first');
  expect(await bench.bus.request('late', 'health', {}, 2_000)).toMatchObject({ state: 'starting' });
  // The one that was there all the time never lost its connection.
  await early.publish('alert', { n: 3 });
  expect(early.counters()).toMatchObject({ stored: 2, resent: 0 });

  // Added by a platform that adopted the server, with nothing in its memory.
  await bench.bus.close();
  const next = bench.reopen();
  const larger = {
    ...model,
    instruments: [...model.instruments, busInstrument('last', { publish: ['alert'] })],
  };
  expect(await next.ensure(larger)).toEqual({ restarted: false, reloaded: true });
  const last = await bench.instrument(larger, 'last');
  await last.publish('alert', { n: 4 });
});
