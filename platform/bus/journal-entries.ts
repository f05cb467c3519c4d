/**
 * What became of a command. `done` and `failed` are what the recipient says (`statedBy`), or what the platform itself was
 * answered; everything else was seen by the server: `answered` without a word how, `unanswered` in time, `unavailable` because the
 * recipient was not connected, `sent` by somebody who wanted no answer. `unrecorded`: a flood began, and what followed within
 * seconds is not in the journal.
 */
export type MessageOutcome =
  'done' | 'failed' | 'answered' | 'unanswered' | 'unavailable' | 'sent' | 'unrecorded';

/** Who commanded what, and what came of it. */
export interface JournalEntry {
  /** An instrument, or `platform`; proven by the bus. */
  from: string;
  to: string;
  /** Name of the command; `control.<command>` for the platform's control. */
  command: string;
  outcome: MessageOutcome;
  /** Error code of a failed command. */
  code?: string;
  /** Set when outcome and code are a statement of the recipient. */
  statedBy?: string;
  /** From the request to the answer, as the server measured it. */
  durationMs: number;
  /** More than 1 when so many of the same outcome are reported together; code and duration are then those of the last. */
  count: number;
}

/** Entries of the same kind, and of one recipient, that are told one by one within a minute; more are told together. */
const SINGLY = Object.freeze({ ofAKind: 6, ofARecipient: 60 });
const KEPT = 64;
const KINDS = 4_096;

/**
 * Tells what happened, at a bounded rate: the first of each kind one by one, the rest of a minute together at its end.
 *
 * INVARIANTS: every entry is told once, alone or in a count.
 */
export class JournalEntries {
  readonly #listeners = new Set<(entry: JournalEntry) => void>();
  readonly #kinds = new Map<string, { told: number; more: JournalEntry | undefined }>();
  readonly #recipients = new Map<string, number>();
  #waiting: JournalEntry[] = [];

  add(entry: JournalEntry): void {
    const { from, to, command, outcome } = entry;
    if (this.#kinds.size >= KINDS) this.tellCounts();
    const key = `${from} ${to} ${command} ${outcome}`;
    const kind = this.#kinds.get(key) ?? { told: 0, more: undefined };
    this.#kinds.set(key, kind);
    const ofRecipient = this.#recipients.get(to) ?? 0;
    if (kind.told < SINGLY.ofAKind && ofRecipient < SINGLY.ofARecipient) {
      kind.told += 1;
      this.#recipients.set(to, ofRecipient + 1);
      this.#tell(entry);
    } else {
      kind.more = { ...entry, count: entry.count + (kind.more?.count ?? 0) };
    }
  }

  /** Tells what was only counted; to be called once a minute. */
  tellCounts(): void {
    for (const { more } of this.#kinds.values()) if (more !== undefined) this.#tell(more);
    this.#kinds.clear();
    this.#recipients.clear();
  }

  /** What was told before anybody listened is told now. Returns how to stop listening. */
  listen(listener: (entry: JournalEntry) => void): () => void {
    this.#listeners.add(listener);
    for (const waiting of this.#waiting.splice(0)) listener(waiting);
    return () => this.#listeners.delete(listener);
  }

  #tell(entry: JournalEntry): void {
    if (this.#listeners.size === 0) this.#waiting = [...this.#waiting, entry].slice(-KEPT);
    for (const listener of this.#listeners) listener(entry);
  }
}
