import { createHash, type Hash } from 'node:crypto';
import { mkdir, open, readFile, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from './durable.ts';
import { DownloadError, volumeError } from './errors.ts';
import type { TransferLimits } from './limits.ts';

const NoteSchema = z.strictObject({
  /** Of the job that it is a part for. */
  fingerprint: z.string().max(64),
  /** What stands in `If-Range`. */
  validator: z.string().max(512),
  /** Durable from the start of the file; later bytes are not believed. */
  bytes: z.int().min(1),
  total: z.int().min(1),
});
export type PartNote = z.output<typeof NoteSchema>;

/**
 * The part of one download that has arrived: `<folder>/<key>`, and `<key>.json`, which says what of it is durable and by which
 * validator the rest may be asked for. Survives a crash; one transfer at a time writes it.
 */
export class PartialFile {
  readonly path: string;
  readonly #note: string;
  readonly #folder: string;

  constructor(folder: string, id: string) {
    this.#folder = folder;
    this.path = join(folder, keyOf(id));
    this.#note = `${this.path}.json`;
  }

  /** What can be resumed, of this very job. */
  async saved(fingerprint: string): Promise<PartNote | undefined> {
    try {
      const note = NoteSchema.parse(JSON.parse(await readFile(this.#note, 'utf8')));
      const { size } = await stat(this.path);
      const isPart = note.bytes < note.total && note.bytes <= size;
      return isPart && note.fingerprint === fingerprint ? note : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * Opens it for writing, after what is kept of it.
   * @param resume From {@link saved}; undefined begins anew.
   */
  async write(resume: PartNote | undefined, limits: TransferLimits): Promise<PartWriter> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      if (resume === undefined) await this.remove();
      const handle = await open(this.path, resume === undefined ? 'w+' : 'r+', 0o600);
      const writer = new PartWriter(handle, this.#note, this.#folder, limits);
      if (resume !== undefined) await writer.take(resume);
      return writer;
    } catch (error) {
      throw volumeError(error);
    }
  }

  async remove(): Promise<void> {
    await rm(this.#note, { force: true });
    await rm(this.path, { force: true });
  }
}

/** Name of a download's files, which an id with a slash cannot be. */
export function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 32);
}

/** Writes one partial file. Call {@link close} in any case. */
export class PartWriter {
  bytes = 0;
  readonly #handle: FileHandle;
  readonly #notePath: string;
  readonly #folder: string;
  readonly #limits: TransferLimits;
  readonly #hash: Hash = createHash('sha256');
  #sinceCheckpoint = 0;
  #note: Omit<PartNote, 'bytes'> | undefined;

  constructor(handle: FileHandle, notePath: string, folder: string, limits: TransferLimits) {
    this.#handle = handle;
    this.#notePath = notePath;
    this.#folder = folder;
    this.#limits = limits;
  }

  /** Takes over what is durable of an earlier transfer. */
  async take(note: PartNote): Promise<void> {
    await this.#handle.truncate(note.bytes);
    for await (const chunk of this.#handle.createReadStream({
      start: 0,
      end: note.bytes - 1,
      autoClose: false,
    }) as AsyncIterable<Buffer>) {
      this.#hash.update(chunk);
      this.bytes += chunk.length;
    }
    if (this.bytes !== note.bytes) {
      throw new DownloadError('DOWNLOADER_VOLUME_FAILED', 'A partial file is shorter than it was.');
    }
  }

  /** From here on what arrives can be resumed; undefined: it cannot. */
  resumable(note: Omit<PartNote, 'bytes'> | undefined): void {
    this.#note = note;
  }

  /** @throws DownloadError DOWNLOADER_NO_ROOM */
  async checkRoom(expectedBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder);
    if (bavail * bsize < expectedBytes + this.#limits.reserveBytes) {
      throw new DownloadError(
        'DOWNLOADER_NO_ROOM',
        `The volume has ${String(Math.floor((bavail * bsize) / 1048576))} MiB left, which is too little for this file.`,
      );
    }
  }

  async write(chunk: Buffer): Promise<void> {
    try {
      let done = 0;
      while (done < chunk.length) {
        const { bytesWritten } = await this.#handle.write(
          chunk,
          done,
          chunk.length - done,
          this.bytes + done,
        );
        done += bytesWritten;
      }
      this.#hash.update(chunk);
      this.bytes += chunk.length;
      this.#sinceCheckpoint += chunk.length;
      if (this.#sinceCheckpoint < this.#limits.checkpointBytes) return;
      await this.checkRoom(0);
      await this.checkpoint();
    } catch (error) {
      throw volumeError(error);
    }
  }

  /** Makes what arrived durable, and notes that. */
  async checkpoint(): Promise<void> {
    this.#sinceCheckpoint = 0;
    await this.#handle.datasync();
    if (this.#note === undefined || this.bytes === 0) return;
    await replaceFile(this.#notePath, JSON.stringify({ ...this.#note, bytes: this.bytes }));
  }

  /** Makes the whole file durable. @returns its SHA-256 */
  async finish(): Promise<string> {
    try {
      await this.#handle.sync();
    } catch (error) {
      throw volumeError(error);
    }
    return this.#hash.digest('hex');
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
  }
}
