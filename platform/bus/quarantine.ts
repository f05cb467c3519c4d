import { constants } from 'node:fs';
import { chown, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../kernel/index.ts';

/** Folders that are kept, and their bytes in all; the newest is kept whatever its size. */
const KEPT = { folders: 8, bytes: 2 * 1024 ** 3 };

/** What describes a stream beside its messages; without any of it the server passes over the stream. */
const DESCRIPTION = ['meta.inf', 'meta.sum', 'meta.key'] as const;
const DESCRIPTION_BYTES = 256 * 1024;

/** Where the quarantine and what it deals with lie. */
export interface QuarantinePlaces {
  /** The server's folder with one folder for each stream. */
  streamsDir: string;
  quarantineDir: string;
  /** Copies of the streams' descriptions. */
  copiesDir: string;
  /** Owner of what is put back. */
  serverId: number;
}

/**
 * Sets damaged parts of the store aside for whoever wants to look at them, and puts back what there is a copy of. Files
 * are the server's: they are opened without following links, bounded, and never while the server runs.
 */
export class Quarantine {
  readonly #places: QuarantinePlaces;

  constructor(places: QuarantinePlaces) {
    this.#places = places;
  }

  /** Streams whose folders there are. */
  async folders(): Promise<string[]> {
    const entries = await readdir(this.#places.streamsDir, { withFileTypes: true }).catch(whenMissing([]));
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  /** Moves a stream's folder away; returns where to, or undefined when there is none. */
  async setAside(stream: string): Promise<string | undefined> {
    const from = join(this.#places.streamsDir, stream);
    if ((await lstat(from).catch(whenMissing(undefined))) === undefined) return undefined;
    const to = await this.#room(stream);
    await rename(from, join(to, stream));
    await this.#prune();
    return to;
  }

  /** Keeps a copy of the descriptions of streams that are readable now. */
  async copyDescriptions(streams: readonly string[]): Promise<void> {
    for (const stream of streams) {
      for (const name of DESCRIPTION) {
        const content = await readBounded(join(this.#places.streamsDir, stream, name));
        const copy = join(this.#places.copiesDir, stream, name);
        if (content === undefined || (await readBounded(copy))?.equals(content) === true) continue;
        await writeFileAtomic(copy, content);
      }
    }
  }

  /** Puts a stream's description back; the damaged one is set aside. False when there is no copy, or no folder. */
  async restoreDescription(stream: string): Promise<boolean> {
    const folder = join(this.#places.streamsDir, stream);
    const there = await lstat(folder).catch(whenMissing(undefined));
    const copies = new Map<string, Buffer>();
    for (const name of DESCRIPTION) {
      const content = await readBounded(join(this.#places.copiesDir, stream, name));
      if (content !== undefined) copies.set(name, content);
    }
    if (there?.isDirectory() !== true || copies.size === 0) return false;
    const aside = await this.#room(`${stream}-description`);
    for (const [name, content] of copies) {
      await rename(join(folder, name), join(aside, name)).catch(whenMissing(undefined));
      await this.#put(join(folder, name), content);
    }
    await this.#prune();
    return true;
  }

  /** What lies in quarantine, oldest first. */
  async list(): Promise<string[]> {
    return (await readdir(this.#places.quarantineDir).catch(whenMissing([]))).sort(byTime);
  }

  async #room(what: string): Promise<string> {
    const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
    for (let n = 0; ; n += 1) {
      const path = join(this.#places.quarantineDir, `${what}-${time}${n === 0 ? '' : `.${String(n)}`}`);
      await mkdir(this.#places.quarantineDir, { recursive: true, mode: 0o700 });
      try {
        await mkdir(path, { mode: 0o700 });
        return path;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  async #put(path: string, content: Buffer): Promise<void> {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    if (process.getuid?.() === 0) await chown(path, this.#places.serverId, this.#places.serverId);
  }

  async #prune(): Promise<void> {
    let bytes = 0;
    for (const [index, name] of (await this.list()).reverse().entries()) {
      const path = join(this.#places.quarantineDir, name);
      bytes += await bytesBelow(path);
      if (index > 0 && (index >= KEPT.folders || bytes > KEPT.bytes)) await rm(path, { recursive: true });
    }
  }
}

/** Names end in the time at which the folder was made. */
function byTime(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => name.slice(name.lastIndexOf('-') + 1));
  return (left ?? '') < (right ?? '') ? -1 : 1;
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => (await lstat(join(entry.parentPath, entry.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** A small regular file; undefined when it is missing, a link or larger than a description can be. */
async function readBounded(path: string): Promise<Buffer | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const state = await file.stat();
      return state.isFile() && state.size <= DESCRIPTION_BYTES ? await file.readFile() : undefined;
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function whenMissing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return value;
    throw error;
  };
}
