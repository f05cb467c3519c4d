import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run, site, sitePaths } from '@bulkhead/platform/kernel';
import { cutAtNewBlocks } from '../../support/power-cut/at-new-blocks.ts';
import { BusStore } from '../../support/power-cut/bus-store.ts';
import { EventStoreUnderCuts } from '../../support/power-cut/event-store.ts';
import { lazyServer } from '../../support/power-cut/lazy-server.ts';
import { SqliteStore } from '../../support/power-cut/sqlite-store.ts';
import { underPowerCuts } from '../../support/power-cut/under-power-cuts.ts';
import { VolatileDisk } from '../../support/power-cut/volatile-disk.ts';

/** `BULKHEAD_SEED` repeats a run: the moments differ by what else the machine does, the survivors do not. */
const seed = Number(process.env['BULKHEAD_SEED'] ?? Math.floor(Math.random() * 1_000_000));

let scratch: string;
let disk: VolatileDisk;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'cut-'));
  // The bus' server runs as a user of its own and has to pass through.
  await chmod(scratch, 0o711);
  disk = await VolatileDisk.open(256);
});
afterEach(async () => {
  await disk.dispose();
  await rm(scratch, { recursive: true, force: true });
});

test('ABUSE 71: 100 random power cuts of the bus: what was acknowledged is stored, once', async () => {
  const store = await BusStore.open(join(disk.path, 'state'));
  try {
    const result = await underPowerCuts(store, { disk, scratch, rounds: 100, seed, burstMs: 120 });
    console.log(JSON.stringify({ seed, ...result }));
    expect(result, JSON.stringify({ seed, ...result })).toMatchObject({
      rounds: 100,
      lost: [],
      repeated: [],
    });
    expect(result.stored).toBeGreaterThan(1_000);
    // Without anything unflushed at the cuts, the rounds would have proved nothing.
    expect(result.unflushed).toBeGreaterThan(0);
  } finally {
    await store.close();
  }
}, 420_000);

test('ABUSE 71: power cuts while the bus begins a new block of messages: what was acknowledged is stored', async () => {
  const store = await BusStore.open(join(disk.path, 'state'), { recordBytes: 6_000 });
  try {
    const result = await cutAtNewBlocks(store, { disk, scratch, cuts: 5, seed });
    console.log(JSON.stringify({ seed, ...result }));
    expect(result, JSON.stringify({ seed, ...result })).toMatchObject({ cuts: 5, lost: [] });
  } finally {
    await store.close();
  }
}, 240_000);

test('the power cuts find a server that acknowledges before the disk has it', async () => {
  const program = await lazyServer(scratch, sitePaths(site()).natsServer);
  const store = await BusStore.open(join(disk.path, 'state'), { natsServer: program });
  try {
    // The streams themselves are on the disk; what comes now is not.
    await run('sync', ['-f', disk.path]);
    const options = { disk, scratch, rounds: 3, seed, burstMs: 120, waitWrites: 0 };
    const { acknowledged, lost } = await underPowerCuts(store, options);
    expect(acknowledged).toBeGreaterThan(0);
    expect(lost.length).toBeGreaterThan(0);
  } finally {
    await store.close();
  }
});

test('ABUSE 71: 100 random power cuts of a database with a write-ahead log: every commit is there', async () => {
  const store = await SqliteStore.open(join(disk.path, 'store'), 'FULL');
  try {
    const result = await underPowerCuts(store, { disk, scratch, rounds: 100, seed, burstMs: 80 });
    console.log(JSON.stringify({ seed, ...result }));
    expect(result, JSON.stringify({ seed, ...result })).toMatchObject({
      rounds: 100,
      lost: [],
      repeated: [],
    });
    expect(result.stored).toBeGreaterThan(1_000);
    expect(result.unflushed).toBeGreaterThan(0);
  } finally {
    store.close();
  }
}, 240_000);

test('the power cuts find a database that commits before the disk has it', async () => {
  const store = await SqliteStore.open(join(disk.path, 'store'), 'NORMAL');
  try {
    // The table itself is on the disk; what comes now is not.
    await run('sync', ['-f', disk.path]);
    const { lost } = await underPowerCuts(store, {
      disk,
      scratch,
      rounds: 3,
      seed,
      burstMs: 80,
      waitWrites: 0,
    });
    expect(lost.length).toBeGreaterThan(0);
  } finally {
    store.close();
  }
});

test('ABUSE 71: random power cuts of the event store: what it calls durable is found by a search, once', async () => {
  const store = await EventStoreUnderCuts.open(join(disk.path, 'store'), scratch);
  try {
    const result = await underPowerCuts(store, { disk, scratch, rounds: 20, seed, burstMs: 700 });
    console.log(JSON.stringify({ seed, ...result }));
    expect(result, JSON.stringify({ seed, ...result })).toMatchObject({ rounds: 20, lost: [], repeated: [] });
    expect(result.stored).toBeGreaterThan(500);
    expect(result.unflushed).toBeGreaterThan(0);
  } finally {
    await store.close();
  }
}, 240_000);
