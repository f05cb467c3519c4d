import { z } from 'zod';
import { BulkheadError, describeError } from '../kernel/index.ts';
import { askOne } from './ask-all.ts';
import { HoldSchema, type Hold } from './holds.ts';
import type { JournalEntry } from './journal.ts';
import type { SealedFile } from './sealed-file.ts';
import { subjectText } from './subject.ts';
import type { DataPurged, DataSource } from './types.ts';

const PurgedSchema = z.strictObject({
  copy: z.string().max(200),
  deleted: z.number(),
  basis: z.enum(['measured', 'declared']),
  note: z.string().max(500).optional(),
});

const PurgeSchema = HoldSchema.extend({
  requestId: z.string().regex(/^[A-Za-z0-9-]{8,64}$/),
  /** What finished sources said. */
  done: z.record(z.string().max(100), z.array(PurgedSchema).max(200)),
});
export type Purge = z.output<typeof PurgeSchema>;
/** Purges under way, and the results of the newest finished ones, without their subjects. */
export const PurgesSchema = z.strictObject({
  open: z.array(PurgeSchema).max(1_000),
  finished: z
    .array(
      z.strictObject({
        requestId: z.string().max(64),
        at: z.string().max(40),
        results: z.array(PurgedSchema),
      }),
    )
    .max(100),
});

/** What a purge came to so far. */
export interface PurgeOutcome {
  requestId: string;
  finished: boolean;
  results: DataPurged[];
  /** Sources that could not do it yet; it is tried again until they did. */
  waiting: { source: string; error: string }[];
}

export interface PurgesParts {
  file: SealedFile<typeof PurgesSchema>;
  journal: { append(entry: JournalEntry): Promise<void> };
  sources: () => readonly DataSource[];
  /** The hold that covers a subject, if any. */
  held: (subject: Purge['subject']) => Hold | undefined;
  /** Says of whom an entry is without saying it: see {@link DataKeeper}. */
  pseudonym: (subject: Purge['subject']) => string;
  now: () => Date;
  timeoutMs: number;
}

const MAX_OPEN = 1_000;
const KEPT_RESULTS = 100;

/**
 * Purges, each carried to its end over crashes and absences.
 *
 * INVARIANTS: one at a time (the keeper's queue sees to it). A purge is on disk and in the journal before the first source is
 * asked, and each source's answer is on disk before the next is asked; so after a crash at most one source is asked again, with
 * the same request id, and purging is idempotent by it. The subject is forgotten when the purge is finished.
 */
export class Purges {
  readonly #parts: PurgesParts;
  #state: z.output<typeof PurgesSchema> = { open: [], finished: [] };

  constructor(parts: PurgesParts) {
    this.#parts = parts;
  }

  /** @throws BulkheadError DATA_STATE_DAMAGED */
  async open(): Promise<void> {
    this.#state = (await this.#parts.file.load()) ?? this.#state;
  }

  unfinished(): readonly Purge[] {
    return this.#state.open;
  }

  /**
   * Begins a purge and does what can be done now. The same request id again gives the result of the first.
   * @throws BulkheadError DATA_HELD, DATA_REQUEST_REUSED, DATA_TOO_MANY_PURGES
   */
  async begin(wanted: Omit<Purge, 'done' | 'at'>): Promise<PurgeOutcome> {
    const finished = this.#state.finished.find(({ requestId }) => requestId === wanted.requestId);
    if (finished !== undefined) {
      return {
        requestId: wanted.requestId,
        finished: true,
        results: finished.results.map(asResult),
        waiting: [],
      };
    }
    const known = this.#state.open.find(({ requestId }) => requestId === wanted.requestId);
    if (known !== undefined && subjectText(known.subject) !== subjectText(wanted.subject)) {
      throw new BulkheadError({
        code: 'DATA_REQUEST_REUSED',
        message: `The request ${wanted.requestId} is for another address or name.`,
        hint: 'Give each purge a request id of its own, or none.',
      });
    }
    this.#refuseHeld(wanted.subject);
    if (known === undefined) await this.#record(wanted);
    return this.resume(wanted.requestId);
  }

  /** Goes on with an open purge. @throws BulkheadError DATA_HELD when it is held by now: it waits then. */
  async resume(requestId: string): Promise<PurgeOutcome> {
    const purge = this.#state.open.find((one) => one.requestId === requestId);
    if (purge === undefined) throw new Error(`no purge ${requestId} is open`);
    this.#refuseHeld(purge.subject);
    const waiting: PurgeOutcome['waiting'] = [];
    for (const source of this.#parts.sources()) {
      if (source.purge === undefined || Object.hasOwn(purge.done, source.name)) continue;
      try {
        const results = await askOne(source, this.#parts.timeoutMs, (one, signal) =>
          one.purge?.(purge.subject, requestId, signal),
        );
        purge.done[source.name] = (results ?? []).slice(0, 200).map((result) => ({ ...result }));
        await this.#save(this.#state);
        await this.#journal('purge.part', purge, summary(source.name, results ?? []));
      } catch (error) {
        waiting.push({ source: source.name, error: describeError(error).slice(0, 500) });
      }
    }
    const results = Object.values(purge.done).flat().map(asResult);
    if (waiting.length === 0) await this.#finish(purge, results);
    return { requestId, finished: waiting.length === 0, results, waiting };
  }

  #refuseHeld(subject: Purge['subject']): void {
    const hold = this.#parts.held(subject);
    if (hold === undefined) return;
    throw new BulkheadError({
      code: 'DATA_HELD',
      message: `${subjectText(subject)} is held since ${hold.at} by ${hold.by}: ${hold.reason}`,
      hint: 'Its data is not deleted until it is released: `bulkhead data hold ADDRESS --release`.',
    });
  }

  async #record(wanted: Omit<Purge, 'done' | 'at'>): Promise<void> {
    if (this.#state.open.length >= MAX_OPEN) {
      throw new BulkheadError({
        code: 'DATA_TOO_MANY_PURGES',
        message: `${String(MAX_OPEN)} purges are not finished.`,
        hint: 'See `bulkhead data purges` for what they wait.',
      });
    }
    const purge: Purge = { ...wanted, at: this.#parts.now().toISOString(), done: {} };
    await this.#journal('purge.begun', purge, 'data is deleted on request');
    await this.#save({ ...this.#state, open: [...this.#state.open, purge] });
  }

  async #finish(purge: Purge, results: DataPurged[]): Promise<void> {
    await this.#journal('purge.done', purge, summary('everywhere', results));
    const entry = { requestId: purge.requestId, at: this.#parts.now().toISOString(), results };
    await this.#save({
      open: this.#state.open.filter((one) => one !== purge),
      finished: [...this.#state.finished, entry].slice(-KEPT_RESULTS),
    });
  }

  async #journal(kind: JournalEntry['kind'], purge: Purge, what: string): Promise<void> {
    await this.#parts.journal.append({
      at: this.#parts.now().toISOString(),
      kind,
      by: purge.by,
      reason: purge.reason,
      requestId: purge.requestId,
      what: `${this.#parts.pseudonym(purge.subject)}: ${what}`.slice(0, 2_000),
    });
  }

  async #save(state: z.output<typeof PurgesSchema>): Promise<void> {
    await this.#parts.file.save(state);
    this.#state = state;
  }
}

function asResult({ copy, deleted, basis, note }: z.output<typeof PurgedSchema>): DataPurged {
  return { copy, deleted, basis, ...(note === undefined ? {} : { note }) };
}

function summary(source: string, results: readonly DataPurged[]): string {
  const parts = results.map(({ copy, deleted }) => `${copy} ${String(deleted)}`);
  return `${source}: ${parts.length === 0 ? 'nothing there' : parts.join(', ')} deleted`;
}
