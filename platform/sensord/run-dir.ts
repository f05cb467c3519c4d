import { chmod, mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../kernel/index.ts';

/** `statfs` type of tmpfs (linux/magic.h TMPFS_MAGIC). */
const TMPFS = 0x01021994;

/**
 * Makes the run folder in memory, because bus keys and the bus's storage key lie below it and must not reach a disk.
 * Mounts a tmpfs when the folder is not on one yet. Others may pass through (nats-server is not root) but list nothing.
 */
export async function ensureRunDir(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o711 });
  if (!(await isMemoryBacked(dir))) {
    const options = 'mode=0711,nosuid,nodev,noexec,size=64m,nr_inodes=16k';
    await run('mount', ['-t', 'tmpfs', '-o', options, 'bulkhead', dir]);
  }
  await chmod(dir, 0o711);
  for (const own of ['api', 'instruments']) {
    await mkdir(join(dir, own), { recursive: true, mode: 0o700 });
    await chmod(join(dir, own), 0o700);
  }
}

/** Unmounts the run folder and with it forgets every key below it. A folder that is not a mount of ours is left. */
export async function dropRunDir(dir: string): Promise<void> {
  await run('umount', [dir], { allowFailure: true });
}

async function isMemoryBacked(dir: string): Promise<boolean> {
  return (await statfs(dir)).type === TMPFS;
}
