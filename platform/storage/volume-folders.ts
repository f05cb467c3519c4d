import { randomBytes } from 'node:crypto';
import { chmod, chown, lstat, mkdir, readFile, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, hasCode, run, writeFileAtomic } from '../kernel/index.ts';
import { addKey, keyState, policyKey, removeKey, setPolicy, type KeyIdentifier } from './fscrypt.ts';
import { MASTER_KEY_BYTES } from './sealed-key.ts';

/**
 * What lies in a mounted volume:
 *
 *     /                    root's; lost+found, owner
 *     /instrument          root's, the one folder that the container sees (at /var/lib/instrument)
 *     /instrument/persistent   the instrument's, encrypted with the volume's key
 *     /instrument/transient    the instrument's, encrypted with a key of this run
 *     /instrument/resources    root's, an empty mount point
 *
 * `instrument` belongs to the host's root, which no container maps: nobody in a container can replace the three, or
 * write beside them in the clear.
 */
export const INSTRUMENT_FOLDER = 'instrument';

/** Host ids that an instrument's container maps: uid and gid of its program, and of its root. */
export interface OwnerIds {
  ownerId: number;
  containerRootId: number;
}

/** @throws BulkheadError STORAGE_OWNER_INVALID: a host id that is not in an unprivileged container's range. */
export function checkOwner(name: string, { ownerId, containerRootId }: OwnerIds): void {
  const inRange =
    Number.isInteger(ownerId) &&
    Number.isInteger(containerRootId) &&
    containerRootId > 0 &&
    ownerId >= containerRootId &&
    ownerId < 2 ** 32 - 1;
  if (inRange) return;
  throw new BulkheadError({
    code: 'STORAGE_OWNER_INVALID',
    message: `The volume of ${name} cannot belong to host id ${String(ownerId)} (container root ${String(containerRootId)}).`,
    hint: 'Both must be host ids of an unprivileged container; 0 is the root of the host.',
    fields: { name, ownerId, containerRootId },
  });
}

/**
 * Makes `persistent` if it is not there, and proves that it is encrypted with this key.
 * @throws BulkheadError STORAGE_VOLUME_FOREIGN when it is encrypted with another key, or not at all.
 */
export async function openPersistent(name: string, mount: string, identifier: KeyIdentifier): Promise<void> {
  const folder = join(mount, INSTRUMENT_FOLDER, 'persistent');
  await mkdir(join(folder, '..'), { recursive: true, mode: 0o755 });
  await mkdir(join(folder, '..', 'resources'), { recursive: true, mode: 0o755 });
  await openFolder(name, folder, identifier);
}

/**
 * Makes an encrypted folder if it is not there, and proves that it is encrypted with this key.
 * @throws BulkheadError STORAGE_VOLUME_FOREIGN when it is encrypted with another key, or not at all.
 */
export async function openFolder(name: string, folder: string, identifier: KeyIdentifier): Promise<void> {
  if (!(await exists(folder))) {
    await makeEncrypted(folder, identifier);
    return;
  }
  const key = await policyKey(folder);
  if (key === identifier) return;
  throw new BulkheadError({
    code: 'STORAGE_VOLUME_FOREIGN',
    message: `The data of ${name} is ${key === undefined ? 'not encrypted' : 'encrypted with another key'}.`,
    hint: 'Put the right image back, or destroy the volume.',
    fields: { name },
  });
}

/**
 * Empties `transient` and encrypts it with a new random key that only the kernel keeps. What an earlier run left is
 * unreadable for ever from here on, also if we are killed half-way.
 */
export async function renewTransient(mount: string, ids: OwnerIds): Promise<void> {
  const parent = join(mount, INSTRUMENT_FOLDER);
  // No-key names can be removed without the key. Nobody else is in the volume now, so walking it is safe.
  for (const entry of await readdir(parent)) {
    if (entry.startsWith('transient')) await removeTree(join(parent, entry));
  }
  const master = randomBytes(MASTER_KEY_BYTES);
  try {
    await makeEncrypted(join(parent, 'transient'), await addKey(mount, master), ids.ownerId);
  } finally {
    master.fill(0);
  }
}

/**
 * Gives `persistent` to the container's present ids. LXD allots them anew when a container is made again. Everything
 * becomes the program's; setuid bits and file capabilities go, as chown(2) clears them. Only while nobody else is in
 * the volume.
 */
export async function giveTo(mount: string, { ownerId }: OwnerIds): Promise<void> {
  const persistent = join(mount, INSTRUMENT_FOLDER, 'persistent');
  const mark = join(mount, 'owner');
  const marked = await readFile(mark, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  });
  if (marked.trim() === String(ownerId)) return;
  // The mark goes first and comes last: a crash in between repeats the walk.
  await rm(mark, { force: true });
  const id = String(ownerId);
  await run('chown', ['-R', '-h', '-P', '--preserve-root', `${id}:${id}`, persistent], {
    timeoutMs: 1_800_000,
  });
  await chmod(persistent, 0o700);
  await writeFileAtomic(mark, `${id}\n`, 0o600);
}

/** Are both folders there with their keys in the kernel? */
export async function isUnlocked(mount: string): Promise<boolean> {
  for (const folder of ['persistent', 'transient']) {
    const path = join(mount, INSTRUMENT_FOLDER, folder);
    if (!(await exists(path))) return false;
    const key = await policyKey(path);
    if (key === undefined || (await keyState(mount, key)) !== 'present') return false;
  }
  return true;
}

/**
 * Takes all keys of the volume out of the kernel. False when files are still open: those few stay readable to who
 * holds them, everything else is closed; call again.
 */
export async function forgetKeys(mount: string): Promise<boolean> {
  const parent = join(mount, INSTRUMENT_FOLDER);
  if (!(await exists(parent))) return true;
  let all = true;
  for (const entry of await readdir(parent)) {
    const key = entry === 'resources' ? undefined : await policyKey(join(parent, entry));
    if (key !== undefined && (await removeKey(mount, key)) !== 'absent') all = false;
  }
  return all;
}

/**
 * Removes where a volume was mounted, and in it a placeholder that LXD may have been shown. Not recursive, in case that something
 * is mounted there after all.
 */
export async function removeMountPoint(mount: string): Promise<void> {
  for (const folder of [join(mount, INSTRUMENT_FOLDER), mount]) {
    await rmdir(folder).catch((error: unknown) => {
      if (!hasCode(error, 'ENOENT')) throw error;
    });
  }
}

async function makeEncrypted(folder: string, identifier: KeyIdentifier, ownerId?: number): Promise<void> {
  // Under another name until the policy stands: a folder called `persistent` is never in the clear.
  const temporary = `${folder}.new`;
  await removeTree(temporary);
  await mkdir(temporary, { mode: 0o700 });
  await setPolicy(temporary, identifier);
  if (ownerId !== undefined) await chown(temporary, ownerId, ownerId);
  await rename(temporary, folder);
}

async function removeTree(path: string): Promise<void> {
  // rm(1) walks by open folders and so takes any depth; Node's own walk joins paths and stops at PATH_MAX.
  await run('rm', ['-rf', '--one-file-system', '--', path], { timeoutMs: 1_800_000 });
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}
