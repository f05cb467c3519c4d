import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DownloadJob } from '@bulkhead/sdk';
import { fetchOnce } from './attempt.ts';
import type { Proxy, Resolve } from './connection.ts';
import { Counters } from './counters.ts';
import { type DownloadError, reasonOf } from './errors.ts';
import type { TransferLimits } from './limits.ts';
import { Outbox } from './outbox.ts';
import { keyOf, PartialFile } from './partial-file.ts';
import { shownUrl } from './redirects.ts';
import { State, type DownloadRecord, type Version } from './state.ts';
import type { Progress } from './status.ts';

/** A complete file for the platform to take. */
export interface Delivery {
  sha256: string;
  bytes: number;
  /** Id of the download. */
  download: string;
}

/** After so many tries in a row a file that waits in the outbox is fetched anew. */
const TRIES_WITH_ONE_FILE = 8;

/** What the courier needs of the world. */
export interface CourierParts {
  /** Folder that survives a stop. */
  folder: string;
  resolve: Resolve;
  /** Hands a file of the outbox to the platform; rejects when it was not taken. */
  deliver: (delivery: Delivery) => Promise<unknown>;
  /** Tells a fact. */
  publish: (type: 'download.finished' | 'download.failed', record: Record<string, unknown>) => void;
  warn: (message: string, fields: Record<string, unknown>) => void;
  limits: TransferLimits;
}

/** One try of one download. */
export interface Errand {
  job: DownloadJob;
  fingerprint: string;
  /** The whole file is wanted, also when nothing changed. */
  again: boolean;
  proxy: Proxy | undefined;
  signal: AbortSignal;
  /** How far it is, kept up to date for whoever asks. */
  progress: Progress;
}

/** How a try ended. */
export type Ended =
  | { kind: 'done' }
  | { kind: 'failed'; failures: number; retryAfterS: number | undefined }
  | { kind: 'aborted' };

/**
 * Takes downloads from their source to the platform: fetch, verify, outbox, deliver, remember, tell. Keeps what is needed for that
 * on the volume.
 *
 * INVARIANT: a file leaves the outbox only when the platform has it, nobody wants it, or a newer one took its place. For one
 * download one {@link run} or {@link remove} is at work at a time; the caller sees to that.
 */
export class Courier {
  readonly counters = new Counters();
  readonly state: State;
  readonly #parts: CourierParts;
  readonly #outbox: Outbox;
  readonly #partFolder: string;

  constructor(parts: CourierParts) {
    this.#parts = parts;
    this.state = new State(parts.folder);
    this.#outbox = new Outbox(join(parts.folder, 'outbox'));
    this.#partFolder = join(parts.folder, 'partial');
  }

  /** Reads what was remembered, and removes from the outbox what nothing is remembered of. */
  async open(): Promise<void> {
    if (await this.state.open()) {
      this.#parts.warn('what was remembered is damaged and was set aside; every download begins anew', {});
    }
    for (const [id, { pending }] of this.state.all()) {
      if (pending !== undefined) this.#outbox.keep(pending.sha256, id);
    }
    await this.#outbox.sweep();
  }

  /** Removes everything of a download: what arrived, what waits in the outbox, what is remembered. */
  async remove(id: string): Promise<void> {
    const pending = this.state.get(id)?.pending;
    await this.state.remove(id);
    await new PartialFile(this.#partFolder, id).remove();
    if (pending !== undefined) await this.#outbox.release(pending.sha256, id);
  }

  /** Removes what arrived for downloads that are no more. */
  async keepPartsOf(ids: Iterable<string>): Promise<void> {
    const keep = new Set([...ids].map(keyOf));
    for (const name of await readdir(this.#partFolder).catch(() => [])) {
      if (!keep.has(name.slice(0, 32))) await rm(join(this.#partFolder, name), { force: true });
    }
  }

  /** One try. Does not reject for anything that a source, the platform or the volume does. */
  async run(errand: Errand): Promise<Ended> {
    const { job, fingerprint, signal } = errand;
    const lastTry = new Date().toISOString();
    const startedMs = performance.now();
    const before = withoutFault(this.state.get(job.id) ?? { fingerprint, failures: 0 });
    try {
      const made = await this.#fetchAndDeliver(errand, { ...before, lastTry });
      if (signal.aborted) return { kind: 'aborted' };
      await this.state.set(job.id, { ...made.record, lastSuccess: new Date().toISOString(), failures: 0 });
      if (made.released !== undefined) await this.#outbox.release(made.released, job.id);
      this.counters.add(made.changed ? 'delivered' : 'unchanged');
      if (made.changed) {
        this.#parts.publish('download.finished', {
          ...about(job, made.status),
          bytes: made.record.delivered?.bytes,
          sha256: made.record.delivered?.sha256,
          durationMs: Math.round(performance.now() - startedMs),
        });
      }
      return { kind: 'done' };
    } catch (error) {
      if (signal.aborted) return { kind: 'aborted' };
      return this.#failed(errand, lastTry, error);
    }
  }

  /** @returns what to remember, and the file of the outbox that is not needed any more */
  async #fetchAndDeliver(
    errand: Errand,
    record: DownloadRecord,
  ): Promise<{ record: DownloadRecord; changed: boolean; status?: number; released?: string }> {
    const { job } = errand;
    const { pending, ...rest } = record;
    let version: Version | undefined;
    let status: number | undefined;
    // A file that is refused again and again may be the reason itself.
    const handOver = !errand.again && record.failures % TRIES_WITH_ONE_FILE !== TRIES_WITH_ONE_FILE - 1;
    if (pending !== undefined && handOver && (await this.#outbox.holds(pending.sha256, pending.bytes))) {
      version = pending;
    } else {
      if (pending !== undefined) await this.#outbox.release(pending.sha256, job.id);
      const part = new PartialFile(this.#partFolder, job.id);
      const fetched = await this.#fetch(errand, record.delivered, part);
      ({ status } = fetched);
      if (!fetched.changed) {
        const delivered = fetched.version ?? record.delivered;
        return { record: delivered === undefined ? rest : { ...rest, delivered }, changed: false, status };
      }
      ({ version } = fetched);
      await this.#outbox.place(part.path, version.sha256, job.id);
      await part.remove();
      await this.state.set(job.id, { ...rest, pending: version });
    }
    errand.progress.phase = 'delivering';
    errand.progress.bytes = version.bytes;
    errand.progress.totalBytes = version.bytes;
    await this.#parts.deliver({ sha256: version.sha256, bytes: version.bytes, download: job.id });
    const made = { record: { ...rest, delivered: version }, changed: true, released: version.sha256 };
    return status === undefined ? made : { ...made, status };
  }

  async #fetch(
    errand: Errand,
    delivered: Version | undefined,
    part: PartialFile,
  ): ReturnType<typeof fetchOnce> {
    const { progress } = errand;
    let counted: number | undefined;
    return fetchOnce({
      ...errand,
      known: errand.again ? undefined : delivered,
      part,
      resolve: this.#parts.resolve,
      limits: this.#parts.limits,
      progress: (bytes, totalBytes) => {
        // The first report says what was there before.
        if (counted !== undefined) this.counters.add('bytes', bytes - counted);
        counted = bytes;
        progress.bytes = bytes;
        progress.totalBytes = totalBytes;
      },
    });
  }

  async #failed({ job, fingerprint, progress }: Errand, lastTry: string, error: unknown): Promise<Ended> {
    const { code, status, retryAfterS } = error as Partial<DownloadError>;
    // Read again: a file may have come into the outbox meanwhile.
    const record = this.state.get(job.id) ?? { fingerprint, failures: 0 };
    const failures = record.failures + 1;
    const fault = {
      code: /^DOWNLOADER_/.test(code ?? '') ? code : 'DOWNLOADER_VOLUME_FAILED',
      message: reasonOf(error),
    };
    this.counters.add('failed');
    await this.state.set(job.id, { ...record, lastTry, failures, ...fault });
    this.#parts.warn('a download failed', { id: job.id, failures, ...fault });
    const facts = { ...about(job, status), bytes: progress.bytes, failures, ...fault };
    this.#parts.publish('download.failed', facts);
    return { kind: 'failed', failures, retryAfterS };
  }
}

function about(job: DownloadJob, status: number | undefined): Record<string, unknown> {
  return { id: job.id, for: job.for, url: shownUrl(job.url), ...(status === undefined ? {} : { status }) };
}

function withoutFault({ code: _code, message: _message, ...rest }: DownloadRecord): DownloadRecord {
  return rest;
}
