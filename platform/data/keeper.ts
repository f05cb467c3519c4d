import { createHmac, hkdfSync } from 'node:crypto';
import { join } from 'node:path';
import {
  describeError,
  type Logger,
  reportSigner,
  type ReportSigner,
  type SignedReport,
} from '../kernel/index.ts';
import { askAll } from './ask-all.ts';
import { ClockSchema, ClockWatch, type Clocks } from './clock-watch.ts';
import { Holds, HoldsSchema, type Hold } from './holds.ts';
import { Journal } from './journal.ts';
import { journalSource } from './journal-source.ts';
import { Purges, PurgesSchema, type Purge, type PurgeOutcome } from './purges.ts';
import { collectReport, type DataReport, type ReportHead } from './report.ts';
import { RetentionWatch } from './retention-watch.ts';
import { openSeal, SealedFile } from './sealed-file.ts';
import type { DataSources } from './sources.ts';
import { subjectText, type DataSubject } from './subject.ts';
import type { DataMatch } from './types.ts';

export interface DataKeeperParts {
  /** Durable folder of its own. */
  dir: string;
  log: Logger;
  /** 32 bytes for a purpose; the same for ever. */
  secret: (purpose: string) => Buffer;
  sources: DataSources;
  head: () => ReportHead;
  publish: (
    type: 'retention.overdue' | 'retention.clock' | 'data.held' | 'data.released' | 'data.purged',
    record: Record<string, unknown>,
  ) => void;
  clocks?: Clocks;
  /** How often ages are compared with policies. Default 15 min. */
  everyMs?: number;
}

/** What was found about a subject. */
export interface Found {
  matches: DataMatch[];
  /** Sources that did not answer: what they keep was not looked through. */
  unanswered: { source: string; error: string }[];
  held?: Omit<Hold, 'subject'>;
}

/** Who asks, and why. */
export interface Asked {
  reason: string;
  by: string;
}

const REPORT_MS = 20_000;
const FIND_MS = 90_000;
const PURGE_MS = 90_000;
const HOLD_MS = 10_000;
/** By then a sensor that was off for a while has caught up with its own retention. */
const FIRST_ROUND_MS = 180_000;
const END_MS = 5_000;

/**
 * Keeps account of data: report, find, hold, purge, and the check of retention.
 *
 * INVARIANTS: `open` once, then calls; `start` and `stop` once. What changes something (holds, purges, rounds of the check) runs
 * one after the other. If holds cannot be read, nothing is purged. Nothing is ever deleted for its age.
 */
export class DataKeeper {
  readonly #parts: DataKeeperParts;
  readonly #journal: Journal;
  readonly #holds: Holds;
  readonly #purges: Purges;
  readonly #clock: ClockWatch;
  readonly #watch: RetentionWatch;
  readonly #signer: ReportSigner;
  readonly #now: () => Date;
  #last: Promise<unknown> = Promise.resolve();
  #damage: Error | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(parts: DataKeeperParts) {
    this.#parts = parts;
    const clocks = parts.clocks ?? { now: () => new Date(), monotonicMs: () => performance.now() };
    this.#now = clocks.now;
    const master = parts.secret('data/state');
    const seal = (purpose: string) =>
      openSeal(Buffer.from(hkdfSync('sha256', master, Buffer.alloc(0), `data/${purpose}`, 32)), purpose);
    const file = (name: string) => join(parts.dir, name);
    this.#journal = new Journal(parts.dir, seal('journal'));
    this.#holds = new Holds(new SealedFile(file('holds.sealed'), seal('holds'), HoldsSchema));
    this.#clock = new ClockWatch(clocks, new SealedFile(file('clock.sealed'), seal('clock'), ClockSchema));
    this.#watch = new RetentionWatch({ publish: parts.publish, monotonicMs: clocks.monotonicMs });
    this.#signer = reportSigner(parts.secret('data/report'));
    this.#purges = new Purges({
      file: new SealedFile(file('purges.sealed'), seal('purges'), PurgesSchema),
      journal: this.#journal,
      sources: () => parts.sources.all(),
      held: (subject) => this.#holds.of(subject),
      pseudonym: (subject) => this.#pseudonym(subject),
      now: clocks.now,
      timeoutMs: PURGE_MS,
    });
    parts.sources.register(() => [journalSource(this.#journal, parts.dir)]);
    parts.sources.onExport((record) => this.#journal.append({ at: this.#now().toISOString(), ...record }));
  }

  /** Reads what is on disk. What is damaged stops holds and purges, not the report. */
  async open(): Promise<void> {
    try {
      await this.#holds.open();
      await this.#purges.open();
    } catch (error) {
      this.#damage = error instanceof Error ? error : new Error(String(error));
      this.#parts.log.error({ err: error }, describeError(error));
    }
    await this.#clock.open();
  }

  /** Base64 of the key that signs reports. */
  get publicKey(): string {
    return this.#signer.publicKey;
  }

  attention(): string[] {
    const open = this.#purges.unfinished().length;
    return [
      ...(this.#damage === undefined ? [] : [describeError(this.#damage)]),
      ...this.#watch.attention(),
      ...(open === 0 ? [] : [`${String(open)} deletions on request are not finished (bulkhead data purges)`]),
    ];
  }

  async report(): Promise<SignedReport<DataReport>> {
    return this.#signer.sign(await this.#collect());
  }

  async find(subject: DataSubject): Promise<Found> {
    const answers = await askAll(this.#parts.sources.all(), FIND_MS, (source, signal) =>
      source.find?.(subject, signal),
    );
    const hold = this.#holds.of(subject);
    return {
      matches: answers.flatMap((answer) => ('value' in answer ? [...answer.value] : [])),
      unanswered: answers.flatMap((answer) =>
        'error' in answer ? [{ source: answer.source, error: answer.error }] : [],
      ),
      ...(hold === undefined ? {} : { held: { reason: hold.reason, by: hold.by, at: hold.at } }),
    };
  }

  holds(): readonly Hold[] {
    return this.#holds.all();
  }

  unfinishedPurges(): readonly Purge[] {
    return this.#purges.unfinished();
  }

  /** Holds a subject's data back from retention and purge. @returns sources that could not be told yet; they are told again. */
  async hold(subject: DataSubject, asked: Asked): Promise<{ untold: Found['unanswered'] }> {
    return this.#exclusive(async () => {
      await this.#journalHold('hold', subject, asked);
      await this.#holds.add({ subject, ...asked, at: this.#now().toISOString() });
      this.#parts.publish('data.held', { subject: this.#pseudonym(subject), by: asked.by });
      return { untold: await this.#tell(subject, true) };
    });
  }

  /** @throws BulkheadError DATA_HOLD_UNKNOWN */
  async release(subject: DataSubject, asked: Asked): Promise<{ untold: Found['unanswered'] }> {
    return this.#exclusive(async () => {
      await this.#holds.remove(subject);
      await this.#journalHold('release', subject, asked);
      this.#parts.publish('data.released', { subject: this.#pseudonym(subject), by: asked.by });
      return { untold: await this.#tell(subject, false) };
    });
  }

  /** See {@link Purges.begin}. */
  async purge(subject: DataSubject, asked: Asked & { requestId: string }): Promise<PurgeOutcome> {
    return this.#exclusive(async () => this.#saidOf(await this.#purges.begin({ subject, ...asked })));
  }

  async confirmClock(): Promise<void> {
    await this.#exclusive(() => this.#clock.confirm());
    await this.round();
  }

  /** One round of the check; also tells holds again, and goes on with purges. */
  async round(): Promise<DataReport> {
    return this.#exclusive(
      async () => {
        await this.#clock.look();
        for (const { subject } of this.#holds.all()) if (!this.#stopped) await this.#tell(subject, true);
        for (const { requestId } of [...this.#purges.unfinished()]) {
          if (this.#stopped || this.#damage !== undefined) break;
          // Held by now: it waits, and the list of purges says so.
          await this.#purges.resume(requestId).then(
            (outcome) => this.#saidOf(outcome),
            (error: unknown) => {
              this.#parts.log.warn({ err: error, requestId }, `a deletion waits: ${describeError(error)}`);
            },
          );
        }
        const report = await this.#collect();
        this.#watch.note(report);
        return report;
      },
      { evenDamaged: true },
    );
  }

  start(): void {
    const next = (delayMs: number) => {
      this.#timer = setTimeout(() => {
        void this.round()
          .catch((error: unknown) => {
            this.#parts.log.error({ err: error }, `the check of retention failed: ${describeError(error)}`);
          })
          .finally(() => {
            if (!this.#stopped) next(this.#parts.everyMs ?? 900_000);
          });
      }, delayMs);
      this.#timer.unref();
    };
    next(Math.min(FIRST_ROUND_MS, this.#parts.everyMs ?? FIRST_ROUND_MS));
  }

  /** Waits a moment for what is at work; what is cut off goes on with the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      this.#last,
      new Promise((resolve) => {
        timer = setTimeout(resolve, END_MS);
      }),
    ]);
    clearTimeout(timer);
  }

  async #collect(): Promise<DataReport> {
    return collectReport({
      head: this.#parts.head(),
      sources: this.#parts.sources.all(),
      now: this.#now(),
      clockDoubt: this.#clock.doubt,
      holds: this.#holds.all().length,
      unfinishedPurges: this.#purges.unfinished().length,
      timeoutMs: REPORT_MS,
    });
  }

  async #tell(subject: DataSubject, hold: boolean): Promise<Found['unanswered']> {
    const answers = await askAll(this.#parts.sources.all(), HOLD_MS, (source, signal) =>
      source.hold?.(subject, hold, signal),
    );
    return answers.flatMap((answer) =>
      'error' in answer ? [{ source: answer.source, error: answer.error }] : [],
    );
  }

  #saidOf(outcome: PurgeOutcome): PurgeOutcome {
    if (outcome.finished) {
      const deleted = outcome.results.reduce((sum, result) => sum + result.deleted, 0);
      this.#parts.publish('data.purged', { requestId: outcome.requestId, deleted });
    }
    return outcome;
  }

  async #journalHold(kind: 'hold' | 'release', subject: DataSubject, { reason, by }: Asked): Promise<void> {
    await this.#journal.append({
      at: this.#now().toISOString(),
      kind,
      by,
      reason,
      what: this.#pseudonym(subject),
    });
  }

  /** A name for a subject that only this sensor can make: a journal of deletions must not keep what was deleted. */
  #pseudonym(subject: DataSubject): string {
    const mac = createHmac('sha256', this.#parts.secret('data/pseudonym')).update(subjectText(subject));
    return `subject ${mac.digest('hex').slice(0, 16)}`;
  }

  #exclusive<T>(work: () => Promise<T>, options: { evenDamaged?: boolean } = {}): Promise<T> {
    const next = this.#last.then(async () => {
      if (this.#damage !== undefined && options.evenDamaged !== true) throw this.#damage;
      return work();
    });
    this.#last = next.catch(() => undefined);
    return next;
  }
}
