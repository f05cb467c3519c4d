import { link, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../kernel/index.ts';

/** Where the files are that are guarded; both folders on one file system. */
export interface GuardPlaces {
  /** The server's folder with one folder for each stream. */
  streamsDir: string;
  /** Where second names of its files stand while the server starts. */
  guardDir: string;
}

/**
 * Keeps nats-server from losing a stream while it starts on it. Seen with 2.15.1: a stream that it cannot recover is
 * *deleted*, files and all. A power cut is enough: a new block of messages is made as an empty `N.blk`, then its key `N.key`;
 * a cut between the two leaves a block without a key, which the server calls a corrupt state file.
 *
 * INVARIANTS: `prepare` only while no server runs on the store; until `release`, every file that was there has a second name
 * here, so what the server removes can be put back. A guard that a crash left over is the only copy of what is missing.
 */
export class StoreGuard {
  readonly #places: GuardPlaces;

  constructor(places: GuardPlaces) {
    this.#places = places;
  }

  /** Before the server starts. @returns blocks that were removed: begun, and never written to */
  async prepare(): Promise<string[]> {
    const { streamsDir, guardDir } = this.#places;
    for (const stream of await foldersIn(guardDir)) await this.putBack(stream);
    await rm(guardDir, { recursive: true, force: true });
    const removed: string[] = [];
    for (const stream of await foldersIn(streamsDir)) {
      removed.push(...(await removeUnfinishedBlocks(join(streamsDir, stream, 'msgs'))));
      await linkTree(join(streamsDir, stream), join(guardDir, stream));
    }
    return removed;
  }

  /** Gives a stream its files again when the server removed them. Call while no server runs. @returns whether it did */
  async putBack(stream: string): Promise<boolean> {
    const [from, to] = [join(this.#places.guardDir, stream), join(this.#places.streamsDir, stream)];
    if (!(await exists(from)) || (await exists(to))) return false;
    await rename(from, to);
    return true;
  }

  /** When a stream was set aside: what has another place must not come back. */
  async forget(stream: string): Promise<void> {
    await rm(join(this.#places.guardDir, stream), { recursive: true, force: true });
  }

  /** When the server shows everything that should be there. */
  async release(): Promise<void> {
    await rm(this.#places.guardDir, { recursive: true, force: true });
  }
}

/**
 * An empty block without a key holds nothing that was acknowledged: a message is written only when the key is on the disk.
 * Blocks in the clear have no keys at all.
 */
async function removeUnfinishedBlocks(dir: string): Promise<string[]> {
  const names = new Set(await namesIn(dir));
  const removed: string[] = [];
  if (![...names].some((name) => /^\d+\.key$/.test(name))) return removed;
  for (const name of names) {
    const path = join(dir, name);
    if (/^\d+\.key\.tmp$/.test(name)) await rm(path, { force: true });
    if (!/^\d+\.blk$/.test(name) || names.has(name.replace('.blk', '.key'))) continue;
    const { size } = await lstat(path);
    if (size > 0) continue;
    await rm(path);
    removed.push(path);
  }
  return removed;
}

async function linkTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target);
    else if (entry.isFile()) await link(source, target);
  }
}

async function foldersIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(whenMissing([]));
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function namesIn(dir: string): Promise<string[]> {
  return readdir(dir).catch(whenMissing([]));
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(whenMissing(undefined))) !== undefined;
}

function whenMissing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (hasCode(error, 'ENOENT')) return value;
    throw error;
  };
}
