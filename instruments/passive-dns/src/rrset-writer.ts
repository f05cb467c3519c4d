import type { Entry } from './entry.ts';
import type { Database } from './database.ts';
import { openFacts, type Facts } from './facts.ts';
import { reversedName, suffixOf } from './names.ts';
import { Shedding } from './shedding.ts';

/** Bounds of the database. */
export interface Bounds {
  maxRecords: number;
  maxRecordsPerSuffix: number;
  /** Bytes that the database may take; the write-ahead log and a reserve come on top. */
  maxBytes: number;
}

/** What is written at once. */
export interface Step {
  /** Their held observations are written. */
  entries: readonly Entry[];
  /** Messages that these came in. */
  messages: readonly string[];
  /** Last step of the journal that is in it. */
  sequence: number;
}

/** Messages that are remembered, to know a repetition: far more than can be delivered again. */
export const REMEMBERED = 16_384;
/** Part of a suffix that is shed at once, and of the whole. */
const SHED_SUFFIX = 0.1;
const SHED_ALL = 0.01;
/** Most that one commit sheds of the whole: it must not make the bus wait. */
const SHED_MOST = 4_000;
/** Entries that are written without letting other work in between: a few ms. */
const SLICE = 512;

/** A transaction that is being written. */
interface Writing {
  slices: Iterator<undefined>;
  done: boolean;
  error: unknown;
}

/**
 * Writes what was added up.
 *
 * INVARIANT: observations and the messages that they came in are one transaction, and so are the counts of records: after a
 * crash both are there or neither is. One transaction at a time; between its slices lookups go on, and whoever else writes
 * ends it first ({@link finish}).
 */
export class RrsetWriter {
  readonly facts: Facts;
  readonly #db: Database;
  readonly #shedding: Shedding;
  readonly #update;
  readonly #find;
  readonly #insert;
  readonly #countSuffix;
  readonly #remember;
  #records: number;
  #slot: number;
  #shed: number;
  #writing: Writing | undefined;

  constructor(db: Database) {
    this.#db = db;
    this.facts = openFacts(db);
    this.#shedding = new Shedding(db);
    this.#records = this.facts.get('records') ?? 0;
    this.#slot = this.facts.get('slot') ?? 0;
    this.#shed = this.facts.get('shed') ?? 0;
    this.#update = db.prepare<[number, number, number, number]>(
      `UPDATE rrsets SET time_first = min(time_first, ?), time_last = max(time_last, ?), count = count + ?
       WHERE id = ?`,
    );
    this.#find = db.prepare<[string, string, string], { id: number }>(
      'SELECT id FROM rrsets WHERE reversed = ? AND rrtype = ? AND rdata = ?',
    );
    this.#insert = db.prepare<[string, string, string, number, number, number]>(
      'INSERT INTO rrsets (reversed, rrtype, rdata, time_first, time_last, count) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#countSuffix = db.prepare<[string], { records: number }>(
      `INSERT INTO suffixes (suffix, records) VALUES (?, 1)
       ON CONFLICT DO UPDATE SET records = records + 1 RETURNING records`,
    );
    this.#remember = db.prepare<[number, string]>(
      'INSERT OR REPLACE INTO seen (slot, message) VALUES (?, ?)',
    );
  }

  /** Records in the database. */
  get records(): number {
    return this.#records;
  }

  /** Records that a bound cost, since the database was made. */
  get shed(): number {
    return this.#shed;
  }

  /** Messages that were stored lately, oldest first. */
  remembered(): string[] {
    const rows = this.#db
      .prepare<[], { slot: number; message: string }>('SELECT slot, message FROM seen ORDER BY slot')
      .all();
    const at = this.#slot % REMEMBERED;
    return [...rows.filter(({ slot }) => slot >= at), ...rows.filter(({ slot }) => slot < at)].map(
      ({ message }) => message,
    );
  }

  /**
   * Stores entries and messages durably, or not at all.
   * @throws SqliteError
   */
  async store(step: Step, bounds: Bounds): Promise<void> {
    this.finish();
    const writing: Writing = { slices: this.#slices(step, bounds), done: false, error: undefined };
    this.#writing = writing;
    while (this.#advance(writing)) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    if (writing.error !== undefined) throw writing.error as Error;
  }

  /** Ends what is being written without a pause. Its failure is told to who called {@link store}. */
  finish(): void {
    const writing = this.#writing;
    while (writing !== undefined && this.#advance(writing));
  }

  /** Deletes rows in a transaction of their own. */
  remove(rows: Iterable<number>): number {
    this.finish();
    const before = this.#records;
    try {
      return this.#db.transaction(() => {
        const removed = this.#shedding.remove(rows);
        this.#records -= removed;
        this.facts.set('records', this.#records);
        return removed;
      })();
    } catch (error) {
      this.#records = before;
      throw error;
    }
  }

  /** Writes one slice. @returns whether there is more */
  #advance(writing: Writing): boolean {
    if (writing.done) return false;
    try {
      if (writing.slices.next().done !== true) return true;
    } catch (error) {
      writing.error = error;
    }
    writing.done = true;
    this.#writing = undefined;
    return false;
  }

  *#slices(step: Step, bounds: Bounds): Generator<undefined, void> {
    const before = [this.#records, this.#slot, this.#shed] as const;
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const crowded = new Map<string, number>();
      // In the order of rows a page is met once.
      const entries = [...step.entries].sort((a, b) => a.row - b.row);
      for (let at = 0; at < entries.length; at += SLICE) {
        if (at > 0) yield;
        for (const entry of entries.slice(at, at + SLICE)) this.#put(entry, bounds, crowded);
      }
      this.#end(step, bounds, crowded);
      this.#db.exec('COMMIT');
    } catch (error) {
      [this.#records, this.#slot, this.#shed] = before;
      // Rows that were made in this transaction are not there.
      for (const entry of step.entries) entry.row = 0;
      // SQLite ends a transaction by itself after some errors.
      if (this.#db.open && this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #end({ entries, messages, sequence }: Step, bounds: Bounds, crowded: ReadonlyMap<string, number>): void {
    for (const message of messages) {
      this.#remember.run(this.#slot % REMEMBERED, message);
      this.#slot += 1;
    }
    let shed = 0;
    for (const [suffix, records] of crowded) {
      const over = records - bounds.maxRecordsPerSuffix;
      shed += this.#shedding.fromSuffix(suffix, over + Math.ceil(bounds.maxRecordsPerSuffix * SHED_SUFFIX));
    }
    const over = this.#overAll(this.#records - shed, bounds);
    if (over > 0) {
      const most = Math.max(SHED_MOST, entries.length);
      shed += this.#shedding.fromAll(Math.min(over + Math.ceil(this.#records * SHED_ALL), most));
    }
    this.#records -= shed;
    this.#shed += shed;
    this.facts.set('records', this.#records);
    this.facts.set('slot', this.#slot);
    this.facts.set('journal', sequence);
    if (shed > 0) this.facts.set('shed', this.#shed);
  }

  /** Writes one entry; a suffix that holds more than it may is noted with its number of records. */
  #put(entry: Entry, bounds: Bounds, crowded: Map<string, number>): void {
    const { observation, heldFirst: first, heldLast: last, heldCount: count } = entry;
    if (entry.row !== 0 && this.#update.run(first, last, count, entry.row).changes > 0) return;
    const reversed = reversedName(observation.rrname);
    const found = this.#find.get(reversed, observation.rrtype, observation.rdata);
    if (found !== undefined) {
      entry.row = found.id;
      this.#update.run(first, last, count, found.id);
      return;
    }
    const { rrtype, rdata } = observation;
    entry.row = Number(this.#insert.run(reversed, rrtype, rdata, first, last, count).lastInsertRowid);
    this.#records += 1;
    const suffix = suffixOf(reversed);
    const { records = 0 } = this.#countSuffix.get(suffix) ?? {};
    if (records > bounds.maxRecordsPerSuffix) crowded.set(suffix, records);
  }

  /** How many of `records` are too many, by number or by bytes. */
  #overAll(records: number, bounds: Bounds): number {
    const bytes = this.#bytes();
    const byBytes = bytes > bounds.maxBytes ? Math.ceil(records * (1 - bounds.maxBytes / bytes)) : 0;
    return Math.max(records - bounds.maxRecords, byBytes);
  }

  /** Bytes of pages in use. */
  #bytes(): number {
    const pragma = (name: string) => this.#db.pragma(name, { simple: true }) as number;
    return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
  }
}
