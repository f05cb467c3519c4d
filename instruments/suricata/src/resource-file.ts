import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { RulesetFile } from '@bulkhead/sdk';
import { RuleRefusal } from './rule-refusal.ts';

const COPY_BYTES = 1024 * 1024;

/**
 * Reads a regular UTF-8 file of at most `maxBytes`; no link is followed and no pipe is waited for.
 * @throws RuleRefusal SURICATA_RULES_UNREADABLE, SURICATA_RULES_TOO_LARGE
 */
export async function readText(path: string, name: string, maxBytes: number): Promise<string> {
  return decode(await readBytes(path, name, maxBytes), name);
}

/**
 * Reads a delivered text file: the same, and it must have the digest that was named.
 * @throws RuleRefusal the same, and SURICATA_RULES_DIGEST
 */
export async function readDelivered(dir: string, wanted: RulesetFile, maxBytes: number): Promise<string> {
  const bytes = await readBytes(join(dir, wanted.file), wanted.file, maxBytes);
  checkDigest(createHash('sha256').update(bytes).digest('hex'), wanted);
  return decode(bytes, wanted.file);
}

/**
 * Copies a delivered file to `target`, which must not exist; a file that is too large or not the one that was named leaves nothing.
 * @throws RuleRefusal SURICATA_RULES_UNREADABLE, SURICATA_RULES_TOO_LARGE, SURICATA_RULES_DIGEST
 */
export async function copyDelivered(
  dir: string,
  wanted: RulesetFile,
  maxBytes: number,
  target: string,
): Promise<void> {
  const from = await openRegular(join(dir, wanted.file), wanted.file, maxBytes);
  try {
    const to = await open(target, 'wx', 0o600);
    try {
      const hash = createHash('sha256');
      const buffer = Buffer.alloc(COPY_BYTES);
      let copied = 0;
      for (;;) {
        const { bytesRead } = await from.read(buffer, 0, buffer.length, copied);
        if (bytesRead === 0) break;
        copied += bytesRead;
        if (copied > maxBytes) throw tooLarge(wanted.file, maxBytes);
        hash.update(buffer.subarray(0, bytesRead));
        await to.writeFile(buffer.subarray(0, bytesRead));
      }
      checkDigest(hash.digest('hex'), wanted);
    } catch (error) {
      await rm(target, { force: true });
      throw error;
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

async function readBytes(path: string, name: string, maxBytes: number): Promise<Buffer> {
  const file = await openRegular(path, name, maxBytes);
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, maxBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function openRegular(path: string, name: string, maxBytes: number): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      throw unreadable(name, `It cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}.`);
    },
  );
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw unreadable(name, 'It is not a regular file.');
    if (stat.size > maxBytes) throw tooLarge(name, maxBytes);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function decode(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw unreadable(name, 'It is not UTF-8 text.');
  }
}

function checkDigest(is: string, { file, sha256 }: RulesetFile): void {
  if (is === sha256) return;
  throw new RuleRefusal('SURICATA_RULES_DIGEST', `It has the digest ${is} and not ${sha256}.`, { file });
}

function unreadable(name: string, what: string): RuleRefusal {
  return new RuleRefusal('SURICATA_RULES_UNREADABLE', what, { file: name });
}

function tooLarge(name: string, maxBytes: number): RuleRefusal {
  return new RuleRefusal('SURICATA_RULES_TOO_LARGE', `There is room for ${String(maxBytes)} bytes.`, {
    file: name,
  });
}
