import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Storage } from '@bulkhead/platform/storage';
import { bundleProgram } from '../../support/bundle-program.ts';
import { IDS, StorageSite } from './storage-site.ts';

const MIB = 1 << 20;
const SIZE = 6 * MIB;

let at: StorageSite;
let storage: Storage;
let outbox: string;
beforeEach(async () => {
  at = await StorageSite.make();
  storage = await at.open();
  await storage.ensure('sender', { sizeMib: 96 });
  outbox = join((await storage.unlock('sender', IDS)).path, 'persistent/outbox');
  await mkdir(outbox);
});
afterEach(async () => {
  await at.clean();
});

const digest = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
const folder = () => join(at.site.stateDir, 'resources/receiver');

async function offered(
  content: string | Buffer,
): Promise<{ sha256: string; bytes: number; maxBytes: number }> {
  const sha256 = digest(content);
  await writeFile(join(outbox, sha256), content);
  return { sha256, bytes: Buffer.byteLength(content), maxBytes: 64 * MIB };
}

function target(as: string, remove: string[] = []) {
  return { to: 'receiver', as, ownerGroupId: IDS.ownerId, reserved: [], remove };
}

/** Delivers two files in turns under two names, each removing the other's, until it is killed. */
const PROGRAM = (source: string) => `
import { openLog, site } from '${source}/kernel/index.ts';
import { openStorage } from '${source}/storage/index.ts';
const [stateDir, runDir, bytes, ...files] = process.argv.slice(2);
const storage = await openStorage({ site: site({ prefix: 'bs1', stateDir, runDir }), log: openLog('x', 'silent') });
// Left mounted by a process that was killed, as after a crash of the sensor.
await storage.unlock('sender', { ownerId: ${String(IDS.ownerId)}, containerRootId: ${String(IDS.containerRootId)} });
console.log('ready');
for (let turn = 0; ; turn += 1) {
  const as = turn % 3 === 0 ? 'other' : 'rules';
  await storage.deliveries.deliver(
    { instrument: 'sender' },
    { sha256: files[turn % files.length], bytes: Number(bytes), maxBytes: Number(bytes) },
    { to: 'receiver', as, ownerGroupId: ${String(IDS.ownerId)}, reserved: [], remove: ['rules', 'other'] },
  );
}`;

test('killed at any moment, a file is as before or whole, on record, and nothing half placed is left', async () => {
  const source = new URL('../../../platform', import.meta.url).pathname;
  const bundle = join(at.dir, 'program.mjs');
  await bundleProgram(PROGRAM(source), bundle);
  const files: string[] = [];
  for (const letter of ['a', 'b']) files.push((await offered(Buffer.alloc(SIZE, letter))).sha256);
  await storage.close();
  let seen = 0;
  for (let round = 0; round < 8; round += 1) {
    const args = [bundle, at.site.stateDir, at.site.runDir, String(SIZE), ...files];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await sleep(Math.random() * 700);
    expect(child.exitCode, 'it runs until it is killed').toBe(null);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;

    const after = await at.open();
    const listed = await after.deliveries.list('receiver');
    await after.placeResources('receiver', {}, { ownerGroupId: IDS.ownerId });
    expect(await after.deliveries.list('receiver'), 'what is on record is there').toEqual(listed);
    expect((await readdir(folder()).catch(() => [])).sort()).toEqual(listed.map(({ as }) => as).sort());
    for (const { as, sha256, bytes } of listed) {
      const content = await readFile(join(folder(), as));
      expect([content.length, digest(content)]).toEqual([bytes, sha256]);
      seen += 1;
    }
    const incoming = join(at.site.stateDir, 'resources/.incoming');
    expect(await readdir(incoming).catch(() => [])).toEqual([]);
    await after.close();
  }
  expect(seen).toBeGreaterThan(0);
});

test('deliveries stay beside the operator’s files, survive a restart, and go with the volume', async () => {
  const first = await offered('from the sender');
  expect(
    await storage.deliveries.deliver(
      { instrument: 'sender', download: 'receiver/feed' },
      first,
      target('feed'),
    ),
  ).toEqual({
    changed: true,
  });
  const again = await storage.deliveries.deliver({ instrument: 'sender' }, first, target('feed'));
  expect(again, 'it is there already').toEqual({ changed: false });
  await writeFile(join(at.dir, 'own'), 'of the operator');
  const owner = { ownerGroupId: IDS.ownerId };
  const own = { own: join(at.dir, 'own') };
  expect(await storage.placeResources('receiver', own, owner)).toMatchObject({ changed: true });
  expect(await storage.placeResources('receiver', own, owner)).toMatchObject({ changed: false });
  await storage.close();

  storage = await at.open();
  await storage.unlock('sender', IDS);
  expect(await storage.deliveries.list('receiver')).toMatchObject([
    { as: 'feed', sender: { instrument: 'sender' }, sha256: first.sha256, bytes: first.bytes },
  ]);
  await storage.placeResources('receiver', own, owner);
  expect((await readdir(folder())).sort()).toEqual(['feed', 'own']);

  // The operator takes the name: the delivery is forgotten, and does not come back when the operator's file goes.
  await storage.placeResources('receiver', { feed: join(at.dir, 'own') }, owner);
  expect(await readFile(join(folder(), 'feed'), 'utf8')).toBe('of the operator');
  expect(await storage.deliveries.list('receiver')).toEqual([]);
  await storage.placeResources('receiver', {}, owner);
  expect(await readdir(folder())).toEqual([]);

  // What somebody removed by hand is not listed any longer either.
  for (const as of ['kept', 'lost'])
    await storage.deliveries.deliver({ instrument: 'sender' }, first, target(as));
  await rm(join(folder(), 'lost'));
  await storage.placeResources('receiver', {}, owner);
  expect((await storage.deliveries.list('receiver')).map(({ as }) => as)).toEqual(['kept']);
  const second = await offered('second');
  await storage.deliveries.deliver({ instrument: 'sender' }, second, target('newer', ['kept']));
  expect(await readdir(folder())).toEqual(['newer']);
  await storage.deliveries.remove('receiver', ['newer'], { operator: 'ada' });
  expect(await readdir(folder())).toEqual([]);

  await storage.ensure('receiver', { sizeMib: 32 });
  await storage.deliveries.deliver({ instrument: 'sender' }, second, target('newer'));
  expect(await storage.deliveries.receivers()).toEqual(['receiver']);
  await storage.destroy('receiver');
  expect(await storage.deliveries.receivers()).toEqual([]);
  expect(await readdir(join(at.site.stateDir, 'resources'))).not.toContain('receiver');
});

test('a receiver gets at most 64 files, and no file is larger than was allowed', async () => {
  for (let number = 0; number < 64; number += 1) {
    await storage.deliveries.deliver(
      { instrument: 'sender' },
      await offered('same'),
      target(`f${String(number)}`),
    );
  }
  const more = storage.deliveries.deliver(
    { instrument: 'sender' },
    await offered('same'),
    target('one-more'),
  );
  await expect(more).rejects.toMatchObject({ code: 'STORAGE_DELIVERY_LIMIT' });
  await storage.deliveries.deliver(
    { instrument: 'sender' },
    await offered('same'),
    target('one-more', ['f0']),
  );
  await storage.deliveries.deliver({ instrument: 'sender' }, await offered('changed'), target('f1'));
  const file = await offered('five!');
  const large = storage.deliveries.deliver({ instrument: 'sender' }, { ...file, maxBytes: 4 }, target('f2'));
  await expect(large).rejects.toMatchObject({ code: 'STORAGE_DELIVERY_LIMIT' });
  const huge = { sha256: digest(''), bytes: 300 * MIB, maxBytes: 4096 * MIB };
  const beyond = storage.deliveries.deliver({ instrument: 'sender' }, huge, target('f2'));
  await expect(beyond).rejects.toMatchObject({ code: 'STORAGE_DELIVERY_LIMIT' });
});

test('an import is bounded and checked, and a volume is locked although a file is being copied out of it', async () => {
  const content = async function* (chunks: number) {
    for (let chunk = 0; chunk < chunks; chunk += 1) yield await Promise.resolve(Buffer.alloc(MIB, 'x'));
  };
  const receive = (chunks: number, expected: { sha256?: string; bytes?: number; maxBytes: number }) =>
    storage.deliveries.receive(
      'ada',
      content(chunks),
      { sha256: undefined, bytes: undefined, ...expected },
      target('stick'),
    );
  await expect(receive(1000, { maxBytes: 3 * MIB })).rejects.toMatchObject({
    code: 'STORAGE_DELIVERY_MISMATCH',
  });
  await expect(receive(2, { maxBytes: 3 * MIB, bytes: MIB })).rejects.toMatchObject({
    code: 'STORAGE_DELIVERY_MISMATCH',
  });
  await expect(receive(2, { maxBytes: 3 * MIB, sha256: digest('other') })).rejects.toMatchObject({
    code: 'STORAGE_DELIVERY_MISMATCH',
  });
  expect(await storage.deliveries.list('receiver')).toEqual([]);
  const sha256 = digest(Buffer.alloc(2 * MIB, 'x'));
  expect(await receive(2, { maxBytes: 3 * MIB, sha256 })).toEqual({ changed: true, sha256, bytes: 2 * MIB });
  expect(await storage.deliveries.list('receiver')).toMatchObject([
    { as: 'stick', sender: { operator: 'ada' } },
  ]);

  const large = await offered(Buffer.alloc(64 * MIB, 'y'));
  const outcome = storage.deliveries.deliver({ instrument: 'sender' }, large, target('large')).then(
    () => 'delivered',
    (error: unknown) => (error as { code?: string }).code,
  );
  await sleep(50);
  await storage.lock('sender');
  expect(['STORAGE_DELIVERY_INTERRUPTED', 'delivered']).toContain(await outcome);
  const gone = storage.deliveries.deliver({ instrument: 'sender' }, await plain('z'), target('late'));
  await expect(gone, 'the volume is locked').rejects.toMatchObject({ code: 'STORAGE_FILE_REFUSED' });
});

async function plain(content: string) {
  return Promise.resolve({ sha256: digest(content), bytes: content.length, maxBytes: MIB });
}
