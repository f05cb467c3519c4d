import { mkdir, readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLog, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { openStorage, type Storage } from '@bulkhead/platform/storage';
import { INSTRUMENT_UID, throwAwayRuntime, type ThrowAwayRuntime } from '../../support/lxd.ts';

let at: ThrowAwayRuntime;
let storage: Storage;

beforeAll(async () => {
  at = await throwAwayRuntime('bs3');
  storage = await openStorage({ site: at.site, log: openLog('storage', 'silent') });
});
afterAll(async () => {
  await at.runtime.removeAll();
  await storage.destroy('vol');
  await storage.close();
  await at.dispose();
});

const SCRIPT = [
  'cd /var/lib/instrument',
  'echo run >> persistent/runs && echo secret > transient/secret',
  'touch beside 2>/dev/null && echo beside > persistent/escaped',
  'cp /bin/true persistent/program && ./persistent/program 2>/dev/null && echo ran > persistent/escaped',
  'exec sleep infinity',
].join('; ');

test('in a container the volume belongs to the program, survives a sensor restart, and forgets transient data when the container is killed', async () => {
  const source = join(sitePaths(at.site).mountsDir, 'vol', 'instrument');
  await storage.ensure('vol', { sizeMib: 64 });
  await mkdir(source, { recursive: true }); // LXD wants the folder at creation; the volume comes over it
  const spec = await at.spec('vol', {
    command: ['/bin/sh', '-c', SCRIPT],
    disks: [{ name: 'volume', source, path: '/var/lib/instrument', readonly: false }],
  });
  const { idmapBase } = await at.runtime.create(spec);
  await rmdir(source);
  const ids = { ownerId: idmapBase + INSTRUMENT_UID, containerRootId: idmapBase };
  const { path } = await storage.unlock('vol', ids);
  expect(path).toBe(source);
  const { pid } = await at.runtime.start('vol');
  const written = async (times: number) =>
    waitFor('the program to write', 20_000, async () => {
      const runs = await readFile(join(path, 'persistent/runs'), 'utf8').catch(() => '');
      const copied = await readdir(join(path, 'persistent'));
      return runs === 'run\n'.repeat(times) && copied.includes('program');
    });
  await written(1);
  const mount = (await readFile(`/proc/${String(pid)}/mountinfo`, 'utf8'))
    .split('\n')
    .find((line) => line.includes(' /var/lib/instrument '));
  expect(mount?.split(' ')[5]?.split(',')).toEqual(expect.arrayContaining(['nosuid', 'nodev', 'noexec']));

  // A new sensor process while the instrument runs.
  await storage.close();
  storage = await openStorage({ site: at.site, log: openLog('storage', 'silent') });
  expect(await storage.unlock('vol', ids)).toEqual({ path });
  expect(await readFile(join(path, 'transient/secret'), 'utf8')).toBe('secret\n');
  await expect(storage.lock('vol')).rejects.toMatchObject({ code: 'STORAGE_VOLUME_BUSY' });

  process.kill(pid, 'SIGKILL');
  await waitFor(
    'the container to end',
    30_000,
    async () => (await at.runtime.list())[0]?.status === 'stopped',
  );
  await storage.unlock('vol', ids);
  expect(await readdir(join(path, 'transient'))).toEqual([]);
  expect(await readdir(join(path, 'persistent'))).not.toContain('escaped');

  await at.runtime.start('vol');
  await written(2);
  await at.runtime.stop('vol', { graceMs: 2_000 });
  await storage.lock('vol');
  expect(await storage.list()).toMatchObject([{ name: 'vol', state: 'locked' }]);
});
