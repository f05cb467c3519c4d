import { copyFile, link, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';
import { policyKey } from '../../../platform/storage/fscrypt.ts';
import { fileContains, IDS, StorageSite } from '../../integration/storage/storage-site.ts';

let at: StorageSite;
beforeEach(async () => {
  at = await StorageSite.make();
});
afterEach(async () => {
  await at.clean();
});

const MARKER = 'bulkhead-marker-6f1d2a77';
const code = (expected: string) => expect.objectContaining({ code: expected });

/** Mounts an image by hand, without any key, as somebody with the stolen disk would. */
async function mountBare(image: string, name: string): Promise<string> {
  const target = join(at.dir, name);
  await mkdir(target);
  await run('mount', ['-o', 'loop,ro,noload', image, target]);
  return target;
}

test('ABUSE 44: a raw-disk scan finds no marker in contents or names; a locked volume answers ENOKEY', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 64 });
  const { path } = await storage.unlock('a', IDS);
  for (const folder of ['persistent', 'transient']) {
    await writeFile(join(path, folder, `${MARKER}.txt`), `${MARKER}\n`.repeat(5_000));
    await mkdir(join(path, folder, `${MARKER}-folder`));
  }
  await run('sync', ['-f', path]);
  expect(await fileContains(at.image('a'), MARKER), 'while unlocked').toBe(false);
  await storage.lock('a');
  expect(await fileContains(at.image('a'), MARKER), 'when locked').toBe(false);

  const bare = await mountBare(at.image('a'), 'bare');
  for (const folder of ['persistent', 'transient']) {
    const names = await readdir(join(bare, 'instrument', folder));
    expect(names).toHaveLength(2);
    for (const name of names) {
      expect(name).not.toContain('bulkhead');
      const { stderr } = await run('cat', [join(bare, 'instrument', folder, name)], { allowFailure: true });
      if (!/Is a directory/.test(stderr)) expect(stderr).toMatch(/Required key not available/);
    }
  }
  await run('umount', [bare]);

  // The scan would find it: the same marker in the clear, beside the encrypted folders.
  await storage.unlock('a', IDS);
  await writeFile(join(at.mount('a'), 'in-the-clear'), MARKER);
  await storage.lock('a');
  expect(await fileContains(at.image('a'), MARKER), 'control').toBe(true);
});

test('ABUSE 44: an instrument cannot write beside the encrypted folders', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  const { path } = await storage.unlock('a', IDS);
  // As the root of a container: a user namespace whose id 0 is the container's root on the host.
  const attempt = await run(
    'setpriv',
    [
      '--reuid',
      String(IDS.containerRootId),
      '--regid',
      String(IDS.containerRootId),
      '--clear-groups',
      'sh',
      '-c',
      'cd "$1"; for what in "touch clear" "mkdir more" "mv persistent away" "rmdir transient" "touch resources/x"; do $what 2>/dev/null && echo "did: $what"; done; exit 0',
      'sh',
      '.',
    ],
    { cwd: path, allowFailure: true },
  );
  expect(attempt.stdout).toBe('');
  expect((await readdir(path)).sort()).toEqual(['persistent', 'resources', 'transient']);
});

test('ABUSE 45: keys differ per instrument; delete destroys the key and with it every copy of the image', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  await storage.ensure('b', { sizeMib: 32 });
  const a = await storage.unlock('a', IDS);
  const b = await storage.unlock('b', IDS);
  // The kernel derives an identifier from each key: equal keys would have equal identifiers.
  const identifiers = await Promise.all(
    [a, b].flatMap(({ path }) => ['persistent', 'transient'].map(async (f) => policyKey(join(path, f)))),
  );
  expect(identifiers).not.toContain(undefined);
  expect(new Set(identifiers).size).toBe(4);

  await writeFile(join(a.path, 'persistent/secret'), MARKER);
  await storage.lock('a');
  await copyFile(at.image('a'), join(at.dir, 'copy.img'));
  const sealed = await readFile(at.key('a'), 'utf8');
  await link(at.key('a'), join(at.dir, 'held-key')); // what is left in the blocks of the key file
  await storage.destroy('a');

  const { sealed: secret } = JSON.parse(sealed) as { sealed: string };
  expect((await readFile(join(at.dir, 'held-key'))).includes(secret.slice(0, 12))).toBe(false);
  expect(await readdir(join(at.site.stateDir, 'keys'))).not.toContain('volume-a.json');
  await rename(join(at.dir, 'copy.img'), at.image('a'));
  await expect(storage.unlock('a', IDS)).rejects.toEqual(code('STORAGE_KEY_MISSING'));
  await expect(storage.ensure('a', { sizeMib: 32 })).rejects.toEqual(code('STORAGE_KEY_MISSING'));
  expect(await policyKey(join(b.path, 'persistent')), 'the other volume goes on').toBe(identifiers[2]);
});

test('ABUSE 45: no key material in arguments, environment, logs or files of the state folder', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  await storage.unlock('a', IDS);
  const key = await readFile(join(at.site.stateDir, 'keys/sensor.key'));
  const grep = await run('grep', ['-rlaF', '-e', key.toString('hex'), '-e', key.toString('base64'), at.dir], {
    allowFailure: true,
  });
  expect(grep.stdout).toBe('');
  const { stdout } = await run('find', [at.site.stateDir, '-xdev', '-type', 'f', '-perm', '/077']);
  expect(stdout, 'files that others may read').toBe('');
});

test('ABUSE 46: transient data is gone after a crash of the instrument, not only after a stop', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  const { path } = await storage.unlock('a', IDS);
  await writeFile(join(path, 'persistent/kept'), 'kept');
  await writeFile(join(path, 'transient/secret'), MARKER);
  const before = await policyKey(join(path, 'transient'));
  const container = await at.container(path);
  await container.end(); // killed: nobody locks anything

  await storage.unlock('a', IDS);
  expect(await readdir(join(path, 'transient'))).toEqual([]);
  expect(await policyKey(join(path, 'transient'))).not.toBe(before);
  expect(await readFile(join(path, 'persistent/kept'), 'utf8')).toBe('kept');
});

test('ABUSE 46: transient data is gone after a crash of sensor and machine', async () => {
  const storage = await at.open();
  await storage.ensure('a', { sizeMib: 32 });
  const { path } = await storage.unlock('a', IDS);
  await writeFile(join(path, 'persistent/kept'), 'kept');
  await writeFile(join(path, 'transient/secret'), MARKER);
  await run('sync', ['-f', path]);
  await copyFile(at.image('a'), join(at.dir, 'cut.img')); // the disk at the moment of a power cut
  await storage.lock('a');
  await rename(join(at.dir, 'cut.img'), at.image('a'));
  await storage.close();

  // With the sensor key and the volume's key nothing of the old transient folder can be read.
  const after = await at.open();
  await run('e2fsck', ['-p', at.image('a')], { allowFailure: true });
  const bare = await mountBare(at.image('a'), 'bare');
  const [name] = await readdir(join(bare, 'instrument/transient'));
  const { stderr } = await run('cat', [join(bare, 'instrument/transient', name ?? '')], {
    allowFailure: true,
  });
  expect(stderr).toMatch(/Required key not available/);
  await run('umount', [bare]);

  await after.unlock('a', IDS);
  expect(await readdir(join(path, 'transient'))).toEqual([]);
  expect(await readFile(join(path, 'persistent/kept'), 'utf8')).toBe('kept');
});

test('ABUSE 114: two volumes never share a key, also after a reinstall with the same names and sensor key', async () => {
  const keyFile = join(at.dir, 'kept.key');
  const identifiers: (string | undefined)[] = [];
  const uuids: string[] = [];
  const note = async (storage: Awaited<ReturnType<StorageSite['open']>>) => {
    await storage.ensure('a', { sizeMib: 32 });
    const { path } = await storage.unlock('a', IDS);
    identifiers.push(await policyKey(join(path, 'persistent')));
    uuids.push((await run('blkid', ['-o', 'value', '-s', 'UUID', at.image('a')])).stdout.trim());
  };
  const first = await at.open(keyFile);
  await note(first);
  await first.destroy('a');
  await note(first);
  await first.lock('a');
  await first.close();
  // The state folder is lost, the operator's key file is not.
  await run('rm', ['-rf', '--', at.site.stateDir]);
  const second = await at.open(keyFile);
  await note(second);
  expect(identifiers).not.toContain(undefined);
  expect(new Set(identifiers).size).toBe(3);
  expect(new Set(uuids).size).toBe(3);
});
