import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, hasCode, writeFileAtomic, type Logger } from '../kernel/index.ts';
import {
  MAX_REVISION_BYTES,
  parsePointer,
  parseResult,
  parseRevision,
  textDigest,
  type Revision,
  type RevisionResult,
} from './revisions-format.ts';

/** A revision and what became of it; no result = it is being brought in force, or the sensor was killed while it was. */
export interface RevisionRecord {
  revision: Revision;
  result: RevisionResult | undefined;
}

/** What the store keeps at most; what is in force is always kept. */
export interface RevisionBounds {
  count: number;
  bytes: number;
}

const BOUNDS: RevisionBounds = { count: 1000, bytes: 64 << 20 };
const REVISION_FILE = /^([1-9][0-9]{0,8})\.json$/;
const POINTER_FILE = 'current';
/** Digest of the configuration file when it was last imported, whether that went well or not. */
const IMPORTED_FILE = 'imported';

/**
 * The numbered revisions of a sensor's configuration, one file each, and the pointer to the one in force.
 *
 * INVARIANTS: one process, calls one after another; a revision file is written once; a revision is in force when the
 * pointer says so and from no earlier moment; every write is atomic and on disk when the call returns. Files that are
 * not whole are passed over and never written over.
 */
export class RevisionStore {
  readonly #dir: string;
  readonly #log: Logger;
  readonly #bounds: RevisionBounds;
  readonly #known = new Map<number, RevisionRecord & { bytes: number }>();
  /** Numbers that some file claims, readable or not. */
  readonly #taken = new Set<number>();
  #current: number | undefined;
  #fault: string | undefined;

  private constructor(dir: string, log: Logger, bounds: RevisionBounds) {
    this.#dir = dir;
    this.#log = log;
    this.#bounds = bounds;
  }

  /**
   * Reads what is there. The revision in force is the one that the pointer names; when the pointer or that revision is
   * damaged, the newest one that was applied. Revisions that a killed sensor left open are closed as failed.
   */
  static async open(dir: string, log: Logger, bounds = BOUNDS): Promise<RevisionStore> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const store = new RevisionStore(dir, log, bounds);
    await store.#load();
    return store;
  }

  /** The revision in force; undefined before the first. */
  get current(): Revision | undefined {
    return this.#current === undefined ? undefined : this.#known.get(this.#current)?.revision;
  }

  /** In words, when what was in force could not be read and something older had to be taken. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** All that can be read, oldest first. */
  list(): RevisionRecord[] {
    return [...this.#known.values()].sort((a, b) => a.revision.number - b.revision.number);
  }

  /** @throws BulkheadError SENSORD_REVISION_UNKNOWN */
  get(number: number): RevisionRecord {
    const found = this.#known.get(number);
    if (found !== undefined) return found;
    throw new BulkheadError({
      code: 'SENSORD_REVISION_UNKNOWN',
      message: `There is no revision ${String(number)} of the configuration, or it cannot be read.`,
      hint: '`bulkhead config history` lists those that are kept.',
      fields: { revision: number },
    });
  }

  /** The newest revision before the one in force that was applied; what `rollback --last` goes to. */
  get previous(): Revision | undefined {
    return this.list()
      .filter(({ revision, result }) => result?.state === 'applied' && revision.number < (this.#current ?? 0))
      .at(-1)?.revision;
  }

  /** Stores a new revision, not yet in force. */
  async begin(given: Omit<Revision, 'version' | 'number' | 'documentSha256' | 'time'>): Promise<Revision> {
    let number = Math.max(this.#current ?? 0, ...this.#known.keys()) + 1;
    while (this.#taken.has(number)) number += 1;
    const revision: Revision = Object.freeze({
      version: 1,
      number,
      documentSha256: textDigest(given.document),
      time: new Date().toISOString(),
      ...given,
    });
    const text = `${JSON.stringify(revision)}\n`;
    await writeFileAtomic(this.#file(number), text);
    this.#taken.add(number);
    this.#known.set(number, { revision, result: undefined, bytes: text.length });
    return revision;
  }

  /** From now on this revision is the one in force, also after a power cut. */
  async commit(number: number): Promise<void> {
    this.get(number);
    await writeFileAtomic(
      join(this.#dir, POINTER_FILE),
      `${JSON.stringify({ version: 1, revision: number })}\n`,
    );
    this.#current = number;
    await this.#close(number, { state: 'applied', time: new Date().toISOString() });
    await this.#prune().catch((error: unknown) => {
      this.#log.warn({ err: error }, 'old revisions could not be removed');
    });
  }

  /** The revision was tried and is not in force. */
  async fail(number: number, error: string): Promise<void> {
    await this.#close(number, {
      state: 'failed',
      time: new Date().toISOString(),
      error: error.slice(0, 4000),
      ...(this.#current === undefined ? {} : { rolledBackTo: this.#current }),
    });
  }

  /** Digest of the configuration file when it was last imported. */
  async imported(): Promise<string | undefined> {
    return (await this.#read(join(this.#dir, IMPORTED_FILE)))?.trim();
  }

  async noteImported(digest: string): Promise<void> {
    await writeFileAtomic(join(this.#dir, IMPORTED_FILE), `${digest}\n`);
  }

  async #load(): Promise<void> {
    for (const name of await readdir(this.#dir)) {
      const number = Number(REVISION_FILE.exec(name)?.[1] ?? Number.NaN);
      if (Number.isNaN(number)) continue;
      this.#taken.add(number);
      const text = await this.#read(join(this.#dir, name));
      const revision = text === undefined ? undefined : parseRevision(text, number);
      if (text === undefined || revision === undefined) {
        this.#log.warn(
          { file: name },
          'a stored revision of the configuration is damaged and was passed over',
        );
        continue;
      }
      const result = parseResult((await this.#read(this.#resultFile(number))) ?? '');
      this.#known.set(number, { revision, result, bytes: text.length });
    }
    const pointed = parsePointer((await this.#read(join(this.#dir, POINTER_FILE))) ?? '');
    // A commit that failed half-way may have left its pointer; the result, written after the way back, is then right.
    const good = pointed !== undefined && this.#known.get(pointed)?.result?.state !== 'failed';
    this.#current = good && this.#known.has(pointed) ? pointed : this.#newestApplied();
    if (this.#current !== pointed) {
      const was = pointed === undefined ? '' : ` (revision ${String(pointed)})`;
      const now =
        this.#current === undefined
          ? 'the file is read again'
          : `revision ${String(this.#current)} is in force`;
      this.#fault = `the configuration that was in force${was} is damaged on disk; ${now}`;
      this.#log.error({ pointed, taken: this.#current }, this.#fault);
    }
    await this.#closeInterrupted();
  }

  #newestApplied(): number | undefined {
    return this.list()
      .filter(({ result }) => result?.state === 'applied')
      .at(-1)?.revision.number;
  }

  async #closeInterrupted(): Promise<void> {
    for (const { revision, result } of this.list()) {
      if (result !== undefined) continue;
      const { number } = revision;
      if (number === this.#current) {
        await this.#close(number, { state: 'applied', time: new Date().toISOString() });
      } else {
        await this.fail(number, 'the sensor ended while this revision was being brought in force');
      }
    }
  }

  /** The pointer decides what is in force; a result that cannot be written is made up for at the next start. */
  async #close(number: number, result: RevisionResult): Promise<void> {
    const record = this.get(number);
    this.#known.set(number, { ...record, result, bytes: this.#known.get(number)?.bytes ?? 0 });
    await writeFileAtomic(this.#resultFile(number), `${JSON.stringify(result)}\n`).catch((error: unknown) => {
      this.#log.error({ err: error, revision: number }, 'the result of a revision could not be stored');
    });
  }

  async #prune(): Promise<void> {
    const all = [...this.#known.values()].sort((a, b) => a.revision.number - b.revision.number);
    let { length } = all;
    let bytes = all.reduce((sum, record) => sum + record.bytes, 0);
    for (const record of all) {
      if (length <= this.#bounds.count && bytes <= this.#bounds.bytes) return;
      const { number } = record.revision;
      if (number === this.#current) continue;
      await rm(this.#file(number), { force: true });
      await rm(this.#resultFile(number), { force: true });
      this.#known.delete(number);
      length -= 1;
      bytes -= record.bytes;
    }
  }

  /** A plain, bounded file; anything else is as good as absent. */
  async #read(path: string): Promise<string | undefined> {
    try {
      if (!(await lstat(path)).isFile()) return undefined;
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const { size } = await file.stat();
        return size > MAX_REVISION_BYTES ? undefined : await file.readFile('utf8');
      } finally {
        await file.close();
      }
    } catch (error) {
      if (!hasCode(error, 'ENOENT'))
        this.#log.warn({ err: error, path }, 'a file of the history cannot be read');
      return undefined;
    }
  }

  #file(number: number): string {
    return join(this.#dir, `${String(number)}.json`);
  }
  #resultFile(number: number): string {
    return join(this.#dir, `${String(number)}.result`);
  }
}
