import { readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Bus, StoreIncident } from '@bulkhead/platform/bus';
import { sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';
import { readAll } from '../../support/power-cut/bus-store.ts';

const model = busModel([
  busInstrument('suricata', { publish: ['alert'] }),
  busInstrument('asset-monitor', { publish: ['asset'] }),
  busInstrument('passive-dns', { read: [{ from: 'suricata', type: 'alert' }] }),
]);
const MESSAGES = 12;

let bench: BusBench;
let folder: string;
beforeEach(async () => {
  bench = await openBusBench();
  folder = join(sitePaths(bench.site).busDir, 'store', 'jetstream', 'PLAT', 'streams', 'S_suricata');
  await bench.bus.ensure(model);
  const [suricata, assets] = await Promise.all([
    bench.instrument(model, 'suricata'),
    bench.instrument(model, 'asset-monitor'),
  ]);
  // One message each: awaited, so that they are not packed together.
  for (let n = 1; n <= MESSAGES; n += 1) await suricata.publish('alert', { id: `s${String(n)}`, padding });
  await assets.publish('asset', { id: 'a1' });
  await Promise.all([suricata.close(), assets.close()]);
  await bench.bus.stop();
});
afterEach(async () => {
  await bench.dispose();
});

const padding = 'x'.repeat(600);
const all = ['a1', ...Array.from({ length: MESSAGES }, (_, n) => `s${String(n + 1)}`)].sort();

test('ABUSE 76: a flipped bit in a stored message is detected and announced; nobody gets it, everything else is read', async () => {
  const block = join(folder, 'msgs', '1.blk');
  // In the payload of one record: its head is 50 bytes of some 900.
  await flip(block, Math.floor(((await readFile(block)).length * 5.6) / MESSAGES));
  const { bus, incidents } = await reopen();
  const found = await readAll({ ...bench, bus });
  expect(all).toEqual(expect.arrayContaining(found));
  expect(found).toHaveLength(MESSAGES);
  expect(await bus.store.scrub()).toMatchObject({ S_suricata: 1, S_asset_monitor: 0 });
  expect(incidents).toMatchObject([
    { type: 'bus.streamDamaged', fields: { stream: 'S_suricata', messages: 1 } },
  ]);
  // Told once, not every day anew.
  await bus.store.scrub();
  expect(incidents).toHaveLength(1);
  await stillStores(bus);
});

test.each(['meta.inf', 'meta.sum', 'meta.key'])(
  'ABUSE 76: a damaged description of a stream (%s) is set aside and put back; no event is lost',
  async (name) => {
    await flip(join(folder, name), 8);
    const { bus, incidents } = await reopen();
    expect((await readAll({ ...bench, bus })).sort()).toEqual(all);
    expect(incidents).toMatchObject([{ type: 'bus.streamRepaired', fields: { stream: 'S_suricata' } }]);
    expect(await bus.store.quarantined()).toEqual([
      expect.stringMatching(/^S_suricata-description-\d{8}T\d{6}Z$/),
    ]);
    await stillStores(bus);
  },
);

test('ABUSE 76: a stream that nothing can be made of is quarantined and made anew; the others are untouched, readers go on', async () => {
  const busDir = sitePaths(bench.site).busDir;
  await rm(join(busDir, 'descriptions', 'S_suricata'), { recursive: true });
  await writeFile(join(folder, 'meta.inf'), Buffer.alloc(300, 7));
  const { bus, incidents } = await reopen();
  expect(await readAll({ ...bench, bus })).toEqual(['a1']);
  expect(incidents).toMatchObject([
    { type: 'bus.streamQuarantined', fields: { stream: 'S_suricata', lastSequence: MESSAGES } },
  ]);
  const [kept] = await bus.store.quarantined();
  expect(await readdir(join(busDir, 'quarantine', kept ?? '', 'S_suricata', 'msgs'))).toContain('1.blk');
  await stillStores(bus);
});

test('ABUSE 71: a block of messages that a power cut left empty and without its key costs nothing', async () => {
  await writeFile(join(folder, 'msgs', '2.blk'), '', { mode: 0o600 });
  await writeFile(join(folder, 'msgs', '2.key.tmp'), Buffer.alloc(64, 7), { mode: 0o600 });
  const { bus, incidents } = await reopen();
  expect((await readAll({ ...bench, bus })).sort()).toEqual(all);
  expect(incidents).toEqual([]);
  await stillStores(bus);
});

test('ABUSE 76: a stream that the server deletes because it cannot read it is quarantined with all its files', async () => {
  // The server meets a second block whose key is not one, and removes the folder of the stream.
  await writeFile(join(folder, 'msgs', '2.blk'), Buffer.alloc(900, 7), { mode: 0o600 });
  const size = (await readFile(join(folder, 'msgs', '1.blk'))).length;
  const { bus, incidents } = await reopen();
  expect(await readAll({ ...bench, bus })).toEqual(['a1']);
  expect(incidents).toContainEqual(
    expect.objectContaining({
      type: 'bus.streamQuarantined',
      fields: expect.objectContaining({ stream: 'S_suricata', lastSequence: MESSAGES }) as unknown,
    }),
  );
  const kept = (await bus.store.quarantined()).find((name) => !name.includes('description')) ?? '';
  const block = join(sitePaths(bench.site).busDir, 'quarantine', kept, 'S_suricata', 'msgs', '1.blk');
  expect((await readFile(block)).length).toBe(size);
  await stillStores(bus);
});

test('ABUSE 76: a stream whose end is gone is quarantined: no sequence is used a second time, so no reader passes over new events', async () => {
  // Six bytes into a record: the server takes everything from there on for nothing and begins again at 1.
  await flip(join(folder, 'msgs', '1.blk'), 5);
  const { bus, incidents } = await reopen();
  expect(incidents).toMatchObject([
    { type: 'bus.streamQuarantined', fields: { stream: 'S_suricata', lastSequence: MESSAGES } },
  ]);
  const state = (await bus.streams()).find(({ stream }) => stream === 'S_suricata');
  expect(state?.lastSequence).toBeGreaterThan(MESSAGES);
  // A reader that had read everything up to then, as the event store's: it gets what comes now.
  const got: number[] = [];
  const stop = new AbortController();
  const start = { after: { S_suricata: MESSAGES }, otherwise: 'live' } as const;
  const feed = await bus.subscribeEvents(
    { instrument: 'suricata', start },
    ({ sequence }) => void got.push(sequence),
    stop.signal,
  );
  await stillStores(bus);
  await waitFor('the event', 15_000, () => got.length === 1);
  stop.abort();
  await feed.ended;
});

test('a message block that is cut short: what is left is read, what is gone is announced', async () => {
  const block = join(folder, 'msgs', '1.blk');
  // In the middle of the last record but two, and the index says that there was more.
  await truncate(block, Math.floor(((await readFile(block)).length * (MESSAGES - 2.5)) / MESSAGES));
  const { bus, incidents } = await reopen();
  expect(incidents.map(({ type }) => type)).toEqual([
    expect.stringMatching(/^bus\.stream(Damaged|Quarantined)$/),
  ]);
  expect(await readAll({ ...bench, bus })).toContain('a1');
  await stillStores(bus);
});

test('a damaged index costs nothing: the server makes it anew', async () => {
  await flip(join(folder, 'msgs', 'index.db'), 40);
  const { bus, incidents } = await reopen();
  expect((await readAll({ ...bench, bus })).sort()).toEqual(all);
  expect(incidents).toEqual([]);
});

test('a folder that is gone is announced and made anew; an empty store is not taken for a damaged one', async () => {
  await rm(folder, { recursive: true });
  const { bus, incidents } = await reopen();
  expect(incidents).toMatchObject([{ type: 'bus.streamQuarantined', fields: { folder: '' } }]);
  await stillStores(bus);
  await bus.stop();
  await rename(join(folder, '..'), join(folder, '..', '..', 'elsewhere'));
  const after = bench.reopen();
  await expect(after.ensure(model)).rejects.toMatchObject({
    code: 'BUS_STORE_DAMAGED',
    fields: { missing: 'S_asset_monitor S_passive_dns S_platform S_suricata' },
  });
});

test('what is known of the store is garbage: it is made anew from the store; nothing is lost', async () => {
  const record = join(sitePaths(bench.site).busDir, 'store.json');
  for (const garbage of ['', '{', '[]', '{"version":1}', '\u0000'.repeat(4096)]) {
    await writeFile(record, garbage);
    const { bus, incidents } = await reopen();
    expect((await readAll({ ...bench, bus })).sort()).toEqual(all);
    expect(incidents).toMatchObject([{ type: 'bus.streamRepaired' }]);
    await bus.stop();
  }
  // But with another key nothing would be readable, and that is no reason to throw a store away.
  await writeFile(record, '{');
  const other = await openBusBench('bn1', { stateDir: bench.site.stateDir });
  try {
    await expect(other.bus.ensure(model)).rejects.toMatchObject({ code: 'BUS_STORE_DAMAGED' });
    await expect(other.bus.ensure(model)).rejects.toMatchObject({
      code: expect.stringMatching(/^BUS_STORE_/) as string,
    });
  } finally {
    await other.dispose();
  }
  expect(await readdir(folder)).toContain('meta.inf');
});

async function reopen(): Promise<{ bus: Bus; incidents: StoreIncident[] }> {
  const bus = bench.reopen();
  const incidents: StoreIncident[] = [];
  await bus.ensure(model);
  bus.store.onIncident((incident) => incidents.push(incident));
  return { bus, incidents };
}

/** The damaged stream takes events, and its durable reader gets them. */
async function stillStores(bus: Bus): Promise<void> {
  const [suricata, reader] = await Promise.all([
    bench.instrument(model, 'suricata'),
    bench.instrument(model, 'passive-dns'),
  ]);
  const seen: unknown[] = [];
  reader.subscribe('suricata', 'alert', ({ record }) => void seen.push(record['id']));
  await suricata.publish('alert', { id: 'later' });
  await waitFor('the reader', 30_000, () => seen.includes('later'));
  expect(bus.store.fault).toBeUndefined();
  await Promise.all([suricata.close(), reader.close()]);
}

/** Changes one bit of a file. */
async function flip(path: string, at: number): Promise<void> {
  const content = await readFile(path);
  content[at] = (content[at] ?? 0) ^ 0x10;
  await writeFile(path, content);
}
