import { mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';
import { type Storage } from '@bulkhead/platform/storage';
import { IDS, StorageSite } from './storage-site.ts';

let at: StorageSite;
let storage: Storage;
let from: string;
const owner = { ownerGroupId: IDS.ownerId };
beforeEach(async () => {
  at = await StorageSite.make();
  storage = await at.open();
  from = join(at.dir, 'operator');
  await mkdir(from);
});
afterEach(async () => {
  await at.clean();
});

const refused = expect.objectContaining({ code: 'STORAGE_RESOURCE_REFUSED' });

test('files are copied, readable by the instrument only, and changes are told by the digest', async () => {
  await writeFile(join(from, 'one'), 'rules 1');
  const files = { 'local.rules': join(from, 'one') };
  const first = await storage.placeResources('suricata', files, owner);
  expect(first).toMatchObject({ changed: true });
  const facts = await stat(join(first.path, 'local.rules'));
  expect([facts.uid, facts.gid, facts.mode & 0o777]).toEqual([0, IDS.ownerId, 0o640]);
  expect((await stat(first.path)).mode & 0o777).toBe(0o750);

  const same = await storage.placeResources('suricata', files, owner);
  expect(same).toEqual({ path: first.path, digest: first.digest, changed: false });

  await writeFile(join(from, 'one'), 'rules 2');
  const second = await storage.placeResources('suricata', files, owner);
  expect(second.changed).toBe(true);
  expect(second.digest).not.toBe(first.digest);
  expect(await readFile(join(second.path, 'local.rules'), 'utf8')).toBe('rules 2');

  expect(await storage.placeResources('suricata', {}, owner)).toMatchObject({ changed: true });
  expect(await readdir(first.path)).toEqual([]);
});

test('a running container sees a change in the folder that it has mounted', async () => {
  await writeFile(join(from, 'one'), 'before');
  const { path } = await storage.placeResources('a', { rules: join(from, 'one') }, owner);
  const mounted = join(at.dir, 'mounted');
  await mkdir(mounted);
  await run('mount', ['--bind', path, mounted]);
  await run('mount', ['-o', 'remount,bind,ro', mounted]);
  await writeFile(join(from, 'one'), 'after');
  await storage.placeResources('a', { rules: join(from, 'one'), more: join(from, 'one') }, owner);
  expect((await readdir(mounted)).sort()).toEqual(['more', 'rules']);
  expect(await readFile(join(mounted, 'rules'), 'utf8')).toBe('after');
});

test('what is not a bounded regular file outside the own folders is refused, and nothing changes', async () => {
  await writeFile(join(from, 'good'), 'good');
  const { path, digest } = await storage.placeResources('a', { good: join(from, 'good') }, owner);
  await writeFile(join(from, 'good'), 'new');
  await run('mkfifo', [join(from, 'fifo')]);
  await writeFile(join(from, 'large'), '');
  await truncate(join(from, 'large'), (64 << 20) + 1);
  await symlink(join(at.site.stateDir, 'keys/sensor.key'), join(from, 'link'));
  for (const source of [
    join(from, 'fifo'),
    join(from, 'large'),
    join(from, 'missing'),
    from,
    '/dev/zero',
    'relative',
    join(from, 'link'),
    join(at.site.stateDir, 'keys/sensor.key'),
  ]) {
    const files = { good: join(from, 'good'), zbad: source };
    await expect(storage.placeResources('a', files, owner), source).rejects.toEqual(refused);
  }
  for (const name of ['../up', '.hidden', 'a/b', 'A', '']) {
    await expect(storage.placeResources('a', { [name]: join(from, 'good') }, owner)).rejects.toEqual(refused);
  }
  expect(await readdir(path)).toEqual(['good']);
  expect(await readFile(join(path, 'good'), 'utf8')).toBe('good');
  const unchanged = await storage.placeResources('a', { good: join(from, 'good') }, owner);
  expect(unchanged.digest).not.toBe(digest);
});

test('an operator may name a link to a file, and what a crash left is swept', async () => {
  await writeFile(join(from, 'rules-2026'), 'x');
  await symlink('rules-2026', join(from, 'current'));
  const { path } = await storage.placeResources('a', { rules: join(from, 'current') }, owner);
  await writeFile(join(path, '.incoming-0123456789ab'), 'half');
  expect(await storage.placeResources('a', { rules: join(from, 'current') }, owner)).toMatchObject({
    changed: false,
  });
  expect(await readdir(path)).toEqual(['rules']);
});

test('the folder follows the container to other ids', async () => {
  await writeFile(join(from, 'one'), 'x');
  const { path } = await storage.placeResources('a', { one: join(from, 'one') }, owner);
  await storage.placeResources('a', { one: join(from, 'one') }, { ownerGroupId: 2_001_000 });
  expect((await stat(path)).gid).toBe(2_001_000);
  expect((await stat(join(path, 'one'))).gid).toBe(2_001_000);
});
