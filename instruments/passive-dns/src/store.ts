import { Coalescer } from './coalescer.ts';
import {
  dropDamaged,
  isDamage,
  isNoRoom,
  openDatabase,
  setDamagedAside,
  type Database,
  type DatabasePlace,
} from './database.ts';
import { DnsLines } from './dns-lines.ts';
import { PassiveDnsError, saidBy } from './errors.ts';
import { Journal, type JournalEntry } from './journal.ts';
import { RecentKeys } from './recent-keys.ts';
import { RrsetWriter, type Bounds } from './rrset-writer.ts';

/** One message of `dns` events. */
export interface Message {
  /** The same whenever the message is delivered. */
  key: string;
  /** NDJSON. */
  text: string;
  /** When it was packed, ISO 8601. */
  time: string;
}

/** What the store is told and tells. */
export interface StoreOptions extends DatabasePlace {
  bounds: () => Bounds;
  warn: (message: string, fields: Record<string, unknown>) => void;
}

interface Waiting {
  done: Promise<void>;
  resolve: () => void;
}

/** A message waits so long for others before they are made durable together; fewer wait when many come. */
const GATHER_MS = 20;
const GATHER_MESSAGES = 32;
/** What is in the journal goes into the database after this long, or when it is so many records or bytes. */
const APPLY_MS = 1_000;
const APPLY_MOST = { entries: 150_000, bytes: 64 * 1024 * 1024 } as const;
/** When it is that many after that time, it waits longer: what is seen all the time is then written once for much. */
const BUSY = { entries: 10_000, ms: 5_000 } as const;
/** After a failure it is tried again after this long, doubled up to the most. */
const RETRY_MS = { first: 250, most: 5_000 } as const;

/**
 * What was seen: in memory, in the journal, in the database.
 *
 * INVARIANTS: `take` resolves after the message is in the journal or the database, and never before; a message whose key
 * was stored before counts nothing. One loop does all writing, one step at a time: it journals a batch, then perhaps applies; nothing is
 * applied while a batch waits for the journal. While nothing can be written, what was taken stays in memory and is
 * tried again (the bus hands out a bounded number of messages before it is answered). A damaged database is set aside and a new
 * one begun.
 */
export class DnsStore {
  readonly counters = { observations: 0, messages: 0, repeated: 0, malformed: 0, commits: 0, failures: 0 };
  readonly #options: StoreOptions;
  readonly #coalescer = new Coalescer();
  readonly #lines = new DnsLines(this.#coalescer);
  readonly #seen = new RecentKeys();
  readonly #pending = new Map<string, Waiting>();
  #batch: { step: JournalEntry; waiting: Map<string, Waiting> } | undefined;
  /** Messages in the journal and not in the database, and the last step of the journal. */
  #heldMessages: string[] = [];
  #sequence = 0;
  #db: Database | undefined;
  #writer: RrsetWriter | undefined;
  #journal: Journal | undefined;
  #trouble: string | undefined;
  #gather: NodeJS.Timeout | undefined;
  #applyAt = Infinity;
  /** So much is held that applying it was put off. */
  #busy = false;
  #loop: Promise<void> | undefined;
  #retry: { ms: number; timer: NodeJS.Timeout | undefined } = { ms: RETRY_MS.first, timer: undefined };
  #damaged = 0;
  #closed = false;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** Opens what is there. Does not reject: what does not go is said by {@link trouble} and tried again. */
  async open(): Promise<void> {
    await this.#work();
  }

  /** Why nothing can be stored at the moment. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Messages that are not durable yet. */
  get waiting(): number {
    return this.#pending.size + (this.#batch?.waiting.size ?? 0);
  }

  get writer(): RrsetWriter | undefined {
    return this.#writer;
  }

  /** Takes one message; resolves when it is durable. */
  async take(message: Message): Promise<void> {
    const { key } = message;
    if (this.#seen.has(key)) {
      this.counters.repeated += 1;
      return;
    }
    const known = this.#pending.get(key) ?? this.#batch?.waiting.get(key);
    if (known !== undefined) {
      this.counters.repeated += 1;
      return known.done;
    }
    let resolve = (): void => undefined;
    const done = new Promise<void>((settled) => {
      resolve = settled;
    });
    this.#pending.set(key, { done, resolve });
    const read = this.#lines.read(message.text, message.time, Date.now());
    this.counters.messages += 1;
    this.counters.observations += read.observations;
    this.counters.malformed += read.malformed;
    if (this.#pending.size >= GATHER_MESSAGES) this.#begin();
    else this.#gather ??= setTimeout(this.#begin, GATHER_MS);
    return done;
  }

  /** Marks a message of another kind as done; resolves when that is durable. */
  async mark(key: string): Promise<void> {
    return this.take({ key, text: '', time: '' });
  }

  /** Whether a message was stored lately. */
  knows(key: string): boolean {
    return this.#seen.has(key);
  }

  /**
   * Brings all that was taken so far into the database.
   * @throws PassiveDnsError PASSIVE_DNS_UNAVAILABLE when that does not go
   */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) {
      this.#applyAt = 0;
      await this.#work();
      if (this.#trouble !== undefined) throw this.#unavailable();
      if (this.#pending.size === 0 && this.#coalescer.held.length === 0) return;
    }
  }

  /** Whether so much is written that it was put off for longer than usual. */
  get behind(): boolean {
    return this.#busy;
  }

  /** Deletes rows. @throws SqliteError */
  remove(rows: Iterable<number>): number {
    return this.#writer?.remove(rows) ?? 0;
  }

  /**
   * Runs work on the database, which is up to about a second behind (under load, five); damage that it meets sets the database aside.
   * @throws PassiveDnsError PASSIVE_DNS_UNAVAILABLE while it cannot be opened; SqliteError
   */
  query<T>(work: (db: Database) => T): T {
    this.#writer?.finish();
    return this.look(work);
  }

  /** As {@link query}, for work that only reads: it does not wait for what is being written, and may see a part of it. */
  look<T>(work: (db: Database) => T): T {
    if (this.#db === undefined) throw this.#unavailable();
    try {
      return work(this.#db);
    } catch (error) {
      if (isDamage(error)) {
        this.#setAside(error);
        this.#begin();
      }
      throw error;
    }
  }

  /** Stores what was taken, if that is possible, and closes. */
  async close(): Promise<void> {
    await this.settle().catch(() => undefined);
    this.#closed = true;
    clearTimeout(this.#gather);
    clearTimeout(this.#retry.timer);
    await this.#loop;
    this.#db?.close();
    this.#db = undefined;
    await this.#journal?.close();
  }

  readonly #begin = (): void => void this.#work();

  /** The loop: one runs at a time, until nothing is due. Never rejects. */
  #work(): Promise<void> {
    clearTimeout(this.#gather);
    this.#gather = undefined;
    this.#loop ??= this.#run().finally(() => {
      this.#loop = undefined;
    });
    return this.#loop;
  }

  async #run(): Promise<void> {
    clearTimeout(this.#retry.timer);
    try {
      do {
        if (this.#closed) return;
        await this.#opened();
        await this.#journalise();
        await this.#apply();
      } while (this.#pending.size >= GATHER_MESSAGES || this.#applyAt <= performance.now());
      if (this.#trouble !== undefined) this.#options.warn('writing works again', {});
      this.#trouble = undefined;
      this.#retry.ms = RETRY_MS.first;
      if (this.#pending.size > 0) this.#later(GATHER_MS);
      else if (this.#applyAt < Infinity) this.#later(Math.max(1, this.#applyAt - performance.now()));
    } catch (error) {
      this.#failed(error);
      this.#later(this.#retry.ms);
      this.#retry.ms = Math.min(this.#retry.ms * 2, RETRY_MS.most);
    }
  }

  #later(ms: number): void {
    clearTimeout(this.#retry.timer);
    this.#retry.timer = setTimeout(this.#begin, ms);
  }

  async #journalise(): Promise<void> {
    if (this.#batch === undefined) {
      if (this.#pending.size === 0) return;
      const messages = [...this.#pending.keys()];
      const step = { sequence: this.#sequence + 1, messages, lines: this.#coalescer.drain() };
      this.#batch = { step, waiting: new Map(this.#pending) };
      this.#pending.clear();
    }
    const { step, waiting } = this.#batch;
    await this.#journal?.append(step);
    this.#batch = undefined;
    this.#sequence = step.sequence;
    this.#heldMessages.push(...step.messages);
    this.counters.commits += 1;
    if (this.#applyAt === Infinity) this.#applyAt = performance.now() + APPLY_MS;
    for (const [key, { resolve }] of waiting) {
      this.#seen.add(key);
      resolve();
    }
  }

  async #apply(): Promise<void> {
    const { held } = this.#coalescer;
    const full = held.length >= APPLY_MOST.entries || (this.#journal?.bytes ?? 0) >= APPLY_MOST.bytes;
    if (this.#applyAt > performance.now() && !full) return;
    if (!full && !this.#busy && this.#applyAt > 0 && held.length >= BUSY.entries) {
      this.#busy = true;
      this.#applyAt += BUSY.ms - APPLY_MS;
      return;
    }
    if (this.#heldMessages.length > 0 || held.length > 0) {
      const step = { entries: held, messages: this.#heldMessages, sequence: this.#sequence };
      await this.#writer?.store(step, this.#options.bounds());
      this.#coalescer.settle();
      this.#heldMessages = [];
    }
    await this.#journal?.clear();
    this.#applyAt = Infinity;
    this.#busy = false;
  }

  async #opened(): Promise<void> {
    if (this.#writer === undefined) {
      const { db, setAside } = openDatabase(this.#options);
      if (setAside !== undefined) this.#noteDamage(setAside, 'found at the start');
      try {
        const writer = new RrsetWriter(db);
        if (this.#damaged > 0) {
          writer.facts.set('damaged_ms', Date.now());
          writer.facts.set('damaged', this.#damaged);
        }
        this.#damaged = writer.facts.get('damaged') ?? 0;
        for (const key of writer.remembered()) this.#seen.add(key);
        [this.#db, this.#writer] = [db, writer];
      } catch (error) {
        db.close();
        throw error;
      }
    }
    if (this.#journal === undefined) {
      const { journal, steps, torn } = await Journal.open(`${this.#options.file}.journal`);
      const applied = this.#writer.facts.get('journal') ?? 0;
      this.#sequence = Math.max(applied, steps.at(-1)?.sequence ?? 0);
      let bad = 0;
      for (const step of steps.filter(({ sequence }) => sequence > applied)) {
        bad += this.#coalescer.restore(step.lines);
        this.#heldMessages.push(...step.messages);
        for (const key of step.messages) this.#seen.add(key);
      }
      if (torn > 0 || bad > 0) this.#options.warn('the end of the journal was cut off', { bytes: torn, bad });
      this.#journal = journal;
      this.#applyAt = 0;
    }
  }

  #failed(error: unknown): void {
    this.counters.failures += 1;
    if (this.#trouble === undefined)
      this.#options.warn('nothing can be stored at the moment', { reason: saidBy(error) });
    this.#trouble = saidBy(error);
    if (isDamage(error)) this.#setAside(error);
    else if (isNoRoom(error)) {
      const dropped = dropDamaged(this.#options.file);
      if (dropped > 0) this.#options.warn('removed damaged databases to make room', { files: dropped });
    }
  }

  /** Lets go of a damaged database; the next turn begins a new one, and what is in memory goes into it. */
  #setAside(error: unknown): void {
    this.#writer?.finish();
    this.#db?.close();
    [this.#db, this.#writer] = [undefined, undefined];
    this.#coalescer.forgetRows();
    this.#trouble ??= saidBy(error);
    try {
      this.#noteDamage(setDamagedAside(this.#options.file), saidBy(error));
    } catch (cause) {
      this.#options.warn('a damaged database cannot be set aside', { reason: saidBy(cause) });
    }
  }

  #noteDamage(setAside: string, reason: string): void {
    this.#damaged += 1;
    this.#options.warn('the database was damaged; a new one is begun', { setAside, reason });
  }

  #unavailable(): PassiveDnsError {
    return new PassiveDnsError(
      'PASSIVE_DNS_UNAVAILABLE',
      `the database cannot be used: ${this.#trouble ?? 'it is closed'}`,
    );
  }
}
