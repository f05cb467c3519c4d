import { createHash } from 'node:crypto';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { DownloadJob } from '@bulkhead/sdk';
import { z } from 'zod';
import { replaceFile } from './durable.ts';

const Digest = z.string().regex(/^[0-9a-f]{64}$/);
const VersionShape = {
  sha256: Digest,
  bytes: z.int().min(1),
  etag: z.string().max(512).optional(),
  lastModified: z.string().max(64).optional(),
};

const RecordSchema = z.strictObject({
  /** Of the job that the rest is about; another one begins anew. */
  fingerprint: Digest,
  /** What the receiver has. */
  delivered: z.strictObject(VersionShape).optional(),
  /** Complete and verified in the outbox, not yet taken by the platform. */
  pending: z.strictObject(VersionShape).optional(),
  lastTry: z.iso.datetime().optional(),
  /** When the source was last found to have what the receiver has. */
  lastSuccess: z.iso.datetime().optional(),
  failures: z.int().min(0),
  code: z.string().max(64).optional(),
  message: z.string().max(300).optional(),
});

/** What is remembered of one download. */
export type DownloadRecord = z.output<typeof RecordSchema>;
/** One version of a file, with the validators that it came with. */
export type Version = NonNullable<DownloadRecord['delivered']>;

const FileSchema = z.strictObject({
  version: z.literal(1),
  downloads: z.record(z.string().max(64), RecordSchema),
});

/**
 * What is remembered of the downloads, in `<folder>/state.json`.
 *
 * INVARIANTS: the file is replaced as a whole, one write after the other; what could not be written stays in memory and is
 * written with the next change.
 */
export class State {
  readonly #path: string;
  #records = new Map<string, DownloadRecord>();
  #writes: Promise<void> = Promise.resolve();
  #trouble: string | undefined;

  constructor(folder: string) {
    this.#path = join(folder, 'state.json');
  }

  /** Why the last write failed. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Reads what was remembered. A damaged file is set aside: everything is fetched anew. @returns whether it was damaged */
  async open(): Promise<boolean> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    try {
      this.#records = new Map(Object.entries(FileSchema.parse(JSON.parse(text)).downloads));
      return false;
    } catch {
      await rename(this.#path, `${this.#path}.damaged`);
      return true;
    }
  }

  get(id: string): DownloadRecord | undefined {
    return this.#records.get(id);
  }

  all(): ReadonlyMap<string, DownloadRecord> {
    return this.#records;
  }

  /** Remembers; resolves when it is durable or could not be made so. */
  async set(id: string, record: DownloadRecord): Promise<void> {
    this.#records.set(id, record);
    await this.#write();
  }

  async remove(id: string): Promise<void> {
    if (this.#records.delete(id)) await this.#write();
  }

  async #write(): Promise<void> {
    const write = this.#writes.then(async () => {
      try {
        const downloads = Object.fromEntries(this.#records);
        await replaceFile(this.#path, JSON.stringify({ version: 1, downloads }));
        this.#trouble = undefined;
      } catch (error) {
        this.#trouble = error instanceof Error ? error.message : String(error);
      }
    });
    this.#writes = write;
    await write;
  }
}

/** What of a job decides which file comes of it. How often, and how large it may be, does not. */
export function fingerprintOf(job: DownloadJob): string {
  const { url, redirectHosts, sha256, sha256Url, signatureKey, ca } = job;
  return createHash('sha256')
    .update(JSON.stringify([url, redirectHosts, sha256, sha256Url, signatureKey, ca]))
    .digest('hex');
}
