import {
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  stat,
  statfs,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';
import { holdDirectory, listInstrumentFiles, readInstrumentFile } from '@bulkhead/platform/storage';
import { IDS, StorageSite } from '../../integration/storage/storage-site.ts';

let at: StorageSite;
beforeEach(async () => {
  at = await StorageSite.make();
});
afterEach(async () => {
  await at.clean();
});

const refused = expect.objectContaining({ code: 'STORAGE_FILE_REFUSED' });

async function unlocked(name: string, sizeMib: number) {
  const storage = await at.open();
  await storage.ensure(name, { sizeMib });
  return { storage, ...(await storage.unlock(name, IDS)) };
}

test('ABUSE 40: a link out of the volume is never followed when the platform reads an instrument file', async () => {
  const { path } = await unlocked('a', 32);
  const folder = join(path, 'persistent/export');
  await mkdir(folder);
  await writeFile(join(at.dir, 'host-secret'), 'secret of the host');
  await writeFile(join(folder, 'plain'), 'plain');
  await symlink(join(at.dir, 'host-secret'), join(folder, 'symlink'));
  await symlink('/etc/shadow', join(folder, 'absolute'));
  await run('ln', [join(folder, 'plain'), join(path, 'persistent/second-name')]);
  await run('mkfifo', [join(folder, 'fifo')]);
  await run('mknod', [join(folder, 'device'), 'c', '1', '3']);
  await mkdir(join(folder, 'folder'));
  await writeFile(join(folder, 'alone'), 'alone');
  await writeFile(join(folder, 'large'), 'x'.repeat(101));

  const held = await holdDirectory(path, ['persistent', 'export']);
  try {
    expect(await readInstrumentFile(held.path, 'alone', 100)).toEqual(Buffer.from('alone'));
    for (const name of ['plain', 'symlink', 'absolute', 'fifo', 'device', 'folder', 'large', 'missing']) {
      await expect(readInstrumentFile(held.path, name, 100), name).rejects.toEqual(refused);
    }
    for (const name of [
      '../second-name',
      '..',
      '.',
      '',
      'a/b',
      '/etc/shadow',
      'a\0b',
      'a\n',
      '-'.repeat(200),
    ]) {
      await expect(readInstrumentFile(held.path, name, 100), name).rejects.toEqual(refused);
    }

    // The instrument swaps the folder for a link while the platform reads: it stays the folder that was opened.
    await rename(folder, join(path, 'persistent/away'));
    await symlink('/etc', folder);
    expect(await readInstrumentFile(held.path, 'alone', 100)).toEqual(Buffer.from('alone'));
  } finally {
    await held.close();
  }
  await expect(holdDirectory(path, ['persistent', 'export'])).rejects.toEqual(refused);
  await expect(holdDirectory(path, ['persistent', '..'])).rejects.toEqual(refused);
});

test('ABUSE 41: a full volume or its last inode stops its instrument, not the sensor, and it can be unlocked again', async () => {
  const { storage, path } = await unlocked('a', 32);
  await storage.ensure('b', { sizeMib: 32 });
  const asInstrument = async (script: string) =>
    run(
      'setpriv',
      ['--reuid', String(IDS.ownerId), '--regid', String(IDS.ownerId), '--clear-groups', 'sh', '-c', script],
      { cwd: join(path, 'persistent'), allowFailure: true, timeoutMs: 120_000, maxOutputBytes: 10_000 },
    );
  const filled = await asInstrument('dd if=/dev/zero of=filled bs=1M 2>&1; sync');
  expect(filled.stdout).toMatch(/No space left on device/);
  expect((await stat(at.image('a'))).size).toBe(32 << 20);
  expect((await stat(at.image('a'))).blocks * 512).toBeLessThanOrEqual(33 << 20);
  await writeFile(join(at.site.stateDir, 'sensor-still-writes'), 'yes');
  await storage.unlock('b', IDS);
  const [full] = await storage.list();
  expect(full?.usedMib).toBeGreaterThan(28);
  await storage.lock('a');
  await storage.unlock('a', { ownerId: 3_001_000, containerRootId: 3_000_000 });
  await storage.lock('a');
  await storage.unlock('a', IDS);

  await run('rm', [join(path, 'persistent/filled')]);
  const inodes = await asInstrument('i=0; while : > "f$i"; do i=$((i+1)); done 2>&1; echo made $i');
  expect(inodes.stdout).toMatch(/No space left on device/);
  expect((await statfs(path)).ffree).toBe(0);
  await storage.lock('a');
  await storage.unlock('a', IDS);
  await storage.destroy('a');
});

test('ABUSE 42: volumes are nosuid, nodev and noexec, and an instrument cannot remount them otherwise', async () => {
  const { storage, path } = await unlocked('a', 32);
  const flags = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .find((line) => line.includes(at.mount('a')))
    ?.split(' ')[5];
  expect(flags?.split(',')).toEqual(expect.arrayContaining(['nosuid', 'nodev', 'noexec']));

  // A setuid program with file capabilities and a device, made as root inside a container could at worst.
  const program = join(path, 'persistent/id');
  await run('cp', ['/usr/bin/id', program]);
  await run('chown', ['0:0', program]);
  await run('chmod', ['6755', program]);
  await run('setcap', ['cap_sys_admin+ep', program]);
  const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
  await run('chmod', ['755', join(path, 'persistent')]);
  for (const direct of [['setpriv', ...nobody, program], [program]]) {
    const [first = '', ...rest] = direct;
    await expect(run(first, rest), direct.join(' ')).rejects.toThrow(/Permission denied|EACCES/);
  }
  await run('mknod', [join(path, 'persistent/null'), 'c', '1', '3']);
  await expect(readFile(join(path, 'persistent/null'))).rejects.toMatchObject({ code: 'EACCES' });

  // From a user namespace of its own, with every right in it.
  const remount = await run(
    'unshare',
    [
      '--user',
      '--map-root-user',
      '--mount',
      'sh',
      '-c',
      'mount --bind "$1" /mnt && for o in suid dev exec suid,dev,exec; do mount -o "remount,bind,$o" /mnt 2>/dev/null && echo "got $o"; done; /mnt/persistent/id; exit 0',
      'sh',
      path,
    ],
    { allowFailure: true },
  );
  expect(remount.stdout).toBe('');
  expect(remount.stderr).toMatch(/Permission denied/);

  // Given to other ids, setuid bits and file capabilities are gone as well.
  await storage.lock('a');
  await storage.unlock('a', { ownerId: 2_001_000, containerRootId: 2_000_000 });
  expect((await stat(program)).mode & 0o6000).toBe(0);
  expect((await run('getcap', [program])).stdout).toBe('');
});

test('ABUSE 43: newline, bad UTF-8, 255 bytes, a 10,000-deep tree and a huge sparse file stop nothing', async () => {
  const { storage, path } = await unlocked('a', 384);
  const script = [
    'import os, sys',
    'for top in (b"persistent", b"transient"):',
    '    os.chdir(os.path.join(sys.argv[1].encode(), top))',
    '    for name in (b"new\\nline", b"bad\\xff\\xfeutf8", b"x" * 255, b"-rf", b" ", b"\\x1b[2J"):',
    '        open(name, "w").close()',
    '    os.truncate(os.open(b"sparse", os.O_CREAT | os.O_RDWR) , 1 << 40)',
    '    for i in range(10000):',
    '        os.mkdir(b"d"); os.chdir(b"d")',
  ].join('\n');
  await run('python3', ['-c', script, path], { timeoutMs: 120_000 });

  const held = await holdDirectory(path, ['persistent']);
  const listed = await listInstrumentFiles(held.path, 1_000);
  expect(listed).toEqual({ names: ['sparse'], skipped: 7 });
  expect((await listInstrumentFiles(held.path, 3)).names.length).toBeLessThanOrEqual(3);
  await expect(readInstrumentFile(held.path, 'sparse', 1 << 20)).rejects.toEqual(refused);
  await held.close();

  await storage.lock('a');
  await storage.unlock('a', { ownerId: 2_001_000, containerRootId: 2_000_000 });
  expect(await readdir(join(path, 'transient'))).toEqual([]);
  expect((await stat(join(path, 'persistent/d/d/d'))).uid).toBe(2_001_000);
  expect((await stat(at.image('a'))).blocks * 512).toBeLessThan(385 << 20);
  await storage.destroy('a');
  expect(await at.leftovers()).toEqual([]);
});

test('ABUSE 112: with the disk of the host full, volumes can still be listed, locked and destroyed', async () => {
  await at.clean();
  at = await StorageSite.make(async (dir) => {
    const state = join(dir, 'state');
    await mkdir(state);
    await writeFile(join(dir, 'host.img'), '');
    await truncate(join(dir, 'host.img'), 192 << 20);
    await run('mkfs.ext4', ['-q', '-m', '0', join(dir, 'host.img')]);
    await run('mount', ['-o', 'loop', join(dir, 'host.img'), state]);
    return state;
  });
  const storage = await at.open();
  await storage.ensure('b', { sizeMib: 32 });
  const { warnings } = await storage.ensure('a', { sizeMib: 150 });
  expect(warnings).toMatchObject([{ code: 'STORAGE_OVERCOMMIT' }]);
  const { path } = await storage.unlock('a', IDS);
  const b = await storage.unlock('b', IDS);
  await writeFile(join(b.path, 'persistent/kept'), 'kept');
  await run('sync', ['-f', b.path]);

  const fill = join(at.site.stateDir, 'fill');
  await run('dd', ['if=/dev/zero', `of=${fill}`, 'bs=1M', 'oflag=direct'], {
    allowFailure: true,
    timeoutMs: 120_000,
  });
  await run('dd', ['if=/dev/zero', `of=${fill}2`, 'bs=4k'], { allowFailure: true, timeoutMs: 120_000 });
  expect((await statfs(at.site.stateDir)).bavail).toBeLessThan(16);
  // The instrument goes on writing into a volume that the host can no longer hold.
  await run(
    'dd',
    ['if=/dev/zero', `of=${join(path, 'persistent/more')}`, 'bs=1M', 'count=64', 'conv=fsync'],
    {
      allowFailure: true,
      timeoutMs: 120_000,
    },
  );

  expect((await storage.list()).map(({ name, state }) => [name, state])).toEqual([
    ['a', 'unlocked'],
    ['b', 'unlocked'],
  ]);
  await expect(storage.ensure('c', { sizeMib: 32 })).rejects.toMatchObject({ code: 'STORAGE_HOST_FULL' });
  await storage.lock('a');
  await storage.lock('b');
  expect((await at.leftovers()).filter((line) => line.includes('/volumes/'))).toEqual([]);
  await storage.close();
  const after = await at.open(); // also a restart of the supervisor works on a full disk
  await after.destroy('a');
  expect(await after.list()).toMatchObject([{ name: 'b', state: 'locked' }]);

  await run('rm', ['-f', fill, `${fill}2`]);
  await after.unlock('b', IDS);
  expect(await readFile(join(b.path, 'persistent/kept'), 'utf8')).toBe('kept');
  const file = await open(join(b.path, 'persistent/new'), 'w');
  await file.close();
  await after.lock('b');
});
