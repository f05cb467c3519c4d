import { afterEach, beforeEach, expect, test } from 'vitest';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

let bench: BusBench;
beforeEach(async () => {
  bench = await openBusBench('bn9');
});
afterEach(async () => {
  await bench.dispose();
});

test('a reading since a moment after the last event has caught up at once and ends at once', async () => {
  const model = busModel([busInstrument('ids', { publish: ['alert', 'dns'] }), busInstrument('quiet')]);
  await bench.bus.ensure(model);
  const ids = await bench.instrument(model, 'ids');
  await ids.publish('alert', { n: 1 });
  await ids.publish('dns', { n: 2 });
  for (const types of [['alert'], ['smb'], []]) {
    const over = new AbortController();
    const seen: string[] = [];
    const since = new Date();
    const feed = await bench.bus.subscribeEvents(
      { types, start: { since } },
      ({ type }) => void seen.push(type),
      over.signal,
    );
    await feed.caughtUp;
    over.abort();
    await feed.ended;
    expect(seen).toEqual([]);
  }
}, 20_000);
