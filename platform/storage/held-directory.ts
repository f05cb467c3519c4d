import { constants } from 'node:fs';
import { open, opendir, type FileHandle } from 'node:fs/promises';
import { BulkheadError, hasCode } from '../kernel/index.ts';

/** File names that the platform reads from an instrument: plain, so that they say nothing but a name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** A folder of an instrument, held open: whatever the instrument renames meanwhile, this stays the same folder. */
export interface HeldDirectory {
  /** `/proc/self/fd/<n>`: use as the start of a path, only while it is open. */
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Opens a folder below one of the platform's own, step by step and without following links: at each step what was
 * opened is a folder or the call fails.
 * @param trusted a folder that only the platform can change.
 * @param steps plain names below it, which an instrument may have put there.
 * @throws BulkheadError STORAGE_FILE_REFUSED.
 */
export async function holdDirectory(trusted: string, steps: readonly string[] = []): Promise<HeldDirectory> {
  let handle = await openFolder(trusted, trusted);
  for (const step of steps) {
    const above = handle;
    try {
      checkPlainName(step);
      handle = await openFolder(`/proc/self/fd/${String(above.fd)}/${step}`, step);
    } finally {
      await above.close();
    }
  }
  const held = handle;
  return { path: `/proc/self/fd/${String(held.fd)}`, close: async () => held.close() };
}

/**
 * Reads one file directly in a held folder, as root and safe against whoever owns the folder: no link is followed,
 * nothing but a regular file with one link is read, and never more than `maxBytes`.
 * @throws BulkheadError STORAGE_FILE_REFUSED with the reason.
 */
export async function readInstrumentFile(
  dirHandlePath: string,
  name: string,
  maxBytes: number,
): Promise<Buffer> {
  const { file, size } = await openInstrumentFile(dirHandlePath, name, maxBytes);
  try {
    // One byte more than it claims: a file that grows while it is read is caught, not cut.
    const buffer = Buffer.alloc(size + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
      length += bytesRead;
      if (bytesRead === 0) return buffer.subarray(0, length);
      if (length === buffer.length) throw refused(name, 'changed while it was read');
    }
  } finally {
    await file.close();
  }
}

/**
 * Opens one file directly in a held folder, by the same rules as {@link readInstrumentFile}; the caller closes it. What is read
 * from it may still change meanwhile, as its owner can write to it.
 * @throws BulkheadError STORAGE_FILE_REFUSED with the reason.
 */
export async function openInstrumentFile(
  dirHandlePath: string,
  name: string,
  maxBytes: number,
): Promise<{ file: FileHandle; size: number }> {
  checkPlainName(name);
  // NOFOLLOW refuses a link; NONBLOCK: a FIFO without a writer must not hang the sensor.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
  let file: FileHandle;
  try {
    file = await open(`${dirHandlePath}/${name}`, flags);
  } catch (cause) {
    if (hasCode(cause, 'ELOOP')) throw refused(name, 'is a symbolic link', cause);
    if (hasCode(cause, 'ENOENT')) throw refused(name, 'is not there', cause);
    if (hasCode(cause, 'ENXIO')) throw refused(name, 'is not a regular file', cause);
    throw refused(name, 'could not be opened', cause);
  }
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw refused(name, 'is not a regular file');
    if (facts.nlink !== 1) throw refused(name, `has ${String(facts.nlink)} links`);
    if (facts.size > maxBytes) throw refused(name, `is larger than ${String(maxBytes)} bytes`);
    return { file, size: facts.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Names in a held folder that {@link readInstrumentFile} would take. Others (odd characters, bad UTF-8, more than
 * `maxEntries`) are counted, not shown.
 */
export async function listInstrumentFiles(
  dirHandlePath: string,
  maxEntries: number,
): Promise<{ names: string[]; skipped: number }> {
  const names: string[] = [];
  let skipped = 0;
  for await (const entry of await opendir(dirHandlePath)) {
    if (names.length + skipped >= maxEntries) return { names, skipped: skipped + 1 };
    if (entry.isFile() && NAME.test(entry.name)) names.push(entry.name);
    else skipped += 1;
  }
  return { names, skipped };
}

async function openFolder(path: string, shown: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    throw refused(shown, 'is not a folder of its own (missing, or a link)', cause);
  }
}

function checkPlainName(name: string): void {
  if (!NAME.test(name)) throw refused(name, 'is not a plain file name');
}

function refused(name: string, why: string, cause?: unknown): BulkheadError {
  const shown = JSON.stringify(name.slice(0, 128));
  return new BulkheadError({
    code: 'STORAGE_FILE_REFUSED',
    message: `${shown} was not read: it ${why}.`,
    hint: 'The instrument must write regular files with one link, a plain name and a bounded size.',
    fields: { file: name.slice(0, 128) },
    ...(cause === undefined ? {} : { cause }),
  });
}
