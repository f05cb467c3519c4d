import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BulkheadError, hasCode, writeFileAtomic } from '../kernel/index.ts';

const MIN_BYTES = 32;
const MAX_BYTES = 4096;

/**
 * Reads the sensor key, or makes it (32 random bytes, mode 0600) when it may be made.
 * @param mayCreate false when sealed keys exist: a new sensor key would make all of them useless.
 * @throws BulkheadError STORAGE_KEY_UNSAFE (readable by others, not root's, short, not random), STORAGE_KEY_MISSING.
 */
export async function readSensorKey(path: string, mayCreate: boolean): Promise<Buffer> {
  let file: FileHandle;
  try {
    // NONBLOCK: a FIFO at this place must not hang the start.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    if (!mayCreate) {
      throw new BulkheadError({
        code: 'STORAGE_KEY_MISSING',
        message: `The sensor key ${path} is not there, but keys sealed with it are.`,
        hint: 'Restore the key file from a backup. A new key could not open the existing volumes.',
        fields: { path },
      });
    }
    const key = randomBytes(MIN_BYTES);
    await writeFileAtomic(path, key, 0o600);
    return key;
  }
  try {
    const facts = await file.stat();
    const owner = process.geteuid?.() ?? 0;
    if (!facts.isFile()) throw unsafe(path, 'is not a regular file');
    if ((facts.mode & 0o077) !== 0) throw unsafe(path, 'can be read or changed by others than its owner');
    if (facts.uid !== owner) throw unsafe(path, `belongs to user ${String(facts.uid)}, not ${String(owner)}`);
    if (facts.size < MIN_BYTES) throw unsafe(path, `is shorter than ${String(MIN_BYTES)} bytes`);
    if (facts.size > MAX_BYTES) throw unsafe(path, `is longer than ${String(MAX_BYTES)} bytes`);
    const key = Buffer.alloc(facts.size);
    const { bytesRead } = await file.read(key, 0, key.length, 0);
    if (bytesRead !== key.length) throw unsafe(path, 'changed while it was read');
    // 32 random bytes have fewer than 8 different values with a chance far below 2^-100.
    if (new Set(key).size < 8) throw unsafe(path, 'is not random (zeros, or one repeated pattern)');
    return key;
  } finally {
    await file.close();
  }
}

/**
 * Makes a key file where there is none, in a folder that is there; one that is there must be usable.
 * @throws BulkheadError STORAGE_KEY_MISSING (no such folder), STORAGE_KEY_UNSAFE
 */
export async function ensureKeyFile(path: string): Promise<void> {
  try {
    await stat(dirname(path));
  } catch (cause) {
    throw new BulkheadError({
      code: 'STORAGE_KEY_MISSING',
      message: `The folder of the key file ${path} is not there.`,
      hint: 'Mount the medium first.',
      fields: { path },
      cause,
    });
  }
  (await readSensorKey(path, true)).fill(0);
}

/**
 * Destroys a key file: overwrites it in place, forces that to disk, unlinks it, forces that to disk. Needs no free
 * space. No file is no error.
 */
export async function destroyKeyFile(path: string): Promise<void> {
  try {
    const { size } = await stat(path);
    const file = await open(path, 'r+');
    try {
      await file.write(randomBytes(Math.max(1, size)), 0, Math.max(1, size), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await unlink(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Forces renames and removals in a folder to disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function unsafe(path: string, why: string): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_KEY_UNSAFE',
    message: `The sensor key ${path} ${why}.`,
    hint: 'Make it a regular file of 32 random bytes that belongs to root with mode 0600.',
    fields: { path },
  });
}
