import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { RulesError } from '../errors.ts';

/** A file that the platform placed. */
export interface ResourceFile {
  bytes: Buffer;
  /** SHA-256, hexadecimal. */
  digest: string;
}

/**
 * Reads a regular file below `resources/`; no link is followed, no pipe is waited for.
 * @returns undefined when there is none
 * @throws RulesError RULES_FILE_UNREADABLE, RULES_FILE_TOO_LARGE
 */
export async function readResource(
  dir: string,
  name: string,
  maxBytes: number,
): Promise<ResourceFile | undefined> {
  let file;
  try {
    file = await open(join(dir, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    if (code === 'ENOENT') return undefined;
    throw new RulesError('RULES_FILE_UNREADABLE', `${name} cannot be read: ${code}.`);
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new RulesError('RULES_FILE_UNREADABLE', `${name} is not a regular file.`);
    if (stat.size > maxBytes) {
      throw new RulesError(
        'RULES_FILE_TOO_LARGE',
        `${name} has ${String(stat.size)} bytes; ${String(maxBytes)} are taken.`,
      );
    }
    const bytes = Buffer.alloc(stat.size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    const read = bytes.subarray(0, length);
    return { bytes: read, digest: createHash('sha256').update(read).digest('hex') };
  } finally {
    await file.close();
  }
}
