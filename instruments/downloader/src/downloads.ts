import type { DownloadJob, DownloadJobsRequest, DownloadState } from '@bulkhead/sdk';
import type { Proxy } from './connection.ts';
import { Courier, type CourierParts, type Ended } from './courier.ts';
import { DownloadError, reasonOf } from './errors.ts';
import { afterFailureMs, afterRestartMs, afterSuccessMs, soonMs, type Random } from './schedule.ts';
import { fingerprintOf } from './state.ts';
import { stateOf, type Progress } from './status.ts';

/** What the downloads need of the world. */
export interface DownloadsParts extends CourierParts {
  random: Random;
  /** Transfers at the same time. */
  atOnce: () => number;
}

interface Entry {
  job: DownloadJob;
  fingerprint: string;
  /** On the clock of `performance.now()`, which nobody sets; undefined: not again. */
  dueMs: number | undefined;
  again: boolean;
  controller: AbortController;
  running: Promise<void> | undefined;
  progress: Progress;
}

/** Longest sleep: timers cannot hold a year. */
const LONGEST_SLEEP_MS = 3_600_000;

/**
 * The downloads as they are approved now: when each is due, and how it is.
 *
 * INVARIANTS: one transfer of a download at a time, `atOnce` of all; a download that is removed or changed is aborted, and what is
 * left of it is gone before its successor begins.
 */
export class Downloads {
  readonly #courier: Courier;
  readonly #random: Random;
  readonly #atOnce: () => number;
  readonly #warn: DownloadsParts['warn'];
  readonly #entries = new Map<string, Entry>();
  /** What has to end before a download of that id may begin. */
  readonly #ending = new Map<string, Promise<void>>();
  #proxy: Proxy | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #told = false;

  constructor(parts: DownloadsParts) {
    this.#courier = new Courier(parts);
    this.#random = parts.random;
    this.#atOnce = parts.atOnce;
    this.#warn = parts.warn;
  }

  /** Why nothing can be remembered. */
  get trouble(): string | undefined {
    return this.#courier.state.trouble;
  }

  /** Whether the platform said what there is to fetch. */
  get told(): boolean {
    return this.#told;
  }

  get counters(): Readonly<Record<string, number>> {
    return this.#courier.counters.values;
  }

  /** Reads what was remembered; nothing is fetched before {@link setJobs}. */
  async open(): Promise<void> {
    await this.#courier.open();
  }

  /** Replaces all downloads. What did not change goes on undisturbed. @returns how many there are */
  async setJobs({ jobs, proxy }: DownloadJobsRequest): Promise<number> {
    const sameProxy = JSON.stringify(proxy) === JSON.stringify(this.#proxy);
    this.#proxy = proxy;
    const wanted = new Map(jobs.map((job) => [job.id, job]));
    const known = new Set([...this.#courier.state.all().keys(), ...this.#entries.keys()]);
    for (const [id, entry] of this.#entries) {
      const same = JSON.stringify(wanted.get(id)) === JSON.stringify(entry.job);
      if (!same || (!sameProxy && entry.running !== undefined)) this.#drop(entry);
      else if (!sameProxy && entry.dueMs !== undefined) entry.dueMs = performance.now();
    }
    for (const id of known) if (!wanted.has(id)) this.#remove(id);
    for (const job of jobs) if (!this.#entries.has(job.id)) this.#add(job);
    if (!this.#told) await this.#courier.keepPartsOf(wanted.keys());
    this.#told = true;
    this.#wake();
    return jobs.length;
  }

  /**
   * Fetches one at once.
   * @param again Also when nothing changed.
   * @returns false when it is being fetched already
   * @throws DownloadError DOWNLOADER_UNKNOWN
   */
  fetchNow(id: string, again: boolean): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new DownloadError('DOWNLOADER_UNKNOWN', `There is no download ${id}.`);
    if (entry.running !== undefined) return false;
    entry.again ||= again;
    entry.dueMs = performance.now();
    this.#wake();
    return true;
  }

  /** How each download is. */
  status(): DownloadState[] {
    return [...this.#entries.values()].map(({ job, running, dueMs, progress }) =>
      stateOf(job.id, this.#courier.state.get(job.id), running === undefined ? undefined : progress, dueMs),
    );
  }

  /** Ends the transfers; what arrived of them is kept. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const running = [...this.#entries.values()].map((entry) => {
      entry.controller.abort(removed('The downloader stops.'));
      return entry.running;
    });
    await Promise.all([...running, ...this.#ending.values()]);
  }

  #add(job: DownloadJob): void {
    const fingerprint = fingerprintOf(job);
    const record = this.#courier.state.get(job.id);
    if (record !== undefined && record.fingerprint !== fingerprint) this.#remove(job.id);
    const settled = record?.fingerprint === fingerprint && record.failures === 0 && !this.#told;
    // After a restart not sooner than it would have been.
    const waitMs =
      settled && record.delivered !== undefined && record.lastSuccess !== undefined
        ? afterRestartMs(job.everyS, Date.parse(record.lastSuccess), Date.now(), this.#random)
        : soonMs(this.#random);
    this.#entries.set(job.id, {
      job,
      fingerprint,
      dueMs: dueIn(waitMs),
      again: false,
      controller: new AbortController(),
      running: undefined,
      progress: { phase: 'fetching', bytes: 0, totalBytes: undefined },
    });
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.job.id);
    entry.controller.abort(removed('The download was removed or changed.'));
    const { running } = entry;
    if (running !== undefined) this.#after(entry.job.id, () => running);
  }

  #remove(id: string): void {
    this.#after(id, () => this.#courier.remove(id));
  }

  /** Does something about a download when all before it has ended, and before another transfer of it begins. */
  #after(id: string, work: () => Promise<void>): void {
    const before = this.#ending.get(id) ?? Promise.resolve();
    const done: Promise<void> = before
      .then(work)
      .catch((error: unknown) => {
        this.#warn('the remains of a download were not removed', { id, reason: reasonOf(error) });
      })
      .finally(() => {
        if (this.#ending.get(id) === done) this.#ending.delete(id);
      });
    this.#ending.set(id, done);
  }

  /** Starts what is due, the longest due first, and sleeps until the next is. */
  #wake(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const now = performance.now();
    const all = [...this.#entries.values()];
    let free = this.#atOnce() - all.filter(({ running }) => running !== undefined).length;
    const next = all
      .filter(({ running, dueMs }) => running === undefined && dueMs !== undefined)
      .sort((a, b) => (a.dueMs ?? 0) - (b.dueMs ?? 0));
    for (const entry of next) {
      const waitMs = (entry.dueMs ?? 0) - now;
      if (waitMs > 0) {
        this.#timer = setTimeout(
          () => {
            this.#wake();
          },
          Math.min(waitMs, LONGEST_SLEEP_MS),
        );
        return;
      }
      // Whichever ends wakes us.
      if (free <= 0) return;
      free -= 1;
      this.#begin(entry);
    }
  }

  #begin(entry: Entry): void {
    const { job, fingerprint, again, controller } = entry;
    entry.progress = { phase: 'fetching', bytes: 0, totalBytes: undefined };
    entry.again = false;
    const run = async (): Promise<Ended> => {
      await this.#ending.get(job.id);
      const { progress } = entry;
      return this.#courier.run({
        job,
        fingerprint,
        again,
        proxy: this.#proxy,
        signal: controller.signal,
        progress,
      });
    };
    entry.running = run()
      .then((ended) => {
        if (ended.kind === 'done') entry.dueMs = dueIn(afterSuccessMs(job.everyS, this.#random));
        if (ended.kind !== 'failed') return;
        entry.again = again;
        const { failures, retryAfterS } = ended;
        entry.dueMs = dueIn(afterFailureMs(job.everyS, failures, retryAfterS, this.#random));
      })
      .catch((error: unknown) => {
        this.#warn('a download ended in an unexpected way', { id: job.id, reason: reasonOf(error) });
        entry.dueMs = dueIn(LONGEST_SLEEP_MS);
      })
      .finally(() => {
        entry.running = undefined;
        this.#wake();
      });
  }
}

function dueIn(waitMs: number | undefined): number | undefined {
  return waitMs === undefined ? undefined : performance.now() + waitMs;
}

function removed(message: string): DownloadError {
  return new DownloadError('DOWNLOADER_REMOVED', message);
}
