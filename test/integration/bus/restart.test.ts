import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

let bench: BusBench;
const model = busModel(
  [
    busInstrument('suricata', { publish: ['alert'] }),
    busInstrument('passive-dns', { read: [{ from: 'suricata', type: 'alert' }] }),
  ],
  { streamMib: 64 },
);

beforeEach(async () => {
  bench = await openBusBench();
  await bench.bus.ensure(model);
});
afterEach(async () => {
  await bench.dispose();
});

test('a later platform adopts the running server: same process, nobody disconnected', async () => {
  const suricata = await bench.instrument(model, 'suricata');
  await suricata.publish('alert', { n: 1 });
  const pid = bench.bus.serverPid();
  await bench.bus.close();
  const next = bench.reopen();
  expect(await next.ensure(model)).toEqual({ restarted: false, reloaded: false });
  expect(next.serverPid()).toBe(pid);
  expect(next.identity('suricata')).toEqual(bench.bus.identity('suricata'));
  await suricata.publish('alert', { n: 2 });
  expect(suricata.counters()).toMatchObject({ stored: 2, resent: 0 });
  expect((await next.streams()).find((s) => s.instrument === 'suricata')).toMatchObject({ messages: 2 });
});

test('ABUSE 73: SIGKILL loop of the bus: everything acknowledged is stored once, readers and the platform go on without a gap', async () => {
  const suricata = await bench.instrument(model, 'suricata');
  const reader = await bench.instrument(model, 'passive-dns');
  const stop = new AbortController();
  const [acknowledged, byReader, byPlatform] = [new Set<number>(), [] as number[], [] as number[]];
  const restarts: number[] = [];
  bench.bus.onRestarted(() => restarts.push(performance.now()));
  reader.subscribe('suricata', 'alert', (event) => void byReader.push(event.record['n'] as number));
  const feed = await bench.bus.subscribeEvents(
    { instrument: 'suricata', start: 'beginning' },
    (message) => {
      const lines = Buffer.from(message.body).toString().trim().split('\n');
      byPlatform.push(...lines.map((line) => (JSON.parse(line) as { n: number }).n));
    },
    stop.signal,
  );
  let n = 0;
  let publishing = true;
  const publisher = (async () => {
    while (publishing) {
      for (let i = 0; i < 20; i += 1) {
        n += 1;
        const mine = n;
        void suricata.publish('alert', { n: mine }).then(() => acknowledged.add(mine));
      }
      await sleep(5);
    }
  })();
  for (let round = 0; round < 8; round += 1) {
    const { size } = acknowledged;
    await waitFor('acknowledgements', 30_000, () => acknowledged.size > size + 200);
    const pid = bench.bus.serverPid() ?? 0;
    process.kill(pid, 'SIGKILL');
    await waitFor(
      'another server',
      30_000,
      () => bench.bus.serverPid() !== pid && restarts.length === round + 1,
    );
  }
  publishing = false;
  await publisher;
  await suricata.flush();
  await waitFor('the reader', 30_000, () => new Set(byReader).size === n);
  await waitFor('the platform', 30_000, () => byPlatform.length >= n);
  const all = Array.from({ length: n }, (_, index) => index + 1);
  expect(suricata.counters()).toMatchObject({ accepted: n, stored: n, refused: 0, rejected: 0 });
  expect(byPlatform).toEqual(all);
  expect([...new Set(byReader)].sort((a, b) => a - b)).toEqual(all);
  expect([...acknowledged].every((value) => byPlatform.includes(value))).toBe(true);
  stop.abort();
  await feed.ended;
});

test('the store is refused in the other kind and with another key', async () => {
  await bench.bus.stop();
  await expect(bench.reopen().ensure({ ...model, encrypt: false })).rejects.toMatchObject({
    code: 'BUS_STORE_KIND',
  });
  const { openBus } = await import('@bulkhead/platform/bus');
  const { openLog } = await import('@bulkhead/platform/kernel');
  const other = openBus({
    site: bench.site,
    log: openLog('bus', 'silent'),
    natsServer: bench.natsServer,
    secret: () => Buffer.alloc(32, 7),
  });
  await expect(other.ensure(model)).rejects.toMatchObject({ code: 'BUS_STORE_KEY' });
  await other.close();
});
