import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Logger } from '../kernel/index.ts';
import type { StoreHealth } from './bus.ts';
import type { Connected } from './connections.ts';
import { countUnreadable } from './scrub.ts';
import type { StoreIncident, StoreIncidents } from './store-incidents.ts';
import type { StoreKeeper } from './store-keeper.ts';
import { StoreWatch, type StoreFault } from './store-watch.ts';
import { ourStreams } from './streams.ts';

/** What watching over a running store needs. */
export interface StoreDutyOptions {
  keeper: StoreKeeper;
  places: { storeDir: string; logFile: string };
  incidents: StoreIncidents;
  connected: () => Connected | undefined;
  /** Runs work while nothing else changes the server. */
  exclusive: (work: () => Promise<void>) => Promise<void>;
  /** Starts the server anew; to be called in `exclusive`. */
  restart: () => Promise<void>;
  log: Logger;
}

const LOOK_MS = 5_000;
/** After a restart that did not help. */
const LATER_MS = 60_000;
const FIRST_SCRUB_MS = 60_000;
const SCRUB_MS = 24 * 60 * 60_000;

/**
 * Looks after a store in use: does it take what is written, how far have the streams come, can everything be read.
 *
 * INVARIANTS: `begin` once, then `end`; `scrub` runs one at a time.
 */
export class StoreDuty implements StoreHealth {
  readonly #options: StoreDutyOptions;
  readonly #watch: StoreWatch;
  readonly #ending = new AbortController();
  #scrubbing: Promise<unknown> = Promise.resolve();
  #begun = false;

  constructor(options: StoreDutyOptions) {
    this.#options = options;
    this.#watch = new StoreWatch({ ...options.places, connection: options.connected });
  }

  onIncident(listener: (incident: StoreIncident) => void): () => void {
    return this.#options.incidents.listen(listener);
  }

  get fault(): StoreFault | undefined {
    return this.#watch.fault;
  }

  quarantined(): Promise<string[]> {
    return this.#options.keeper.quarantined();
  }

  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const { signal } = this.#ending;
    void this.#attend(signal);
    void this.#scrubDaily(signal);
  }

  end(): void {
    this.#ending.abort();
  }

  /** Reads every message of every stream; tells of those that cannot be read, and returns how many by stream. */
  async scrub(): Promise<Record<string, number>> {
    const next = this.#scrubbing.then(() => this.#scrub(this.#ending.signal));
    this.#scrubbing = next.catch(() => undefined);
    return next;
  }

  async #attend(signal: AbortSignal): Promise<void> {
    let pauseMs = LOOK_MS;
    while (await pause(pauseMs, signal)) {
      pauseMs = LOOK_MS;
      try {
        if ((await this.#watch.look()) === 'nothing') await this.#notePositions();
        else if (!signal.aborted) pauseMs = await this.#recover();
      } catch (error) {
        this.#options.log.warn({ reason: describeError(error) }, 'the event store could not be looked at');
      }
    }
  }

  /** What is noted must be on the disk: not while the disk takes nothing. */
  async #notePositions(): Promise<void> {
    const { keeper, connected, exclusive } = this.#options;
    const connection = connected();
    if (this.fault !== undefined || connection === undefined) return;
    const streams = await ourStreams(connection.manager);
    await exclusive(() => keeper.look(new Map(streams.map(({ config, state }) => [config.name, state]))));
  }

  async #recover(): Promise<number> {
    const { incidents, exclusive, restart, log } = this.#options;
    const watch = this.#watch;
    log.warn(
      { reason: watch.fault?.text },
      'the disk of the event store takes writes again; nats-server is restarted',
    );
    await exclusive(restart);
    const fault = watch.fault;
    if (fault === undefined || (await watch.restarted()) !== undefined) return LATER_MS;
    const text = `from ${fault.since} on nothing could be stored: ${fault.text}`;
    incidents.tell('bus.storeFailed', text, { code: fault.code, since: fault.since });
    return LOOK_MS;
  }

  async #scrubDaily(signal: AbortSignal): Promise<void> {
    for (let waitMs = FIRST_SCRUB_MS; await pause(waitMs, signal); waitMs = SCRUB_MS) {
      await this.scrub().catch((error: unknown) => {
        this.#options.log.warn({ reason: describeError(error) }, 'the event store could not be read through');
      });
    }
  }

  async #scrub(signal: AbortSignal): Promise<Record<string, number>> {
    const { connected, keeper, exclusive } = this.#options;
    const connection = connected();
    const found: Record<string, number> = {};
    if (connection === undefined) return found;
    for (const { config } of await ourStreams(connection.manager)) {
      if (signal.aborted) return found;
      const messages = await countUnreadable(connection, config.name, signal);
      found[config.name] = messages;
      await exclusive(() => keeper.unreadable(config.name, messages));
    }
    return found;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
  return !signal.aborted;
}
