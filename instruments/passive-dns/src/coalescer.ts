import type { Observation } from './observations.ts';
import type { Entry } from './entry.ts';
import { copyOf, Spellings } from './spellings.ts';

/** Entries of one generation; there are two. About 300 bytes each. */
const GENERATION = 100_000;

/**
 * Adds observations up in memory, so that a name that is seen a thousand times is one line of the journal and one update.
 *
 * INVARIANTS: whoever changes it does so synchronously. An entry is in the list of new ones exactly when its count is above 0, and in
 * `held` exactly when its heldCount is. Entries that were not looked up by key for a generation are forgotten, except for these
 * lists and for spellings: there may be two entries for one record for a while, and both are written to the same row.
 */
export class Coalescer {
  /** Answers as they were written lately, for a reader that knows them again. */
  readonly spellings = new Spellings();
  #young = new Map<string, Entry>();
  #old = new Map<string, Entry>();
  #new: Entry[] = [];
  #held: Entry[] = [];

  /** Entries with observations that are in the journal and not in the database. */
  get held(): readonly Entry[] {
    return this.#held;
  }

  /**
   * Counts one observation by its key.
   * @returns undefined when the key was not seen lately: it has to come by {@link add}, normalised.
   */
  hit(key: string, seconds: number): Entry | undefined {
    let entry = this.#young.get(key);
    if (entry === undefined) {
      entry = this.#old.get(key);
      if (entry === undefined) return undefined;
      this.#remember(key, entry);
    }
    this.count(entry, seconds);
    return entry;
  }

  /** Counts one observation of an entry that {@link hit} or {@link add} gave. */
  count(entry: Entry, seconds: number): void {
    if (entry.count === 0) {
      entry.first = seconds;
      entry.last = seconds;
      this.#new.push(entry);
    } else if (seconds > entry.last) entry.last = seconds;
    else if (seconds < entry.first) entry.first = seconds;
    entry.count += 1;
  }

  /** Counts one normalised observation. */
  add(observation: Observation, seconds: number): Entry {
    const entry = this.#know(observation);
    this.count(entry, seconds);
    return entry;
  }

  /** The new observations as lines for the journal; they are held from now on. */
  drain(): string {
    let text = '';
    for (const entry of this.#new) {
      const { rrname, rrtype, rdata } = entry.observation;
      text += `${rrname}\0${rrtype}\0${rdata}\0${String(entry.first)}\0${String(entry.last)}\0${String(entry.count)}\n`;
      this.#hold(entry, entry.first, entry.last, entry.count);
      entry.count = 0;
    }
    this.#new = [];
    return text;
  }

  /** Takes lines of {@link drain} back from a journal. @returns how many lines were none */
  restore(lines: string): number {
    let bad = 0;
    for (const line of lines.split('\n')) {
      if (line === '') continue;
      const [rrname = '', rrtype = '', rdata, ...numbers] = line.split('\0');
      const [first = NaN, last = NaN, count = NaN] = numbers.map(Number);
      if (rdata === undefined || !(first <= last) || !(count > 0)) bad += 1;
      else {
        this.#hold(this.#know({ rrname, rrtype, rdata }), first, last, count);
      }
    }
    return bad;
  }

  /** Everything that was held is in the database now. */
  settle(): void {
    for (const entry of this.#held) entry.heldCount = 0;
    this.#held = [];
  }

  /** Forgets the rows that entries stand for: the database is another one. */
  forgetRows(): void {
    for (const entry of [...this.#young.values(), ...this.#old.values(), ...this.#new, ...this.#held])
      entry.row = 0;
    this.spellings.clear();
  }

  #hold(entry: Entry, first: number, last: number, count: number): void {
    if (entry.heldCount === 0) {
      entry.heldFirst = first;
      entry.heldLast = last;
      this.#held.push(entry);
    } else {
      entry.heldFirst = Math.min(entry.heldFirst, first);
      entry.heldLast = Math.max(entry.heldLast, last);
    }
    entry.heldCount += count;
  }

  #know({ rrname, rrtype, rdata }: Observation): Entry {
    const key = keyOf(rrname, rrtype, rdata);
    let entry = this.#young.get(key);
    if (entry !== undefined) return entry;
    entry = this.#old.get(key) ?? {
      // What was read is a slice, which would keep the whole message in memory.
      observation: { rrname: copyOf(rrname), rrtype: copyOf(rrtype), rdata: copyOf(rdata) },
      row: 0,
      first: 0,
      last: 0,
      count: 0,
      heldFirst: 0,
      heldLast: 0,
      heldCount: 0,
    };
    this.#remember(key, entry);
    return entry;
  }

  #remember(key: string, entry: Entry): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, entry);
  }
}

/** Names, types and values hold no control characters, so NUL keeps them apart. */
export function keyOf(rrname: string, rrtype: string, rdata: string): string {
  return `${rrname}\0${rrtype}\0${rdata}`;
}
