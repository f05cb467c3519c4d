import { setTimeout as sleep } from 'node:timers/promises';
import type { FieldRule } from '../../contracts/index.ts';
import { BulkheadError, describeError, type Logger } from '../../kernel/index.ts';
import type { DecodeFault } from '../decode.ts';
import { BatchQueue } from './batch-queue.ts';
import type { ClockReading } from './clock.ts';
import type { EventStoreData } from './data.ts';
import { exportHead, type ExportFormat } from './export-rows.ts';
import type { SearchFilter } from './filter.ts';
import type { Histogram } from './histogram.ts';
import type { IncomingMessage } from './insert.ts';
import type { Keeping } from './maintain.ts';
import type { Reader } from './reader.ts';
import type { SearchPage } from './search.ts';
import { storeData } from './store-data.ts';
import { faultText, StoreFault, StoreThread } from './thread.ts';
import type { StreamPosition, Writer } from './writer.ts';

/** What a store is opened with. */
export interface EventStoreOptions {
  /** Folder of the store; on an encrypted volume. */
  dir: string;
  /** The bundle of worker.ts. */
  workerFile: string;
  /** File of SQLite's native part; undefined: where npm put it. */
  nativeBinding?: string | undefined;
  settings: () => Keeping & { fieldPolicy: readonly FieldRule[] };
  /** Keys of the pseudonyms, 32 bytes for each purpose. */
  secret: (purpose: string) => Uint8Array;
  clock: () => ClockReading;
  log: Logger;
  onFault?: (fault: DecodeFault) => void;
}

/** Upkeep of one round. */
export interface UpkeepResult {
  expired: number;
  evicted: number;
  /** The machine's clock was set, by so many seconds. */
  jumpedS?: number;
  /** Seconds off that are not believed, see {@link EventStore.believeClock}. */
  doubtedS: number;
}

/** A commit is durable, which costs a flush of the disk: small ones are put together for so long. */
const GROUP_MS = 200;
const RETRY_MS = 2_000;
const UPKEEP_MS = 5_000;
const SEARCH_BUDGET_MS = 1_500;
/** Then a histogram estimates; one that must be exact may be given longer. */
const HISTOGRAM_BUDGET_MS = 120;

/**
 * The sensor's event store: one thread writes, one answers.
 *
 * INVARIANTS: batches are written one after the other, in the order in which messages were offered; a batch and the positions of
 * its streams are one transaction. A batch that cannot be written is kept and tried again, and nothing after it is taken. When
 * the store is found damaged it is replaced, `generation` grows, and messages that were offered for the one before are ignored.
 */
export class EventStore {
  readonly #options: EventStoreOptions;
  readonly #closing = new AbortController();
  #writer: StoreThread<Writer> | undefined;
  #reader: StoreThread<Reader> | undefined;
  readonly #queue = new BatchQueue();
  #writing: Promise<void> | undefined;
  #fault: string | undefined;
  #generation = 1;
  #damaged: string | undefined;
  #unreadable: string | undefined;
  #policyText = '';
  #records = 0;

  private constructor(options: EventStoreOptions) {
    this.#options = options;
  }

  /** Opens the store, or makes it. @throws StoreFault when the folder cannot be used */
  static async open(options: EventStoreOptions): Promise<EventStore> {
    const store = new EventStore(options);
    await store.#openThreads(false);
    store.#writing = store.#write();
    return store;
  }

  /** Grows when the store was replaced: everything has to be read again. */
  get generation(): number {
    return this.#generation;
  }

  /** What was offered and is not yet on its way is forgotten, because it will be offered again. @returns the generation */
  newRound(): number {
    this.#generation += 1;
    this.#queue.clear();
    this.#queue.nudge();
    return this.#generation;
  }

  /** Why new records cannot be written now; undefined while all is well. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Why a store was set aside since this one was opened. */
  get damage(): string | undefined {
    return this.#damaged;
  }

  /** What a question stumbled over since the store was opened; nothing was set aside for it. */
  get unreadable(): string | undefined {
    return this.#unreadable;
  }

  /** Records stored since it was opened. */
  get recordsStored(): number {
    return this.#records;
  }

  /** Takes a message; waits while too many wait already. Resolving says nothing of durability: see {@link positions}. */
  async offer(message: IncomingMessage, generation: number): Promise<void> {
    if (generation !== this.#generation) return;
    this.#queue.put(message);
    while (this.#queue.full && generation === this.#generation && !this.#closing.signal.aborted) {
      await this.#queue.drained();
    }
  }

  /** How far each stream is durably stored. */
  async positions(): Promise<StreamPosition[]> {
    return this.#ask(this.#writer, (writer) => writer.ask('positions'));
  }

  async forget(stream: string): Promise<void> {
    await this.#ask(this.#writer, (writer) => writer.ask('forget', stream));
  }

  /** The last sequence of a stream that was stored `ageS` ago; 0 when that is not known. */
  async storedBefore(stream: string, ageS: number): Promise<number> {
    return this.#ask(this.#writer, (writer) => writer.ask('storedBefore', stream, ageS));
  }

  /** @throws BulkheadError EVENTS_FILTER_INVALID, EVENTS_CURSOR_INVALID, EVENTS_STORE_UNAVAILABLE */
  async search(
    filter: SearchFilter,
    {
      limit,
      cursor,
      budgetMs = SEARCH_BUDGET_MS,
    }: { limit: number; cursor?: string | undefined; budgetMs?: number },
  ): Promise<SearchPage> {
    return this.#ask(this.#reader, (reader) => reader.ask('search', filter, { limit, cursor, budgetMs }));
  }

  /** @throws BulkheadError EVENTS_FILTER_INVALID, EVENTS_STORE_UNAVAILABLE */
  async histogram(
    filter: SearchFilter,
    {
      buckets,
      by,
      budgetMs = HISTOGRAM_BUDGET_MS,
    }: { buckets: number; by: 'type' | 'severity'; budgetMs?: number },
  ): Promise<Histogram> {
    return this.#ask(this.#reader, (reader) => reader.ask('histogram', filter, { buckets, by, budgetMs }));
  }

  /** All matching records, newest first, in parts; memory is that of one part. */
  async *export(
    filter: SearchFilter,
    format: ExportFormat,
  ): AsyncGenerator<{ text: string; events: number }> {
    await this.#configure();
    yield { text: exportHead(format), events: 0 };
    for (let cursor: string | undefined; ;) {
      const part = await this.#ask(this.#reader, (reader) =>
        reader.ask('exportPart', filter, format, cursor),
      );
      yield part;
      cursor = part.cursor;
      if (cursor === undefined) return;
    }
  }

  /** One round of upkeep; to be called every half minute or so. */
  async upkeep(): Promise<UpkeepResult> {
    await this.#configure();
    const { retentionDays, storeMib } = this.#options.settings();
    const clock = await this.#ask(this.#writer, (writer) => writer.ask('tick', this.#options.clock()));
    const result = { expired: 0, evicted: 0, doubtedS: clock.doubtedS };
    const until = performance.now() + UPKEEP_MS;
    for (let more = true; more && performance.now() < until && !this.#closing.signal.aborted;) {
      const slice = await this.#ask(this.#writer, (writer) =>
        writer.ask('maintain', { retentionDays, storeMib }),
      );
      result.expired += slice.expired;
      result.evicted += slice.evicted;
      more = slice.more;
    }
    return { ...result, ...(clock.jumpedS === undefined ? {} : { jumpedS: clock.jumpedS }) };
  }

  /** A person confirms that the machine was off for as long as its clock says: ages catch up. */
  async believeClock(): Promise<void> {
    await this.#ask(this.#writer, (writer) => writer.ask('believeClock'));
  }

  /** For the data report, and for purges and holds. */
  data(): EventStoreData {
    return storeData({
      settings: this.#options.settings,
      nowMs: () => this.#options.clock().wallMs,
      writer: (work, ...args) => this.#ask(this.#writer, (writer) => writer.ask(work, ...args)),
      reader: (work, ...args) => this.#ask(this.#reader, (reader) => reader.ask(work, ...args)),
    });
  }

  /** Writes what waits, if it can be written at once, and closes. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#queue.nudge();
    await this.#writing;
    await this.#reader?.ask('close').catch(() => undefined);
    await this.#writer?.ask('close').catch(() => undefined);
    await Promise.all([this.#reader?.end(), this.#writer?.end()]);
  }

  async #write(): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      if (this.#queue.empty) {
        if (signal.aborted) return;
        await this.#queue.filled();
        continue;
      }
      if (this.#queue.small) await sleep(GROUP_MS, undefined, { signal }).catch(() => undefined);
      const generation = this.#generation;
      const batch = this.#queue.take();
      while (generation === this.#generation && !(await this.#commit(batch))) {
        if (signal.aborted) return; // not stored, so it is read again
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
      this.#queue.nudge();
    }
  }

  /** @returns whether the batch is durable, or of no use any more */
  async #commit(batch: readonly IncomingMessage[]): Promise<boolean> {
    try {
      await this.#configure();
      const writer = await this.#working();
      const { records, faults } = await writer.ask('insert', batch);
      this.#records += records;
      for (const fault of faults) this.#options.onFault?.(fault);
      this.#fault = undefined;
      return true;
    } catch (error) {
      if (error instanceof StoreFault && error.damage) {
        await this.#replace(error.message).catch((cause: unknown) => {
          this.#fault = describeError(cause);
        });
        return false;
      }
      if (this.#fault === undefined) {
        this.#options.log.error(
          { err: error },
          'records cannot be written to the event store; it is tried again',
        );
      }
      this.#fault = faultText(error);
      return false;
    }
  }

  /** Both threads; a thread that died is made anew. */
  async #working(): Promise<StoreThread<Writer>> {
    if (this.#writer === undefined) await this.#openThreads(false);
    return this.#writer ?? unavailable();
  }

  async #openThreads(rebuild: boolean): Promise<void> {
    const { dir, workerFile, nativeBinding } = this.#options;
    const data = { dir, nativeBinding, rebuild };
    const writer = await StoreThread.open<Writer>(workerFile, { ...data, role: 'writer' });
    try {
      this.#reader = await StoreThread.open<Reader>(workerFile, { ...data, role: 'reader' });
    } catch (error) {
      await writer.end();
      throw error;
    }
    this.#writer = writer;
    this.#damaged = (await writer.ask('damage')) ?? this.#damaged;
    await writer.ask('tick', this.#options.clock());
    this.#policyText = '';
    await this.#configure();
  }

  async #replace(reason: string): Promise<void> {
    this.#options.log.error({ reason }, 'the event store is damaged; it is set aside and made anew');
    await Promise.all([this.#writer?.end(), this.#reader?.end()]);
    this.#writer = undefined;
    this.#reader = undefined;
    await this.#openThreads(true);
    this.#damaged = reason;
    this.#unreadable = undefined;
    this.#generation += 1;
    this.#queue.clear();
    this.#queue.nudge();
  }

  /** Tells both threads the field policy when it changed. */
  async #configure(): Promise<void> {
    const { fieldPolicy } = this.#options.settings();
    const text = JSON.stringify(fieldPolicy);
    if (text === this.#policyText || this.#writer === undefined || this.#reader === undefined) return;
    await this.#writer.ask('configure', fieldPolicy, this.#options.secret('events/pseudonyms/storage'));
    await this.#reader.ask('configure', fieldPolicy, this.#options.secret('events/pseudonyms/export'));
    this.#policyText = text;
  }

  async #ask<T, R>(thread: T | undefined, work: (thread: T) => Promise<R>): Promise<R> {
    if (thread === undefined || this.#closing.signal.aborted) return unavailable();
    try {
      return await work(thread);
    } catch (error) {
      if (error instanceof StoreFault && error.damage) {
        this.#options.log.error({ err: error }, 'a part of the event store cannot be read');
        this.#unreadable = error.message;
      }
      if (error instanceof BulkheadError) throw error;
      throw new BulkheadError({
        code: 'EVENTS_STORE_UNAVAILABLE',
        message: `The event store could not answer: ${describeError(error)}`,
        hint: 'See `bulkhead status`, and try again.',
        cause: error,
      });
    }
  }
}

function unavailable(): never {
  throw new BulkheadError({
    code: 'EVENTS_STORE_UNAVAILABLE',
    message: 'The event store is not open.',
    hint: 'It opens when the sensor is up; see `bulkhead status`.',
  });
}
