import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, readdir, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError } from '../kernel/index.ts';

/** What an app folder may at most hold. */
export const APP_LIMITS = Object.freeze({ entries: 10_000, bytes: 256 * 1024 ** 2, depth: 16 });

/** A folder or file of an app; `path` is relative, with `/`. */
export interface AppEntry {
  path: string;
  kind: 'folder' | 'file';
  executable: boolean;
  size: number;
}

/** Called with the content of each file, in the order of the entries. */
export type FileSink = (entry: AppEntry, chunks: AsyncIterable<Buffer>) => Promise<void>;

/**
 * Lists an app folder: plain files and folders only, sorted by the bytes of their paths.
 * @throws BulkheadError PACKAGES_FOLDER_REFUSED for links, devices, sockets, odd names, or too much of anything
 */
export async function listAppFolder(dir: string): Promise<AppEntry[]> {
  const entries: AppEntry[] = [];
  let bytes = 0;
  const visit = async (relative: string, depth: number): Promise<void> => {
    if (depth > APP_LIMITS.depth)
      throw refused(dir, relative, `is deeper than ${String(APP_LIMITS.depth)} folders`);
    for (const name of await readdir(join(dir, relative), { encoding: 'buffer' })) {
      const path = relative === '' ? plainName(dir, name) : `${relative}/${plainName(dir, name)}`;
      if (entries.length >= APP_LIMITS.entries) {
        throw refused(dir, path, `is one of more than ${String(APP_LIMITS.entries)} entries`);
      }
      const stat = await lstat(join(dir, path));
      if (stat.isDirectory()) {
        entries.push({ path, kind: 'folder', executable: true, size: 0 });
        await visit(path, depth + 1);
      } else if (stat.isFile()) {
        bytes += stat.size;
        if (bytes > APP_LIMITS.bytes)
          throw refused(dir, path, `makes it larger than ${String(APP_LIMITS.bytes)} bytes`);
        entries.push({ path, kind: 'file', executable: (stat.mode & 0o100) !== 0, size: stat.size });
      } else {
        throw refused(dir, path, 'is neither a regular file nor a folder');
      }
    }
  };
  await visit('', 0);
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

/**
 * SHA-256 over names, kinds, executable bits and contents of an app folder; owners, times and other mode bits do not
 * count, so that a copy has the digest of its original. `sink` gets the very bytes that are hashed.
 * @throws BulkheadError PACKAGES_FOLDER_REFUSED, PACKAGES_FOLDER_CHANGED
 */
export async function digestAppFolder(dir: string, sink?: FileSink): Promise<string> {
  const total = createHash('sha256').update('bulkhead app 1\n');
  for (const entry of await listAppFolder(dir)) {
    total.update(`${entry.kind} ${entry.executable ? 'x' : '-'} ${JSON.stringify(entry.path)}`);
    if (entry.kind === 'file') total.update(` ${await digestFile(dir, entry, sink)}`);
    else await sink?.(entry, nothing());
    total.update('\n');
  }
  return total.digest('hex');
}

async function digestFile(dir: string, entry: AppEntry, sink: FileSink | undefined): Promise<string> {
  const file = await open(
    join(dir, entry.path),
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  );
  try {
    const hash = createHash('sha256');
    const hashed = hashing(file, dir, entry, (chunk) => hash.update(chunk));
    if (sink === undefined) for await (const _chunk of hashed);
    else await sink(entry, hashed);
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}

async function* hashing(
  file: FileHandle,
  dir: string,
  entry: AppEntry,
  update: (chunk: Buffer) => void,
): AsyncGenerator<Buffer, void, void> {
  const stat = await file.stat();
  if (!stat.isFile() || stat.size !== entry.size) throw changed(dir, entry.path);
  let length = 0;
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > entry.size) throw changed(dir, entry.path);
    update(chunk);
    yield chunk;
  }
  if (length !== entry.size) throw changed(dir, entry.path);
}

async function* nothing(): AsyncGenerator<Buffer, void, void> {
  // a folder has no content
}

function plainName(dir: string, bytes: Buffer): string {
  let name: string;
  try {
    name = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refused(dir, bytes.toString('latin1'), 'has a name that is not UTF-8');
  }
  if (/[\u0000-\u001f\u007f]/.test(name)) throw refused(dir, name, 'has control characters in its name');
  return name;
}

function refused(dir: string, path: string, why: string): BulkheadError {
  return new BulkheadError({
    code: 'PACKAGES_FOLDER_REFUSED',
    message: `The app folder ${dir} is refused: ${JSON.stringify(path.slice(0, 200))} ${why}.`,
    hint: 'An app holds plain files and folders with printable names only.',
    fields: { dir, path: path.slice(0, 200) },
  });
}

/** PACKAGES_FOLDER_CHANGED for one path of `dir`. */
export function changed(dir: string, path: string): BulkheadError {
  return new BulkheadError({
    code: 'PACKAGES_FOLDER_CHANGED',
    message: `The app folder ${dir} changed while it was read, at ${JSON.stringify(path.slice(0, 200))}.`,
    hint: 'Install it again when nothing writes to it any more.',
    fields: { dir, path: path.slice(0, 200) },
  });
}
