import { BulkheadError, describeError, type Logger } from '@bulkhead/platform/kernel';
import type { OpenAlerts } from '@bulkhead/fleet-api';
import type { FleetEventStore } from './event-store.ts';
import type { Reader } from './reader.ts';
import { idNumber } from './packs.ts';
import { faultText, StoreThread } from './thread.ts';
import type { Keeping } from './upkeep.ts';
import type { Writer } from './writer.ts';

/** What the store is opened with. */
export interface SqliteStoreOptions {
  /** Folder of its own, `stateDir/events`. */
  dir: string;
  /** The bundle of worker.ts. */
  workerFile: string;
  /** File of SQLite's native part; undefined: where npm put it. */
  nativeBinding?: string | undefined;
  keeping: () => Keeping;
  log: Logger;
  nowMs?: () => number;
}

const SEARCH_BUDGET_MS = 1_500;
/** Then a histogram estimates, and facets are those of what was seen so far. */
const COUNT_BUDGET_MS = 150;
/** Then a preview is of what was seen so far. */
const PREVIEW_BUDGET_MS = 500;
const UPKEEP_MS = 5_000;

/**
 * The fleet's event store in SQLite: one thread writes, one answers.
 *
 * INVARIANTS: the threads are made together and ended together; after one has died both are made anew with the next request.
 */
export class SqliteEventStore implements FleetEventStore {
  readonly #options: SqliteStoreOptions;
  #threads: Promise<{ writer: StoreThread<Writer>; reader: StoreThread<Reader> }> | undefined;
  #closed = false;

  private constructor(options: SqliteStoreOptions) {
    this.#options = options;
  }

  /** @throws StoreFault when the folder or the file cannot be used */
  static async open(options: SqliteStoreOptions): Promise<SqliteEventStore> {
    const store = new SqliteEventStore(options);
    await store.#opened();
    return store;
  }

  async insert(...args: Parameters<FleetEventStore['insert']>): ReturnType<FleetEventStore['insert']> {
    return this.#write((writer) => writer.ask('insert', ...args));
  }

  async search(
    ...[question, page]: Parameters<FleetEventStore['search']>
  ): ReturnType<FleetEventStore['search']> {
    return this.#read((reader) => reader.ask('search', question, { ...page, budgetMs: SEARCH_BUDGET_MS }));
  }

  async histogram(
    ...[question, how]: Parameters<FleetEventStore['histogram']>
  ): ReturnType<FleetEventStore['histogram']> {
    return this.#read((reader) => reader.ask('histogram', question, { ...how, budgetMs: COUNT_BUDGET_MS }));
  }

  async facets(
    ...[question, how]: Parameters<FleetEventStore['facets']>
  ): ReturnType<FleetEventStore['facets']> {
    return this.#read((reader) => reader.ask('facets', question, { ...how, budgetMs: COUNT_BUDGET_MS }));
  }

  async openAlerts(question: Parameters<FleetEventStore['openAlerts']>[0]): Promise<OpenAlerts> {
    return this.#read((reader) => reader.ask('openAlerts', question, COUNT_BUDGET_MS));
  }

  async event(id: string): ReturnType<FleetEventStore['event']> {
    return this.#read((reader) => reader.ask('event', id));
  }

  async occurrences(
    ...[asked]: Parameters<FleetEventStore['occurrences']>
  ): ReturnType<FleetEventStore['occurrences']> {
    return this.#read((reader) => reader.ask('occurrences', asked));
  }

  async preview(...[asked]: Parameters<FleetEventStore['preview']>): ReturnType<FleetEventStore['preview']> {
    return this.#read((reader) => reader.ask('preview', { ...asked, budgetMs: PREVIEW_BUDGET_MS }));
  }

  async mark(...[id, change]: Parameters<FleetEventStore['mark']>): ReturnType<FleetEventStore['mark']> {
    return this.#write((writer) => writer.ask('mark', idNumber(id), change));
  }

  async assets(question: Parameters<FleetEventStore['assets']>[0]): ReturnType<FleetEventStore['assets']> {
    return this.#read((reader) => reader.ask('assets', { ...question, budgetMs: SEARCH_BUDGET_MS }));
  }

  async asset(...asked: Parameters<FleetEventStore['asset']>): ReturnType<FleetEventStore['asset']> {
    return this.#read((reader) => reader.ask('asset', ...asked));
  }

  async labelAssets(...labels: Parameters<FleetEventStore['labelAssets']>): Promise<void> {
    await this.#write((writer) => writer.ask('labelAssets', ...labels));
  }

  async sensors(): Promise<string[]> {
    return this.#read((reader) => reader.ask('sensors'));
  }

  async report(): ReturnType<FleetEventStore['report']> {
    return this.#read((reader) => reader.ask('report'));
  }

  async upkeep(): ReturnType<FleetEventStore['upkeep']> {
    const sum = { expired: 0, evicted: 0, more: true, doubtedDays: 0 };
    const until = performance.now() + UPKEEP_MS;
    while (sum.more && performance.now() < until && !this.#closed) {
      const nowMs = (this.#options.nowMs ?? Date.now)();
      const slice = await this.#write((writer) => writer.ask('maintain', this.#options.keeping(), nowMs));
      sum.expired += slice.expired;
      sum.evicted += slice.evicted;
      sum.more = slice.more;
      sum.doubtedDays = slice.doubtedDays;
    }
    return sum;
  }

  async believeClock(): Promise<void> {
    await this.#write((writer) => writer.ask('believeClock', (this.#options.nowMs ?? Date.now)()));
  }

  async copyTo(file: string): Promise<void> {
    await this.#write((writer) => writer.ask('copyTo', file));
  }

  async close(): Promise<void> {
    this.#closed = true;
    const threads = await this.#threads?.catch(() => undefined);
    this.#threads = undefined;
    await threads?.reader.ask('close').catch(() => undefined);
    await threads?.writer.ask('close').catch(() => undefined);
    await Promise.all([threads?.reader.end(), threads?.writer.end()]);
  }

  async #write<R>(work: (writer: StoreThread<Writer>) => Promise<R>): Promise<R> {
    return this.#ask(async () => work((await this.#opened()).writer));
  }

  async #read<R>(work: (reader: StoreThread<Reader>) => Promise<R>): Promise<R> {
    return this.#ask(async () => work((await this.#opened()).reader));
  }

  async #opened(): Promise<{ writer: StoreThread<Writer>; reader: StoreThread<Reader> }> {
    if (this.#closed) throw new Error('it is closed');
    this.#threads ??= this.#open().catch((error: unknown) => {
      this.#threads = undefined;
      throw error;
    });
    const threads = await this.#threads;
    if (threads.writer.alive && threads.reader.alive) return threads;
    this.#options.log.error('a thread of the event store ended; both are made anew');
    this.#threads = undefined;
    await Promise.all([threads.writer.end(), threads.reader.end()]);
    return this.#opened();
  }

  async #open(): Promise<{ writer: StoreThread<Writer>; reader: StoreThread<Reader> }> {
    const { dir, workerFile, nativeBinding } = this.#options;
    const writer = await StoreThread.open<Writer>(workerFile, { dir, nativeBinding, role: 'writer' });
    try {
      const reader = await StoreThread.open<Reader>(workerFile, { dir, nativeBinding, role: 'reader' });
      return { writer, reader };
    } catch (error) {
      await writer.end();
      throw error;
    }
  }

  async #ask<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof BulkheadError) throw error;
      this.#options.log.warn({ reason: describeError(error) }, 'the event store did not answer');
      throw new BulkheadError({
        code: 'FLEET_EVENTS_STORE_UNAVAILABLE',
        message: `The event store cannot answer: ${faultText(error)}.`,
        cause: error,
      });
    }
  }
}
