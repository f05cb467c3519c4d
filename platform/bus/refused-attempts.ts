/** What was tried. `ask` is a service of the platform; `connect` says who claimed to be it, proven by nothing. */
export type RefusedOperation = 'publish' | 'subscribe' | 'connect' | 'ask';

/** One refusal, as it was seen. */
export interface Refusal {
  /** Who tried; `?` when the key that was shown is nobody's. */
  instrument: string;
  operation: RefusedOperation;
  /** Empty when it was not about a subject. */
  subject: string;
  /** Why, in a few words. */
  reason: string;
}

/** Refusals of one kind, counted. Times are ISO 8601. */
export interface RefusedAttempt extends Refusal {
  count: number;
  since: string;
  last: string;
}

interface Entry {
  refusal: Refusal;
  total: number;
  first: number;
  last: number;
  /** Counted and not yet told. */
  untold: number;
  untoldSince: number;
}

/** Subjects of one instrument that are told apart; further ones are counted together. */
const KINDS_PER_INSTRUMENT = 16;
/** Instruments, and whoever has no valid key; a bound that is never reached. */
const INSTRUMENTS = 128;
/** An entry may be forgotten for a new one when nothing came for so long. */
const STALE_MS = 600_000;
const SUBJECT_LENGTH = 200;
const KEPT = 64;
/** Stands for all subjects that are not told apart. */
export const OTHER_SUBJECTS = '…';

/**
 * Counts refused attempts and tells of them: of the first of a kind at once, then of how many came, once a minute.
 *
 * INVARIANTS: memory and what is told are bounded however often and with whatever subjects somebody tries: at most 17 kinds
 * for each instrument, each told of at most twice in a minute. Nothing is counted twice.
 */
export class RefusedAttempts {
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #listeners = new Set<(attempt: RefusedAttempt) => void>();
  readonly #now: () => number;
  #waiting: RefusedAttempt[] = [];

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  add(refusal: Refusal): void {
    const entry = this.#entryOf({ ...refusal, subject: refusal.subject.slice(0, SUBJECT_LENGTH) });
    const now = this.#now();
    entry.total += 1;
    entry.last = now;
    if (entry.total === 1) {
      this.#tell(attempt(entry, 1, now));
      return;
    }
    if (entry.untold === 0) entry.untoldSince = now;
    entry.untold += 1;
  }

  /** Tells what came since the last time; to be called once a minute. */
  tellCounts(): void {
    for (const entries of this.#entries.values()) {
      for (const entry of entries.values()) {
        if (entry.untold === 0) continue;
        this.#tell(attempt(entry, entry.untold, entry.untoldSince));
        entry.untold = 0;
      }
    }
  }

  /** Everything that was counted since the platform started, newest first. */
  list(): RefusedAttempt[] {
    const entries = [...this.#entries.values()].flatMap((kinds) => [...kinds.values()]);
    return entries.sort((a, b) => b.last - a.last).map((entry) => attempt(entry, entry.total, entry.first));
  }

  /** What was told before anybody listened is told now. Returns how to stop listening. */
  listen(listener: (attempt: RefusedAttempt) => void): () => void {
    this.#listeners.add(listener);
    for (const waiting of this.#waiting.splice(0)) listener(waiting);
    return () => this.#listeners.delete(listener);
  }

  #entryOf(refusal: Refusal): Entry {
    let kinds = this.#entries.get(refusal.instrument);
    if (kinds === undefined) {
      if (this.#entries.size >= INSTRUMENTS) return this.#entryOf({ ...refusal, instrument: '?' });
      kinds = new Map();
      this.#entries.set(refusal.instrument, kinds);
    }
    const known = kinds.get(keyOf(refusal));
    if (known !== undefined) return known;
    const other = { ...refusal, subject: OTHER_SUBJECTS };
    const isOther = refusal.subject === OTHER_SUBJECTS;
    if (!isOther && kinds.size >= KINDS_PER_INSTRUMENT && !this.#forgetStale(kinds)) {
      // Of these there is one for all operations and reasons, so that they cannot be made many either.
      const collected = kinds.get(OTHER_SUBJECTS);
      if (collected !== undefined) return collected;
      return this.#put(kinds, OTHER_SUBJECTS, other);
    }
    return this.#put(kinds, keyOf(refusal), refusal);
  }

  #put(kinds: Map<string, Entry>, key: string, refusal: Refusal): Entry {
    const now = this.#now();
    const entry = { refusal, total: 0, first: now, last: now, untold: 0, untoldSince: now };
    kinds.set(key, entry);
    return entry;
  }

  #forgetStale(kinds: Map<string, Entry>): boolean {
    const oldest = [...kinds].reduce((a, b) => (b[1].last < a[1].last ? b : a));
    if (oldest[1].untold > 0 || this.#now() - oldest[1].last < STALE_MS) return false;
    return kinds.delete(oldest[0]);
  }

  #tell(told: RefusedAttempt): void {
    if (this.#listeners.size === 0) this.#waiting = [...this.#waiting, told].slice(-KEPT);
    for (const listener of this.#listeners) listener(told);
  }
}

function keyOf({ operation, subject, reason }: Refusal): string {
  return `${operation} ${reason} ${subject}`;
}

function attempt({ refusal, last }: Entry, count: number, since: number): RefusedAttempt {
  return {
    ...refusal,
    count,
    since: new Date(since).toISOString(),
    last: new Date(last).toISOString(),
  };
}
