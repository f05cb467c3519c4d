import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { PassThrough, Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { BulkheadError } from '../kernel/index.ts';
import { LimitFault } from './image-policy.ts';

/** An archive that is being read once: hashed as it stands in the file, and unpacked. */
export interface ArchiveStream {
  /** The unpacked bytes. Must be read to the end before `fingerprint` is asked for. */
  chunks: AsyncIterable<Buffer>;
  /** SHA-256 of the whole file, which is LXD's fingerprint of a unified image. Resolves when all of it was read. */
  fingerprint: () => Promise<string>;
  /** Ends programs and closes the file. */
  close: () => Promise<void>;
}

/** The leading bytes by which LXD, too, tells how an archive is compressed (its `DetectCompressionFile`). */
const MAGIC = {
  gzip: Buffer.from([0x1f, 0x8b]),
  xz: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]),
  zstd: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
};

/**
 * Opens an archive that is plain tar or tar compressed with gzip, xz or zstd.
 * @throws BulkheadError PACKAGES_IMAGE_UNREADABLE, LimitFault when the file itself is larger than `maxBytes`
 */
export async function openArchive(
  file: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<ArchiveStream> {
  const handle = await openRegular(file);
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw new LimitFault(`an archive of ${String(size)} bytes`);
    const head = Buffer.alloc(8);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    return start(handle, file, head.subarray(0, bytesRead), size, signal);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openRegular(file: string): Promise<FileHandle> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (cause) {
    throw unreadable(file, 'it cannot be opened', cause);
  }
  throw unreadable(file, 'it is not a regular file');
}

function start(
  handle: FileHandle,
  file: string,
  head: Buffer,
  size: number,
  signal: AbortSignal,
): ArchiveStream {
  const hash = createHash('sha256');
  let hashed = 0;
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      hashed += chunk.length;
      done(null, chunk);
    },
  });
  const source = handle.createReadStream({ start: 0, highWaterMark: 1 << 20, autoClose: false });
  const unpacked = new PassThrough({ highWaterMark: 1 << 20 });
  const stop = new AbortController();
  const signals = AbortSignal.any([signal, stop.signal]);
  const finished = pump(source, hashing, unpacked, head, signals);
  // Who reads `chunks` sees the error; a reader that has already given up needs no telling.
  unpacked.on('error', () => undefined);
  finished.catch((error: unknown) =>
    unpacked.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return {
    chunks: unpacked,
    fingerprint: async () => {
      await finished;
      if (hashed !== size) throw unreadable(file, 'it changed while it was read');
      return hash.digest('hex');
    },
    close: async () => {
      stop.abort();
      await finished.catch(() => undefined);
      await handle.close();
    },
  };
}

async function pump(
  source: Readable,
  hashing: Transform,
  unpacked: PassThrough,
  head: Buffer,
  signal: AbortSignal,
): Promise<void> {
  if (head.indexOf(MAGIC.gzip) === 0) return pipeline(source, hashing, createGunzip(), unpacked, { signal });
  if (head.indexOf(MAGIC.zstd) === 0) {
    // Node 20 has no zstd. The memory limit is what a hostile window size would otherwise take.
    return throughProgram('zstd', ['-dcq', '-M128MiB'], source, hashing, unpacked, signal);
  }
  if (head.indexOf(MAGIC.xz) === 0) {
    return throughProgram('xz', ['-dcq', '--memlimit-decompress=256MiB'], source, hashing, unpacked, signal);
  }
  return pipeline(source, hashing, unpacked, { signal });
}

async function throughProgram(
  program: string,
  args: readonly string[],
  source: Readable,
  hashing: Transform,
  unpacked: PassThrough,
  signal: AbortSignal,
): Promise<void> {
  const child = spawn(program, [...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: '/usr/bin:/bin', LANG: 'C' },
    signal,
    killSignal: 'SIGKILL',
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaint.length < 500) complaint += chunk.toString('utf8');
  });
  const exited = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} failed: ${complaint.trim().slice(0, 300)}`));
    });
  });
  const results = await Promise.allSettled([
    exited,
    pipeline(source, hashing, child.stdin, { signal }),
    // Not ended here: a stream that the program cut short must not look complete.
    pipeline(child.stdout, unpacked, { signal, end: false }),
  ]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  unpacked.end();
}

/** PACKAGES_IMAGE_UNREADABLE for `file`. */
export function unreadable(file: string, why: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'PACKAGES_IMAGE_UNREADABLE',
    message: `The image archive ${file} cannot be read: ${why}.`,
    hint: 'Delete it and run scripts/build images, or fetch it again.',
    fields: { file },
    cause,
  });
}
