import { existsSync, readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { BulkheadError, describeError } from '../kernel/index.ts';
import { EventStore, fillingUp, StreamsToStore, WORKER_FILE, type ClockReading } from '../events/index.ts';
import type { StreamState } from '../bus/index.ts';
import type { StoreCounts } from '../network/index.ts';
import { storeDataSource } from './event-store-data.ts';
import { searchRoutes } from './event-store-routes.ts';
import type { Feature, FeatureContext } from './feature.ts';
import { heldBack } from './held-back.ts';

const VOLUME = 'events';
const RETRY_MS = 10_000;
const UPKEEP_MS = 30_000;
const DROPPED_EVERY_MS = 60_000;
/** A jump of the clock stays under attention for so long. */
const JUMP_SHOWN_MS = 24 * 3_600_000;

/** The event store of this sensor: opened on its volume, filled, kept, and asked over the local API. */
export function eventStoreFeature(context: FeatureContext): Feature {
  return new EventStoreFeature(context);
}

/**
 * INVARIANTS: `#run` is the only one that opens and closes the store; it tries again until it is stopped. Events of dropped
 * records are published at most once a minute, with everything since the last.
 */
class EventStoreFeature implements Feature {
  readonly name = 'event store';
  readonly #context: FeatureContext;
  readonly #ending = new AbortController();
  #running: Promise<void> | undefined;
  #store: EventStore | undefined;
  #problem: string | undefined = 'the event store is being opened';
  #notes: string[] = [];
  #jump: { seconds: number; atMs: number } | undefined;
  #doubtedS = 0;
  #damageTold: string | undefined;
  #dropped = { expired: 0, evicted: 0 };
  #droppedAt = -Infinity;
  /** Messages with something unreadable, by publisher; bounded by the number of streams. */
  readonly #faulty = new Map<string, number>();

  constructor(context: FeatureContext) {
    this.#context = context;
    context.data.register(
      storeDataSource(
        () => this.#opened().data(),
        () => context.configuration.desired.events,
      ),
    );
  }

  routes(app: FastifyInstance): void {
    searchRoutes(app, () => this.#opened(), this.#context.data);
  }

  start(): Promise<void> {
    this.#running = this.#run();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  attention(): string[] {
    const list = [...this.#notes];
    if (this.#problem !== undefined && this.#running !== undefined) list.push(this.#problem);
    if (this.#store?.fault !== undefined) {
      list.push(`the event store cannot write: ${this.#store.fault}; events wait in their streams`);
    }
    if (this.#store?.damage !== undefined) {
      list.push('the event store was damaged; it was set aside and is filled anew from the streams');
    }
    if (this.#store?.unreadable !== undefined) {
      list.push(
        `a part of the event store cannot be read: ${this.#store.unreadable}; answers may leave events out`,
      );
    }
    if (this.#jump !== undefined && Date.now() - this.#jump.atMs < JUMP_SHOWN_MS) {
      list.push(`the clock jumped by ${String(this.#jump.seconds)} s; no event was dropped for it`);
    }
    if (this.#doubtedS > 0) {
      list.push(
        `the clock says that the sensor was off for ${String(Math.round(this.#doubtedS / 86_400))} days more than is believed; ` +
          'if that is so, `bulkhead events accept-clock` lets events expire accordingly',
      );
    }
    return list;
  }

  async storeCounts(streams: readonly StreamState[]): Promise<readonly StoreCounts[]> {
    const positions = (await this.#store?.positions()) ?? [];
    const taken = new Map(positions.map(({ stream, sequence }) => [stream, sequence]));
    return streams.flatMap(({ stream, instrument, lastSequence }) => {
      const position = taken.get(stream);
      if (position === undefined) return [];
      const faulty = Math.min(position, this.#faulty.get(instrument) ?? 0);
      return [{ instrument, taken: position - faulty, faulty, behind: Math.max(0, lastSequence - position) }];
    });
  }

  #opened(): EventStore {
    if (this.#store !== undefined) return this.#store;
    throw new BulkheadError({
      code: 'EVENTS_STORE_UNAVAILABLE',
      message: `The event store cannot answer: ${this.#problem ?? 'it is closed'}.`,
      hint: 'Try again in a moment; `bulkhead status` says what is wrong.',
    });
  }

  async #run(): Promise<void> {
    const { log } = this.#context;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        await this.#serve(signal);
      } catch (error) {
        const text = `the event store cannot be opened: ${describeError(error)}`;
        if (this.#problem !== text) log.error({ err: error }, text);
        this.#problem = text;
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #serve(signal: AbortSignal): Promise<void> {
    const { rooms, log, configuration } = this.#context;
    const { storeMib } = configuration.desired.events;
    // The file system and the journal of the store need room beside what the store may take.
    const sizeMib = Math.ceil(storeMib * 1.1) + 64;
    const { path } = await rooms.storage.platform.unlock(VOLUME, { sizeMib });
    let feeding: Promise<void> | undefined;
    const closing = new AbortController();
    try {
      const here = dirname(fileURLToPath(import.meta.url));
      const binding = join(here, 'better_sqlite3.node');
      const store = await EventStore.open({
        dir: path,
        workerFile: join(here, WORKER_FILE),
        nativeBinding: existsSync(binding) ? binding : undefined,
        settings: () => configuration.desired.events,
        secret: (purpose) => rooms.storage.deriveSecret(purpose),
        clock: readClock,
        log,
        onFault: (fault) => {
          this.#faulty.set(fault.instrument, (this.#faulty.get(fault.instrument) ?? 0) + 1);
          log.warn({ fault }, 'a record could not be read and is not in the event store');
        },
      });
      this.#store = store;
      this.#problem = undefined;
      log.info({ path }, 'the event store is open');
      const feed = new StreamsToStore(rooms.bus, store, log);
      feeding = feed.run(AbortSignal.any([signal, closing.signal]));
      while (!signal.aborted) {
        await this.#upkeep(store, feed).catch((error: unknown) => {
          log.warn({ reason: describeError(error) }, 'upkeep of the event store did not succeed');
        });
        await sleep(UPKEEP_MS, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      closing.abort();
      const store = this.#store;
      this.#store = undefined;
      this.#problem = 'the event store is closed';
      await store?.close();
      await feeding;
      await rooms.storage.platform.lock(VOLUME);
    }
  }

  async #upkeep(store: EventStore, feed: StreamsToStore): Promise<void> {
    const { publish, configuration, rooms } = this.#context;
    const damage = store.unreadable ?? store.damage;
    if (damage !== undefined && damage !== this.#damageTold) {
      this.#damageTold = damage;
      publish('store.damaged', { reason: damage.slice(0, 200) });
    }
    const done = await store.upkeep();
    this.#doubtedS = done.doubtedS;
    if (done.jumpedS !== undefined) {
      this.#jump = { seconds: done.jumpedS, atMs: Date.now() };
      publish('store.clock_jumped', { seconds: done.jumpedS });
    }
    this.#dropped.expired += done.expired;
    this.#dropped.evicted += done.evicted;
    // Expiry is what was asked for; to have no room is not.
    if (this.#dropped.evicted > 0 && performance.now() - this.#droppedAt > DROPPED_EVERY_MS) {
      publish('store.dropped', {
        reason: 'full',
        records: this.#dropped.evicted,
        expired: this.#dropped.expired,
      });
      this.#dropped = { expired: 0, evicted: 0 };
      this.#droppedAt = performance.now();
    }
    const treated = configuration.desired.events.fieldPolicy.some(({ at }) => at === 'storage');
    const features = this.#context.features();
    const streams = new Map((await rooms.bus.streams()).map((stream) => [stream.stream, stream]));
    await feed.trim(treated ? 3_600 : 86_400, ({ stream }) => {
      const state = streams.get(stream);
      return state && heldBack(features, state);
    });
    const stored = new Map((await store.positions()).map(({ stream, sequence }) => [stream, sequence]));
    this.#notes = (await rooms.bus.streams())
      .map((stream) => fillingUp(stream, stored.get(stream.stream) ?? 0))
      .filter((note) => note !== undefined);
  }
}

function readClock(): ClockReading {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return { wallMs: Date.now(), uptimeS: uptime(), bootId };
}
