import { createHash } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { BulkheadError } from '../kernel/index.ts';
import { holdDirectory, openInstrumentFile } from './held-directory.ts';

const CHUNK_BYTES = 1 << 20;
/** Where an instrument puts what it hands over, below its `persistent/`. Flat; each file is called by its SHA-256. */
export const OUTBOX = 'outbox';

/** What a file must be. */
export interface ExpectedFile {
  /** Hex; undefined only for what a person imports without saying. */
  sha256: string | undefined;
  /** Exact size; undefined when it is not known beforehand. */
  bytes: number | undefined;
  maxBytes: number;
}

/**
 * Copies a file out of an instrument's outbox. The outbox is the instrument's, which may change everything in it at any
 * moment: it is held open, no link is followed, and what was copied is what was hashed.
 * @param volume the folder of the volume that holds `persistent/`; only root can change it.
 * @param signal ends the copy, so that a volume can be locked.
 * @throws BulkheadError STORAGE_FILE_REFUSED, STORAGE_DELIVERY_MISMATCH, STORAGE_DELIVERY_INTERRUPTED; nothing is left then.
 */
export async function copyFromOutbox(
  volume: string,
  expected: ExpectedFile & { sha256: string; bytes: number },
  temporary: string,
  signal: AbortSignal,
): Promise<void> {
  const held = await holdDirectory(volume, ['persistent', OUTBOX]);
  try {
    const { file, size } = await openInstrumentFile(held.path, expected.sha256, expected.maxBytes);
    try {
      if (size !== expected.bytes)
        throw mismatch(`it has ${String(size)} bytes, not ${String(expected.bytes)}`);
      await copyIn(chunksOf(file), expected, temporary, signal);
    } finally {
      await file.close();
    }
  } finally {
    await held.close();
  }
}

/**
 * Writes a stream of bytes to a new file, durable and root's alone, if they are what was expected.
 * @throws BulkheadError STORAGE_DELIVERY_MISMATCH, STORAGE_DELIVERY_INTERRUPTED; the file is gone then.
 */
export async function copyIn(
  content: AsyncIterable<Uint8Array>,
  { sha256, bytes, maxBytes }: ExpectedFile,
  temporary: string,
  signal: AbortSignal,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let total = 0;
  const file = await open(temporary, 'wx', 0o600);
  try {
    for await (const chunk of content) {
      if (signal.aborted) throw interrupted();
      total += chunk.length;
      if (bytes !== undefined && total > bytes) throw mismatch(`it grew beyond ${String(bytes)} bytes`);
      if (total > maxBytes) throw mismatch(`it is larger than ${String(maxBytes)} bytes`);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    if (bytes !== undefined && total !== bytes)
      throw mismatch(`it ended after ${String(total)} of ${String(bytes)} bytes`);
    const found = hash.digest('hex');
    if (sha256 !== undefined && found !== sha256) throw mismatch(`its SHA-256 is ${found}, not ${sha256}`);
    await file.sync();
    return { sha256: found, bytes: total };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

async function* chunksOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (let at = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

function mismatch(why: string): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_DELIVERY_MISMATCH',
    message: `The file was not taken: ${why}.`,
    hint: 'Write the file whole, close it, and never change it under the name of its digest; then deliver it again.',
  });
}

function interrupted(): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_DELIVERY_INTERRUPTED',
    message: 'The file was not taken: the sender or the sensor is stopping.',
    hint: 'Deliver it again after the restart.',
  });
}
