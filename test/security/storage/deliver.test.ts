import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chown,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';
import type { Storage } from '@bulkhead/platform/storage';
import { IDS, StorageSite } from '../../integration/storage/storage-site.ts';

const MIB = 1 << 20;
/** Ids of the receiver's container, others than the sender's. */
const READER = { ownerId: 2_001_000, containerRootId: 2_000_000 };

let at: StorageSite;
let storage: Storage;
let volume: string;
let outbox: string;
beforeEach(async () => {
  at = await StorageSite.make();
  storage = await at.open();
  await storage.ensure('sender', { sizeMib: 96 });
  volume = (await storage.unlock('sender', IDS)).path;
  outbox = join(volume, 'persistent/outbox');
  await mkdir(outbox);
  await chown(outbox, IDS.ownerId, IDS.ownerId);
});
afterEach(async () => {
  await at.clean();
});

const digest = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
const target = { to: 'receiver', as: 'local.rules', ownerGroupId: READER.ownerId, reserved: [] };
const resources = () => join(at.site.stateDir, 'resources');

async function deliver(sha256: string, bytes: number, maxBytes = MIB) {
  return storage.deliveries.deliver({ instrument: 'sender' }, { sha256, bytes, maxBytes }, target);
}

/** Nothing was placed, and nothing half placed is left. */
async function untouched(what: string) {
  expect(await readdir(join(resources(), 'receiver')).catch(() => []), what).toEqual([]);
  expect(await readdir(join(resources(), '.incoming')).catch(() => []), what).toEqual([]);
  expect(await storage.deliveries.list('receiver'), what).toEqual([]);
}

test('ABUSE 40: a delivery takes nothing but a plain file of the outbox, whole and as it was said to be', async () => {
  const secret = 'secret of the host';
  const name = digest(secret);
  const file = join(outbox, name);
  await writeFile(join(at.dir, 'host-secret'), secret);
  const hostile: Record<string, () => Promise<unknown>> = {
    'a link out of the volume': () => symlink(join(at.dir, 'host-secret'), file),
    'a link to a file of its own': async () => {
      await writeFile(join(outbox, 'own'), secret);
      await symlink('own', file);
    },
    'a file with a second name': async () => {
      await writeFile(join(volume, 'persistent/second'), secret);
      await link(join(volume, 'persistent/second'), file);
    },
    'a FIFO': () => run('mkfifo', [file]),
    'a device': () => run('mknod', [file, 'c', '1', '5']),
    'a socket': () =>
      run('python3', ['-c', 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', name], {
        cwd: outbox,
      }),
    'a folder': () => mkdir(file),
    nothing: () => Promise.resolve(),
    'a sparse file of a tebibyte': async () => {
      await writeFile(file, '');
      await truncate(file, 2 ** 40);
    },
    'a longer file': () => writeFile(file, `${secret} and more`),
    'a shorter file': () => writeFile(file, secret.slice(1)),
    'another content of the same size': () => writeFile(file, secret.toUpperCase()),
  };
  for (const [what, make] of Object.entries(hostile)) {
    await make();
    await expect(deliver(name, secret.length), what).rejects.toMatchObject({
      code: expect.stringMatching(/^STORAGE_(FILE_REFUSED|DELIVERY_MISMATCH)$/) as unknown,
    });
    await untouched(what);
    for (const left of await readdir(outbox)) await rm(join(outbox, left), { recursive: true });
  }

  // Everything may be right with the file when the folder is not.
  await mkdir(join(at.dir, 'elsewhere'));
  await writeFile(join(at.dir, 'elsewhere', name), secret);
  await rename(outbox, `${outbox}-away`);
  for (const make of [
    () => symlink(join(at.dir, 'elsewhere'), outbox),
    () => writeFile(outbox, 'a file'),
    () => run('mkfifo', [outbox]),
  ]) {
    await make();
    await expect(deliver(name, secret.length)).rejects.toMatchObject({ code: 'STORAGE_FILE_REFUSED' });
    await untouched('another kind of outbox');
    await rm(outbox);
  }
  await rename(`${outbox}-away`, outbox);

  const odd = [
    '..',
    `../outbox/${name}`,
    name.toUpperCase(),
    name.slice(1),
    `${name}\n`,
    `${name}\0`,
    '',
    'x'.repeat(64),
  ];
  for (const wrong of odd) {
    await expect(deliver(wrong, secret.length), wrong).rejects.toMatchObject({
      code: 'STORAGE_DELIVERY_INVALID',
    });
  }
  for (const as of ['../up', 'a/b', '.hidden', '', 'A', `x${'y'.repeat(63)}`]) {
    const file = { sha256: name, bytes: secret.length, maxBytes: MIB };
    await expect(
      storage.deliveries.deliver({ instrument: 'sender' }, file, { ...target, as }),
      as,
    ).rejects.toMatchObject({ code: 'STORAGE_DELIVERY_INVALID' });
  }
  for (const to of ['../sender', '.incoming', '', 'platform.events']) {
    const file = { sha256: name, bytes: secret.length, maxBytes: MIB };
    await expect(
      storage.deliveries.deliver({ instrument: 'sender' }, file, { ...target, to }),
      to,
    ).rejects.toMatchObject({ code: 'STORAGE_NAME_INVALID' });
  }

  await writeFile(file, secret);
  expect(await deliver(name, secret.length)).toEqual({ changed: true });
  expect(await readFile(join(resources(), 'receiver/local.rules'), 'utf8')).toBe(secret);
});

/** What the sender does to its file while it is being copied, over and over. */
const CHANGES: Record<string, string> = {
  grows: 'f.seek(0, 2); f.write(b"x" * 65536); f.flush()',
  'is written over': 'f.seek(0); f.write(os.urandom(65536)); f.flush()',
  'is cut and filled': 'f.truncate(1000); f.truncate(size)',
  'is swapped': 'os.link(path, path + ".old"); os.rename(other, path); os.rename(path + ".old", other)',
};

test('ABUSE 40: a file that changes while it is copied is refused, or is what was said', async () => {
  const content = Buffer.alloc(24 * MIB, 'rule\n');
  const name = digest(content);
  const file = join(outbox, name);
  for (const [what, change] of Object.entries(CHANGES)) {
    await writeFile(file, content);
    await writeFile(join(outbox, 'other'), Buffer.alloc(content.length, 'evil\n'));
    const script = [
      'import os, sys',
      'path, other, size = sys.argv[1], sys.argv[2], int(sys.argv[3])',
      'f = open(path, "r+b")',
      'print("ready", flush=True)',
      'while True:',
      `    ${change}`,
      '    if os.path.getsize(path) > 2 * size: f.truncate(size)',
    ].join('\n');
    const evil = spawn('python3', ['-c', script, file, join(outbox, 'other'), String(content.length)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = once(evil, 'exit');
    try {
      await once(evil.stdout, 'data');
      for (let round = 0; round < 4; round += 1) {
        const outcome = await deliver(name, content.length, 64 * MIB).catch((error: unknown) => error);
        if (outcome instanceof Error) {
          expect(outcome, what).toMatchObject({
            code: expect.stringMatching(/^STORAGE_(FILE_REFUSED|DELIVERY_MISMATCH)$/) as unknown,
          });
          await untouched(what);
        } else {
          expect(digest(await readFile(join(resources(), 'receiver/local.rules'))), what).toBe(name);
          await storage.deliveries.remove('receiver', ['local.rules'], { instrument: 'sender' });
        }
      }
    } finally {
      evil.kill('SIGKILL');
      await ended;
    }
    for (const left of await readdir(outbox)) await rm(join(outbox, left));
  }
});

test('what was delivered can be read by the receiver alone, and written by nobody but the host', async () => {
  await writeFile(join(outbox, digest('rules')), 'rules');
  await deliver(digest('rules'), 5);
  const path = join(resources(), 'receiver/local.rules');
  const facts = await lstat(path);
  expect([facts.uid, facts.gid, facts.mode & 0o7777, facts.nlink]).toEqual([0, READER.ownerId, 0o640, 1]);
  // As at the receiver's start: the folder is given to its ids, also when they are others than before.
  const ids = { ownerId: 3_001_000 };
  for (const ownerGroupId of [READER.ownerId, ids.ownerId]) {
    const placed = await storage.placeResources('receiver', {}, { ownerGroupId });
    expect((await stat(path)).gid).toBe(ownerGroupId);
    const mounted = join(at.dir, 'mounted');
    await mkdir(mounted, { recursive: true });
    await run('mount', ['--bind', placed.path, mounted]);
    await run('mount', ['-o', 'remount,bind,ro', mounted]);
    const as = async (id: number, script: string) =>
      run('setpriv', ['--reuid', String(id), '--regid', String(id), '--clear-groups', 'sh', '-c', script], {
        cwd: mounted,
        allowFailure: true,
      });
    expect((await as(ownerGroupId, 'cat local.rules')).stdout).toBe('rules');
    for (const script of [
      'echo x >> local.rules',
      'rm local.rules',
      'mv local.rules x',
      'chmod 777 local.rules',
    ]) {
      expect((await as(ownerGroupId, script)).exitCode, script).not.toBe(0);
    }
    expect((await as(IDS.ownerId, 'cat local.rules')).exitCode, 'the sender').not.toBe(0);
    await run('umount', [mounted]);
  }
  expect(await readFile(path, 'utf8')).toBe('rules');
});

test('one instrument neither replaces nor removes what another, a person or the configuration placed', async () => {
  await writeFile(join(at.dir, 'operator'), 'of the operator');
  await storage.placeResources(
    'receiver',
    { mine: join(at.dir, 'operator') },
    { ownerGroupId: READER.ownerId },
  );
  const from = (instrument: string, as: string, remove: string[] = []) =>
    storage.deliveries.deliver(
      { instrument },
      { sha256: digest('x'), bytes: 1, maxBytes: MIB },
      { ...target, as, reserved: ['mine'], remove },
    );
  await writeFile(join(outbox, digest('x')), 'x');
  await expect(from('sender', 'mine')).rejects.toMatchObject({ code: 'STORAGE_DELIVERY_NAME_TAKEN' });
  await from('sender', 'first');
  const import_ = async function* () {
    yield await Promise.resolve(Buffer.from('imported'));
  };
  const expected = { sha256: undefined, bytes: undefined, maxBytes: MIB };
  await storage.deliveries.receive('ada', import_(), expected, {
    ...target,
    as: 'stick',
    reserved: ['mine'],
  });
  await expect(from('sender', 'stick')).rejects.toMatchObject({ code: 'STORAGE_DELIVERY_NAME_TAKEN' });
  await expect(from('sender', 'second', ['stick'])).rejects.toMatchObject({
    code: 'STORAGE_DELIVERY_FOREIGN',
  });

  await storage.ensure('other', { sizeMib: 32 });
  const other = await storage.unlock('other', { ownerId: 4_001_000, containerRootId: 4_000_000 });
  await mkdir(join(other.path, 'persistent/outbox'));
  await writeFile(join(other.path, 'persistent/outbox', digest('x')), 'x');
  await expect(from('other', 'first')).rejects.toMatchObject({ code: 'STORAGE_DELIVERY_NAME_TAKEN' });
  await expect(from('other', 'second', ['first'])).rejects.toMatchObject({
    code: 'STORAGE_DELIVERY_FOREIGN',
  });
  const remove = storage.deliveries.remove('receiver', ['first'], { instrument: 'other' });
  await expect(remove).rejects.toMatchObject({ code: 'STORAGE_DELIVERY_FOREIGN' });
  expect((await readdir(join(resources(), 'receiver'))).sort()).toEqual(['first', 'mine', 'stick']);
  await from('other', 'second', ['mine', 'never-there']);
  expect((await readdir(join(resources(), 'receiver'))).sort()).toEqual(['first', 'mine', 'second', 'stick']);
  expect(await readFile(join(resources(), 'receiver/mine'), 'utf8')).toBe('of the operator');
});
