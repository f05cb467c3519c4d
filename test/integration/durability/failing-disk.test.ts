import { mkdtemp, open, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Instrument } from '@bulkhead/sdk';
import type { StoreIncident } from '@bulkhead/platform/bus';
import { waitFor } from '@bulkhead/platform/kernel';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';
import { readAll } from '../../support/power-cut/bus-store.ts';
import { mountImage, VolatileDisk, type Fault } from '../../support/power-cut/volatile-disk.ts';

const model = busModel([
  busInstrument('suricata', { publish: ['alert'], accept: ['greet'] }),
  busInstrument('asset-monitor', { publish: ['asset'], send: [{ to: 'suricata', command: 'greet' }] }),
]);

let scratch: string;
let disk: VolatileDisk;
let bench: BusBench;
let suricata: Instrument;
let other: Instrument;
let acknowledged: Set<string>;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'cut-'));
  await chmod(scratch, 0o711);
  disk = await VolatileDisk.open(96);
  bench = await openBusBench('bn1', { stateDir: join(disk.path, 'state') });
  await bench.bus.ensure(model);
  suricata = await bench.instrument(model, 'suricata');
  other = await bench.instrument(model, 'asset-monitor');
  acknowledged = new Set();
});
afterEach(async () => {
  await disk.fail('none');
  await bench.dispose();
  await disk.dispose();
  await rm(scratch, { recursive: true, force: true });
});

test('ABUSE 75: a full disk: nothing is acknowledged that is not stored, it is said, and it goes on when there is room', async () => {
  const incidents: StoreIncident[] = [];
  bench.bus.store.onIncident((incident) => incidents.push(incident));
  for (let n = 0; n < 5; n += 1) await publish(`before-${String(n)}`);
  const filling = join(disk.path, 'filling');
  await fillUp(filling);
  const waiting = Array.from({ length: 40 }, (_, n) => publish(`full-${String(n)}`));
  await waitFor('the fault', 60_000, () => bench.bus.store.fault?.code === 'BUS_STORE_FULL');
  const before = new Set(acknowledged);
  // Commands and health need no disk: everybody else goes on.
  suricata.handle('greet', () => ({ hello: true }));
  suricata.health(() => ({ state: 'ok' }));
  expect(await other.send('suricata', 'greet', {})).toEqual({ hello: true });
  expect(await bench.bus.request('suricata', 'health', {}, 5_000)).toMatchObject({ state: 'ok' });
  expect(await readAll(bench)).toEqual(expect.arrayContaining([...before]));
  expect(acknowledged.size).toBeLessThan(45);
  expect(suricata.counters()).toMatchObject({ accepted: 45, refused: 0, stored: acknowledged.size });
  await rm(filling);
  await waitFor('the end of the fault', 90_000, () => bench.bus.store.fault === undefined);
  await Promise.all(waiting);
  const stored = await readAll(bench);
  expect(stored.sort()).toEqual([...acknowledged].sort());
  expect(stored).toHaveLength(45);
  await waitFor('the incident', 30_000, () => incidents.length > 0);
  expect(incidents[0]).toMatchObject({ type: 'bus.storeFailed', fields: { code: 'BUS_STORE_FULL' } });
});

test.each<Fault>(['flush', 'write'])(
  'ABUSE 75: I/O errors of the disk (%s): acknowledging stops at once, what was acknowledged is there',
  async (fault) => {
    for (let n = 0; n < 20; n += 1) await publish(`before-${String(n)}`);
    await disk.fail(fault);
    for (let n = 0; n < 40; n += 1) void publish(`failing-${String(n)}`).catch(() => undefined);
    // The file system has met the fault.
    await waitFor('a refused request', 30_000, async () => (await disk.counters()).refused > 0);
    await waitFor('the fault', 90_000, () => bench.bus.store.fault?.code === 'BUS_STORE_FAILED');
    const image = join(scratch, 'left.img');
    const required = [...acknowledged];
    await disk.cut(image, { seed: 1, keepPercent: 0, grainBytes: 4096, waitWrites: 0 });
    const mounted = await mountImage(image, join(scratch, 'left'));
    const after = await openBusBench('bn1', {
      stateDir: join(mounted.path, 'state'),
      secret: bench.secret,
    });
    try {
      await after.bus.ensure(model);
      const stored = await readAll(after);
      expect(stored).toEqual(expect.arrayContaining(required));
      expect(new Set(stored).size).toBe(stored.length);
    } finally {
      await after.dispose();
      await mounted.unmount();
    }
  },
);

async function publish(id: string): Promise<void> {
  await suricata.publish('alert', { id, padding: 'x'.repeat(15_000) });
  acknowledged.add(id);
}

/** Takes every byte of the disk. */
async function fillUp(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (const size of [1 << 20, 4096, 512]) {
      const piece = Buffer.alloc(size, 1);
      await (async () => {
        for (;;) await file.write(piece);
      })().catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      });
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
