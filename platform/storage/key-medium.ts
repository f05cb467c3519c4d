import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, run } from '../kernel/index.ts';

/** `UUID=1234-ABCD:/sensor.key` or `LABEL=KEYS:/sensor.key`: a file on a filesystem that may come and go. */
const MEDIUM = /^(UUID|LABEL)=([A-Za-z0-9._-]{1,64}):(\/[^\0\n]{1,255})$/;

export function isMedium(keyFile: string): boolean {
  return /^(?:UUID|LABEL)=/.test(keyFile);
}

/**
 * Lends the path of a key file on a medium: finds the filesystem, mounts it read-only where only root gets, and lets go of
 * it before it returns, so the medium can be pulled at any time afterwards.
 * @param scratchDir a folder in memory.
 * @throws BulkheadError STORAGE_MEDIUM_ABSENT, STORAGE_MEDIUM_INVALID, and what `use` throws.
 */
export async function readMediumKey<T>(
  keyFile: string,
  scratchDir: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const [, tag, value, file] = MEDIUM.exec(keyFile) ?? [];
  if (tag === undefined || value === undefined || file === undefined || file.split('/').includes('..')) {
    throw new BulkheadError({
      code: 'STORAGE_MEDIUM_INVALID',
      message: `${keyFile} does not name a key file on a medium.`,
      hint: 'Write UUID=<filesystem>:/path or LABEL=<filesystem>:/path; `blkid` shows both.',
      fields: { keyFile },
    });
  }
  const device = await deviceOf(tag, value, keyFile);
  await mkdir(scratchDir, { recursive: true, mode: 0o700 });
  const mount = await mkdtemp(join(scratchDir, 'medium-'));
  try {
    // Privileged: only root mounts. Read-only and without devices, set-id bits and programs: the stick may be anybody's.
    const options = `ro,nosuid,nodev,noexec${await optionsFor(device)}`;
    await run('mount', ['-o', options, '--', device, mount]);
    try {
      return await use(join(mount, file));
    } finally {
      await run('umount', ['--', mount], { allowFailure: true });
    }
  } finally {
    await rmdir(mount).catch(() => rm(mount, { force: true }).catch(() => undefined));
  }
}

async function deviceOf(tag: string, value: string, keyFile: string): Promise<string> {
  // Asks the devices themselves: udev's links and blkid's cache may be old, or not be there.
  const { stdout } = await run('blkid', ['-c', '/dev/null', '-o', 'device', '-t', `${tag}=${value}`], {
    allowFailure: true,
  });
  const device = stdout.split('\n').find((line) => line.startsWith('/dev/'));
  if (device !== undefined) return device;
  throw new BulkheadError({
    code: 'STORAGE_MEDIUM_ABSENT',
    message: `The medium with the key file ${keyFile} is not there.`,
    hint: 'Plug it in; the sensor unlocks by itself.',
    fields: { keyFile },
  });
}

/** FAT knows no owners: without a mask everybody could read the key, and it would be refused. */
async function optionsFor(device: string): Promise<string> {
  const { stdout } = await run('blkid', ['-c', '/dev/null', '-o', 'value', '-s', 'TYPE', '--', device], {
    allowFailure: true,
  });
  const type = stdout.trim();
  if (type === 'vfat' || type === 'exfat' || type === 'ntfs') return ',umask=0077';
  // A journal would be replayed, which writes.
  return type === 'ext4' || type === 'ext3' ? ',noload' : '';
}
