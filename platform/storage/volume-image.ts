import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  BulkheadError,
  hasCode,
  run,
  waitFor,
  type CommandOptions,
  type CommandResult,
} from '../kernel/index.ts';
import { syncFolder } from './key-file.ts';
import { deviceNumber, loopsOf, mountAt, seenByContainer } from './mounts.ts';
import { readSuperblock } from './superblock.ts';
import { wrongImage } from './volume-errors.ts';

export const MIB = 1 << 20;
/** Bounded inodes: one for each 16 KiB, so a volume of many small files fills itself and nothing else. */
const BYTES_PER_INODE = 16_384;
/** Only the host's root can use these, so that a volume that its instrument filled can still be unlocked. */
const OWN_MIB = 1;
const LONG_MS = 600_000;
const RELEASE_MS = 1_000;

/**
 * Makes an empty ext4 image under a temporary name. The caller stores the key, then gives it its name with
 * {@link commitImage}; a crash before that leaves a file that the next attempt replaces.
 */
export async function makeImage(temporary: string, sizeMib: number): Promise<{ uuid: string }> {
  await rm(temporary, { force: true });
  await mkdir(dirname(temporary), { recursive: true, mode: 0o700 });
  const uuid = randomUUID();
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.truncate(sizeMib * MIB);
    await file.sync();
  } finally {
    await file.close();
  }
  const ownPercent = ((100 * OWN_MIB) / sizeMib).toFixed(6);
  await run(
    'mkfs.ext4',
    [
      '-q',
      // encrypt: fscrypt; ^quota,^project: not on every kernel, and the image's size is the quota.
      ...['-O', 'encrypt,64bit,metadata_csum', '-b', '4096', '-i', String(BYTES_PER_INODE), '-m', ownPercent],
      // A new sparse file is zero: nothing to write for the inode tables, now or by the kernel later.
      ...['-E', 'assume_storage_prezeroed=1,nodiscard,root_owner=0:0', '-e', 'remount-ro'],
      ...['-U', uuid, temporary],
    ],
    { timeoutMs: LONG_MS },
  );
  const made = await open(temporary, 'r+');
  try {
    await made.sync();
  } finally {
    await made.close();
  }
  return { uuid };
}

/** Is there a regular file at the path? */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Gives a finished image its name, durably. */
export async function commitImage(temporary: string, image: string): Promise<void> {
  await rename(temporary, image);
  await syncFolder(dirname(image));
}

/** Size of the filesystem in the image; undefined when there is no image or no filesystem in it. */
export async function imageSizeMib(image: string): Promise<number | undefined> {
  const superblock = await readSuperblock(image);
  return superblock === undefined
    ? undefined
    : Math.floor((superblock.blocks * superblock.blockSizeBytes) / MIB);
}

/** @throws BulkheadError STORAGE_VOLUME_DAMAGED (no filesystem), STORAGE_VOLUME_FOREIGN (another one). */
export async function expectImage(name: string, image: string, uuid: string): Promise<void> {
  const present = (await readSuperblock(image))?.uuid;
  if (present !== uuid) throw wrongImage(name, image, present);
}

/**
 * Repairs what can be repaired without asking (journal, counts) after an unclean stop. Quick on a clean image; with `-f` that is
 * walked through too.
 * @throws BulkheadError STORAGE_VOLUME_DAMAGED.
 */
export async function checkImage(
  name: string,
  image: string,
  ...options: '-f'[]
): Promise<{ repaired: boolean }> {
  const { exitCode, stdout, stderr } = await runAlone(image, 'e2fsck', ['-p', ...options, image], {
    allowFailure: true,
    timeoutMs: LONG_MS,
  });
  // e2fsck(8): 0 clean, 1 corrected, 2 corrected and reboot (a mounted root only); from 4 on not corrected.
  if (exitCode <= 2) return { repaired: exitCode > 0 };
  throw new BulkheadError({
    code: 'STORAGE_VOLUME_DAMAGED',
    message: `The volume of ${name} is damaged: ${`${stdout}\n${stderr}`.trim().replaceAll(/\s+/g, ' ').slice(-400)}`,
    hint: `Repair a copy of ${image} by hand with e2fsck, or destroy the volume and start with an empty one.`,
    fields: { name, image, exitCode },
  });
}

/**
 * Mounts an image. An image that some other mount namespace still holds is mounted from the same loop device, so
 * that there is one filesystem in the kernel and never two on one image.
 */
export async function mountImage(name: string, image: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true, mode: 0o700 });
  const [held] = await loopsOf(image);
  if (held === undefined) await checkImage(name, image);
  // Privileged: a filesystem whose contents an instrument wrote, so nosuid, nodev and noexec; its metadata only the
  // kernel wrote. `-o loop` makes an autoclear device: it goes with the mount, also if we are killed here.
  const flags = 'nosuid,nodev,noexec,noatime,errors=remount-ro';
  const source = held ?? image;
  await runAlone(
    image,
    'mount',
    ['-t', 'ext4', '-o', held === undefined ? `loop,${flags}` : flags, source, target],
    {
      timeoutMs: 120_000,
    },
  );
  const [loop] = await loopsOf(image);
  // Saves the second copy of each page in memory. Not every disk below can do it; then it stays off.
  if (loop !== undefined) await run('losetup', ['--direct-io=on', loop], { allowFailure: true });
}

/**
 * Unmounts here.
 * @returns whether another mount namespace still holds the filesystem (a process that got copies of all mounts while
 *          it was mounted). Without its keys it gives nothing away; the loop device goes with the last holder.
 * @throws BulkheadError STORAGE_VOLUME_BUSY when it is not possible within `patienceMs`: open files.
 */
export async function unmountImage(
  name: string,
  image: string,
  target: string,
  patienceMs: number,
): Promise<{ heldElsewhere: boolean }> {
  const unmounted = async (): Promise<boolean> => {
    if ((await mountAt(target)) === undefined) return true;
    await run('umount', [target], { allowFailure: true, timeoutMs: 120_000 });
    return (await mountAt(target)) === undefined;
  };
  await waitFor(`${target} to be unmounted`, patienceMs, unmounted, { intervalMs: 100 }).catch(
    (cause: unknown) => {
      if (!hasCode(cause, 'KERNEL_WAIT_TIMEOUT')) throw cause;
      throw new BulkheadError({
        code: 'STORAGE_VOLUME_BUSY',
        message: `The volume of ${name} could not be unmounted from ${target}: files are open.`,
        hint: `\`fuser -vm ${target}\` names who has them open.`,
        fields: { name, target },
        cause,
      });
    },
  );
  return { heldElsewhere: !(await isReleased(image)) };
}

/** Does a container have the filesystem, also if it is not mounted (any more) where we would mount it? */
export async function isLive(image: string, target: string): Promise<boolean> {
  const entry = await mountAt(target);
  if (entry !== undefined) return seenByContainer(entry.device);
  const [loop] = await loopsOf(image);
  return loop !== undefined && (await seenByContainer(await deviceNumber(loop)));
}

/** Has the kernel let go of the image? It does so shortly after the last unmount. */
export async function isReleased(image: string): Promise<boolean> {
  const released = async () => (await loopsOf(image)).length === 0;
  return waitFor('the loop device to go', RELEASE_MS, released, { intervalMs: 50 }).catch(
    (error: unknown) => {
      if (hasCode(error, 'KERNEL_WAIT_TIMEOUT')) return false;
      throw error;
    },
  );
}

/**
 * Makes the filesystem of an unmounted image larger. resize2fs notes every block that it changes in an undo file, so
 * that {@link recoverGrowth} can take back what a crash left half-done. (Growing a mounted filesystem would be under
 * its journal, but needs CAP_SYS_RESOURCE, which a sensor that runs in a confined place lacks.)
 */
export async function growImage(name: string, image: string, sizeMib: number): Promise<void> {
  await checkImage(name, image, '-f');
  const undo = undoFile(image);
  await runAlone(image, 'resize2fs', ['-z', undo, image, `${String(sizeMib)}M`], { timeoutMs: LONG_MS });
  const file = await open(image, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rm(undo);
}

/** Takes back a growth that did not end. Cheap when there was none. */
export async function recoverGrowth(name: string, image: string): Promise<void> {
  const undo = undoFile(image);
  // A filesystem that is in the kernel is newer than an undo file could be; to change its image would destroy it.
  if (!(await isFile(undo)) || (await loopsOf(image)).length > 0) return;
  // An undo file without a header was cut before resize2fs changed anything; e2undo then changes nothing either.
  await runAlone(image, 'e2undo', [undo, image], { allowFailure: true, timeoutMs: LONG_MS });
  await checkImage(name, image, '-f');
  await rm(undo);
}

function undoFile(image: string): string {
  return `${image}.undo`;
}

/**
 * Runs a program that works on an image, alone. When the sensor is killed its programs are not, and a new sensor
 * must not check an image that an old resize2fs still writes: the lock lives as long as any of them.
 */
async function runAlone(
  image: string,
  program: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  return run('flock', ['--exclusive', '--timeout', '600', image, program, ...args], options);
}
