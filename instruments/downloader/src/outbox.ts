import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './durable.ts';
import { volumeError } from './errors.ts';

/**
 * `persistent/outbox/<sha256>`: complete and verified files, for the platform to take. Two downloads with the same content share
 * one, which stays until both were delivered.
 */
export class Outbox {
  readonly #folder: string;
  /** Downloads that wait for a file to be taken. */
  readonly #wanted = new Map<string, Set<string>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Moves a file in, which must be durable, and keeps it for a download. @throws DownloadError DOWNLOADER_VOLUME_FAILED */
  async place(path: string, sha256: string, id: string): Promise<void> {
    this.keep(sha256, id);
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await rename(path, join(this.#folder, sha256));
      await syncFolder(this.#folder);
    } catch (error) {
      throw volumeError(error);
    }
  }

  /** A file that is there since before a restart is still wanted. */
  keep(sha256: string, id: string): void {
    const wanting = this.#wanted.get(sha256) ?? new Set();
    this.#wanted.set(sha256, wanting.add(id));
  }

  async holds(sha256: string, bytes: number): Promise<boolean> {
    const found = await stat(join(this.#folder, sha256)).catch(() => undefined);
    return found?.isFile() === true && found.size === bytes;
  }

  /** A download does not need a file any more; it goes when no other does. */
  async release(sha256: string, id: string): Promise<void> {
    const wanting = this.#wanted.get(sha256);
    wanting?.delete(id);
    if (wanting !== undefined && wanting.size > 0) return;
    this.#wanted.delete(sha256);
    await rm(join(this.#folder, sha256), { force: true });
  }

  /** Removes what no download waits for: remains of a crash. */
  async sweep(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names) {
      if (!this.#wanted.has(name)) await rm(join(this.#folder, name), { force: true, recursive: true });
    }
  }
}
