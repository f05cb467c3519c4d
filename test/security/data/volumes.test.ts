import { mkdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';
import { setAsideSource } from '../../../platform/sensord/data-set-aside.ts';
import { instrumentSources } from '../../../platform/sensord/data-volumes.ts';
import { busInstrument, busModel } from '../../support/nats.ts';
import { desiredWith } from '../../integration/data/desired.ts';
import { IDS, StorageSite } from '../../integration/storage/storage-site.ts';

let at: StorageSite;
beforeEach(async () => {
  at = await StorageSite.make();
});
afterEach(async () => {
  await at.clean();
});

const long = 'x'.repeat(100_000);
const years = (ago: number) => new Date(Date.now() - ago * 365 * 86_400_000);

/** What the data report measures of the volume of instrument a. */
async function measured(sizeMib: number, prepare: (persistent: string) => Promise<void>) {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib });
  const { path } = await storage.unlock('a', IDS);
  await prepare(join(path, 'persistent'));
  const [source] = instrumentSources({
    site: at.site,
    storage,
    bus: { request: () => Promise.resolve({ ok: false, code: 'BUS_UNKNOWN_COMMAND', message: 'no' }) },
    desired: () => desiredWith(busModel([busInstrument('a')])),
    containers: () => [{ name: 'a', status: 'running' }] as never,
  });
  const [volume] = (await source?.copies(new AbortController().signal)) ?? [];
  return volume;
}

test('ABUSE 40: the data report measures nothing through a link out of the volume', async () => {
  await writeFile(join(at.dir, 'host-file'), long);
  await utimes(join(at.dir, 'host-file'), years(20), years(20));
  const volume = await measured(32, async (persistent) => {
    await writeFile(join(persistent, 'data.db'), long);
    await utimes(join(persistent, 'data.db'), years(2), years(2));
    await symlink(join(at.dir, 'host-file'), join(persistent, 'link'));
    await symlink('/etc', join(persistent, 'folder-link'));
    await run('mkfifo', [join(persistent, 'fifo')]);
    await run('mknod', [join(persistent, 'device'), 'c', '1', '3']);
    await mkdir(join(persistent, 'folder'));
  });
  expect(volume?.measured?.oldest?.slice(0, 10)).toBe(years(2).toISOString().slice(0, 10));
  expect(volume?.what).toMatch(/5 folders or files with odd names/);
});

test('ABUSE 40: a persistent folder that is a link is not entered', async () => {
  const volume = await measured(32, async (persistent) => {
    await rename(persistent, `${persistent}.away`);
    await symlink('/etc', persistent);
  });
  expect(volume?.faults?.join()).toMatch(/could not be looked into: STORAGE_FILE_REFUSED/);
  expect(volume?.measured?.oldest).toBeUndefined();
});

test('ABUSE 43: names that are no names, a deep tree, a sparse file and thousands of entries cost bounded work', async () => {
  const volume = await measured(384, async (persistent) => {
    const script = [
      'import os, sys',
      'os.chdir(sys.argv[1].encode())',
      'for name in (b"new\\nline", b"bad\\xff\\xfeutf8", b"x" * 255, b"-rf", b" ", b"\\x1b[2J"):',
      '    open(name, "w").close()',
      'os.truncate(os.open(b"sparse", os.O_CREAT | os.O_RDWR) , 1 << 40)',
      'for i in range(5000): open("f%d" % i, "w").close()',
      'for i in range(10000):',
      '    os.mkdir(b"d"); os.chdir(b"d")',
    ].join('\n');
    await run('python3', ['-c', script, persistent], { timeoutMs: 120_000 });
  });
  expect(volume?.what).not.toMatch(/new\nline|\u001b/);
  expect(volume?.limitBytes).toBe(384 * 1024 * 1024);
  expect(volume?.measured?.bytes).toBeLessThan(384 * 1024 * 1024);
});

test('ABUSE 40: what was set aside is measured without following a link, and named as not searched and not purged', async () => {
  const folder = join(at.site.stateDir, 'bus', 'quarantine', 'S_a-20260101T000000Z');
  await mkdir(join(folder, 'msgs'), { recursive: true });
  await writeFile(join(at.dir, 'host-file'), long);
  await writeFile(join(folder, 'msgs', '1.blk'), 'x'.repeat(10));
  await symlink(join(at.dir, 'host-file'), join(folder, 'msgs', '2.blk'));
  await symlink('/etc', join(folder, 'etc'));
  const source = setAsideSource(at.site);
  const { signal } = new AbortController();
  expect(await source.copies(signal)).toMatchObject([{ where: folder, measured: { bytes: 10 } }]);
  expect(await source.find?.({ name: 'x' }, signal)).toMatchObject([{ complete: false }]);
  expect(await source.purge?.({ name: 'x' }, 'request-1', signal)).toMatchObject([
    { deleted: 0, note: expect.stringContaining(folder) as string },
  ]);
});
