import { chown, copyFile, mkdir, open, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';
import { IDS, StorageSite } from './storage-site.ts';

let at: StorageSite;
beforeEach(async () => {
  at = await StorageSite.make();
});
afterEach(async () => {
  await at.clean();
});

const code = (expected: string) => expect.objectContaining({ code: expected });

test('a volume is made once, keeps persistent data over lock and unlock, and leaves nothing behind', async () => {
  const storage = await at.open();
  expect(await storage.ensure('suricata', { sizeMib: 64 })).toEqual({
    created: true,
    grown: false,
    warnings: [],
  });
  expect(await storage.ensure('suricata', { sizeMib: 64 })).toMatchObject({ created: false, grown: false });
  expect((await stat(at.image('suricata'))).blocks * 512).toBeLessThan(16 << 20);

  const { path } = await storage.unlock('suricata', IDS);
  expect((await readdir(path)).sort()).toEqual(['persistent', 'resources', 'transient']);
  for (const folder of ['persistent', 'transient']) {
    const facts = await stat(join(path, folder));
    expect([facts.uid, facts.gid, facts.mode & 0o777]).toEqual([IDS.ownerId, IDS.ownerId, 0o700]);
    await writeFile(join(path, folder, 'file'), folder);
  }
  expect((await stat(path)).uid).toBe(0);
  expect(await storage.list()).toMatchObject([{ name: 'suricata', state: 'unlocked', sizeMib: 64 }]);

  await storage.lock('suricata');
  await storage.lock('suricata');
  expect(await at.leftovers()).toEqual([]);
  expect(await storage.list()).toMatchObject([{ name: 'suricata', state: 'locked', sizeMib: 64 }]);

  const again = await storage.unlock('suricata', IDS);
  expect(await readFile(join(again.path, 'persistent/file'), 'utf8')).toBe('persistent');
  expect(await readdir(join(again.path, 'transient'))).toEqual([]);

  await storage.destroy('suricata');
  await storage.destroy('suricata');
  expect(await at.leftovers()).toEqual([]);
  expect(await storage.list()).toEqual([]);
  expect(await readdir(join(at.site.stateDir, 'volumes'))).toEqual([]);
});

test('a volume grows and keeps its data; shrinking is refused with a hint', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  const { path } = await storage.unlock('a', IDS);
  await writeFile(join(path, 'persistent/kept'), 'kept');
  const container = await at.container(path);
  await expect(storage.ensure('a', { sizeMib: 96 })).rejects.toEqual(code('STORAGE_VOLUME_BUSY'));
  await container.end();
  expect(await storage.ensure('a', { sizeMib: 96 })).toMatchObject({ grown: true });
  expect(await storage.list()).toMatchObject([{ state: 'locked', sizeMib: 96 }]);
  await expect(storage.ensure('a', { sizeMib: 95 })).rejects.toMatchObject({
    code: 'STORAGE_SHRINK_REFUSED',
    hint: expect.stringContaining('96 MiB') as string,
  });
  await storage.unlock('a', IDS);
  expect(await readFile(join(path, 'persistent/kept'), 'utf8')).toBe('kept');
  const { stdout } = await run('df', ['--output=size', '-m', path]);
  expect(Number(stdout.split('\n')[1])).toBeGreaterThan(80);
});

test('a growth that a crash cut off is taken back and done again', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  const { path } = await storage.unlock('a', IDS);
  await writeFile(join(path, 'persistent/kept'), 'kept');
  await storage.lock('a');
  // As after a crash between the end of resize2fs and the removal of its undo file.
  await run('e2fsck', ['-fp', at.image('a')], { allowFailure: true });
  await run('resize2fs', ['-z', `${at.image('a')}.undo`, at.image('a'), '64M']);
  expect(await storage.ensure('a', { sizeMib: 128 })).toMatchObject({ grown: true });
  expect(await readdir(join(at.site.stateDir, 'volumes'))).toEqual(['a.img']);
  await storage.unlock('a', IDS);
  expect(await readFile(join(path, 'persistent/kept'), 'utf8')).toBe('kept');
});

test.each(['../a', 'A', 'a/b', '', 'a\n', 'x'.repeat(31), 'ä'])('the name %j is refused', async (name) => {
  const storage = await at.open();
  await expect(storage.ensure(name, { sizeMib: 32 })).rejects.toEqual(code('STORAGE_NAME_INVALID'));
  await expect(storage.destroy(name)).rejects.toEqual(code('STORAGE_NAME_INVALID'));
});

test.each([0, 31, 32.5, -1, NaN, 1e9])('the size %d MiB is refused', async (sizeMib) => {
  const storage = await at.open();
  await expect(storage.ensure('a', { sizeMib })).rejects.toEqual(code('STORAGE_SIZE_INVALID'));
});

test('ids of the host itself are refused as owners', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  for (const ids of [
    { ownerId: 0, containerRootId: 0 },
    { ownerId: 1000, containerRootId: 0 },
    { ownerId: 5, containerRootId: 1_000_000 },
  ]) {
    await expect(storage.unlock('a', ids)).rejects.toEqual(code('STORAGE_OWNER_INVALID'));
  }
});

test('a container made again with other ids gets its data with them', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  const { path } = await storage.unlock('a', IDS);
  await mkdir(join(path, 'persistent/deep'));
  await writeFile(join(path, 'persistent/deep/file'), 'x');
  await chown(join(path, 'persistent/deep/file'), IDS.ownerId, IDS.ownerId);
  await storage.lock('a');
  const other = { ownerId: 2_001_000, containerRootId: 2_000_000 };
  await storage.unlock('a', other);
  for (const file of ['persistent', 'persistent/deep', 'persistent/deep/file', 'transient']) {
    const facts = await stat(join(path, file));
    expect([file, facts.uid, facts.gid]).toEqual([file, other.ownerId, other.ownerId]);
  }
});

test('what a running container has mounted is adopted and not disturbed, also by a new sensor process', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  const { path } = await storage.unlock('a', IDS);
  await writeFile(join(path, 'transient/live'), 'live');
  const container = await at.container(path);
  await storage.close();

  const after = await at.open();
  expect(await after.list()).toMatchObject([{ name: 'a', state: 'unlocked' }]);
  expect(await after.unlock('a', IDS)).toEqual({ path });
  expect(await readFile(join(path, 'transient/live'), 'utf8')).toBe('live');
  await expect(after.lock('a')).rejects.toEqual(code('STORAGE_VOLUME_BUSY'));
  await expect(after.destroy('a')).rejects.toEqual(code('STORAGE_VOLUME_BUSY'));
  expect(await readFile(join(path, 'transient/live'), 'utf8')).toBe('live');
  await container.end();
  await after.lock('a');
  expect(await at.leftovers()).toEqual([]);
});

test('what was left mounted without a container is locked by the next start', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  await storage.unlock('a', IDS);
  await storage.close();
  const after = await at.open();
  expect(await after.list()).toMatchObject([{ name: 'a', state: 'locked' }]);
  expect(await at.leftovers()).toEqual([]);
});

test('a bystander that holds a copy of the mount keeps nothing but an empty shell', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  const { path } = await storage.unlock('a', IDS);
  await writeFile(join(path, 'persistent/kept'), 'kept');
  const bystander = await at.bystander();
  await storage.lock('a');
  expect(await storage.list()).toMatchObject([{ state: 'locked' }]);
  const shell = await run('nsenter', [
    '--mount',
    '--target',
    String(bystander.pid),
    'ls',
    join(path, 'persistent'),
  ]);
  expect(shell.stdout).not.toContain('kept');
  await expect(storage.ensure('a', { sizeMib: 64 })).rejects.toEqual(code('STORAGE_VOLUME_BUSY'));
  await storage.unlock('a', IDS);
  expect(await readFile(join(path, 'persistent/kept'), 'utf8')).toBe('kept');
  await storage.lock('a');
  await bystander.end();
  await storage.ensure('a', { sizeMib: 64 });
  expect(await at.leftovers()).toEqual([]);
});

test('what a container has is adopted although somebody unmounted it on the host', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  const { path } = await storage.unlock('a', IDS);
  await writeFile(join(path, 'transient/live'), 'live');
  const container = await at.container(path);
  await run('umount', [at.mount('a')]);
  await expect(storage.lock('a')).rejects.toEqual(code('STORAGE_VOLUME_BUSY'));
  await storage.unlock('a', IDS);
  expect(await readFile(join(path, 'transient/live'), 'utf8')).toBe('live');
  await container.end();
  await storage.lock('a');
  expect(await at.leftovers()).toEqual([]);
});

test('after a crash at any step of making a volume the next call makes it whole', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  const volumes = join(at.site.stateDir, 'volumes');
  const image = at.image('a');
  const key = at.key('a');

  // Killed in mkfs: part of an image, no key.
  await storage.destroy('a');
  await writeFile(`${image}.making`, 'half');
  expect(await storage.ensure('a', { sizeMib: 32 })).toMatchObject({ created: true });
  expect(await readdir(volumes)).toEqual(['a.img']);

  // Killed after the key was stored: neither has its name.
  await rename(image, `${image}.making`);
  await rename(key, `${key}.making`);
  expect(await storage.ensure('a', { sizeMib: 32 })).toMatchObject({ created: true });

  // Killed between the two renames: the image has its name, and the key is taken into use.
  await rename(key, `${key}.making`);
  expect(await storage.ensure('a', { sizeMib: 32 })).toMatchObject({ created: false });
  await storage.unlock('a', IDS);
  expect((await readdir(join(at.site.stateDir, 'keys'))).sort()).toEqual([
    'platform.json',
    'sensor.key',
    'volume-a.json',
  ]);
});

test('a crash in the middle of a destruction is finished at the next start', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  await storage.close();
  await rename(at.image('a'), `${at.image('a')}.deleting`);
  const after = await at.open();
  expect(await after.list()).toEqual([]);
  expect(await readdir(join(at.site.stateDir, 'volumes'))).toEqual([]);
  expect((await readdir(join(at.site.stateDir, 'keys'))).sort()).toEqual(['platform.json', 'sensor.key']);
});

test('an image that is gone, and one of another volume, are named and never replaced by an empty one', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  await storage.ensure('b', { sizeMib: 32 });
  await rename(at.image('a'), join(at.dir, 'kept.img'));
  await expect(storage.ensure('a', { sizeMib: 32 })).rejects.toEqual(code('STORAGE_VOLUME_ABSENT'));
  await expect(storage.unlock('a', IDS)).rejects.toEqual(code('STORAGE_VOLUME_ABSENT'));
  expect(await storage.list()).toMatchObject([{ name: 'a', state: 'absent' }, { name: 'b' }]);
  await copyFile(at.image('b'), at.image('a'));
  await expect(storage.unlock('a', IDS)).rejects.toEqual(code('STORAGE_VOLUME_FOREIGN'));
  await rename(join(at.dir, 'kept.img'), at.image('a'));
  await storage.unlock('a', IDS);
  await expect(storage.unlock('c', IDS)).rejects.toEqual(code('STORAGE_VOLUME_ABSENT'));
});

test('an unclean volume is repaired before it is mounted', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  const { path } = await storage.unlock('a', IDS);
  await writeFile(join(path, 'persistent/kept'), 'kept');
  await run('sync', ['-f', path]);
  // What a power cut leaves: the image as it is while mounted, its journal not replayed.
  await copyFile(at.image('a'), join(at.dir, 'cut.img'));
  await storage.lock('a');
  await rename(join(at.dir, 'cut.img'), at.image('a'));
  const before = await run('dumpe2fs', ['-h', at.image('a')]);
  expect(before.stdout).toMatch(/needs_recovery/);
  await storage.unlock('a', IDS);
  expect(await readFile(join(path, 'persistent/kept'), 'utf8')).toBe('kept');
});

test('a volume damaged beyond repair gives a clear error and does not touch the others', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  await storage.ensure('b', { sizeMib: 32 });
  const file = await open(at.image('a'), 'r+');
  await file.write(Buffer.alloc(2 << 20, 0xa5), 0, 2 << 20, 4096); // group descriptors, bitmaps, inode tables
  await file.close();
  await expect(storage.unlock('a', IDS)).rejects.toMatchObject({
    code: 'STORAGE_VOLUME_DAMAGED',
    hint: expect.stringContaining('e2fsck') as string,
  });
  await storage.unlock('b', IDS);
  await storage.lock('b');
  expect(await at.leftovers()).toEqual([]);

  const begin = await open(at.image('b'), 'r+');
  await begin.write(Buffer.alloc(4096), 0, 4096, 0);
  await begin.close();
  await expect(storage.unlock('b', IDS)).rejects.toEqual(code('STORAGE_VOLUME_DAMAGED'));
  await storage.destroy('a');
  await mkdir(join(at.mount('b'), 'instrument'), { recursive: true }); // the placeholder that LXD is shown
  await storage.destroy('b');
  expect(await readdir(join(at.mount('b'), '..'))).toEqual([]);
});

test('calls for one volume at the same time run one after another', async () => {
  const storage = await at.open();
  await Promise.all([
    storage.ensure('a', { sizeMib: 32 }),
    storage.unlock('a', IDS),
    storage.lock('a'),
    storage.unlock('a', IDS),
    storage.ensure('b', { sizeMib: 32 }),
    storage.destroy('a'),
  ]);
  expect(await storage.list()).toMatchObject([{ name: 'b', state: 'locked' }]);
  expect(await at.leftovers()).toEqual([]);
});

test('overcommitted disk space is a warning with numbers', async () => {
  const storage = await at.open();
  const { warnings } = await storage.ensure('a', { sizeMib: 1024 * 1024 });
  expect(warnings).toMatchObject([{ code: 'STORAGE_OVERCOMMIT', severity: 'warning' }]);
  expect(warnings[0]?.text).toMatch(/MiB left/);
  expect(await storage.warnings()).toMatchObject([{ code: 'STORAGE_OVERCOMMIT' }]);
  await storage.destroy('a');
  expect(await storage.warnings()).toEqual([]);
});

test('derived secrets are stable over restarts, differ by purpose, and end with close', async () => {
  const storage = await at.open();
  const secret = storage.deriveSecret('bus/store');
  expect(secret).toHaveLength(32);
  expect(storage.deriveSecret('bus/accounts').equals(secret)).toBe(false);
  await storage.close();
  expect(() => storage.deriveSecret('bus/store')).toThrow(code('STORAGE_CLOSED'));
  const after = await at.open();
  expect(after.deriveSecret('bus/store').equals(secret)).toBe(true);
});
