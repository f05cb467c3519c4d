import type { StoredEvent } from '../contracts/index.ts';
import type { Bus } from '../bus/index.ts';
import type { EventQuery, EventQueryFilter } from '../events/index.ts';
import type { EventFilter } from './api.ts';

/** For "the newest COUNT events" this many stored messages per stream are looked at; each may pack many events. */
const TAIL_MESSAGES = 2_000;
/** Events that wait for a slow reader; then the bus is not read further. */
const MAX_WAITING = 1_000;

/**
 * Stored events and then, if asked, new ones as they come. A slow reader slows its own reading and nobody else's.
 * @throws BulkheadError BUS_NOT_READY
 */
export async function* readEvents(
  bus: Pick<Bus, 'streams'>,
  query: Pick<EventQuery, 'tail'>,
  filter: EventFilter,
  signal: AbortSignal,
): AsyncGenerator<StoredEvent> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const queue = new Handover<StoredEvent>(MAX_WAITING, until);
  let live = false;
  const caughtUp = () => {
    live = true;
    queue.wake();
  };
  const put = (event: StoredEvent) => queue.put(event);
  const ended = query.tail(await queryFilter(bus, filter), put, until, caughtUp).finally(() => {
    over.abort();
  });
  ended.catch(() => undefined); // awaited below; a rejection before that must not end the process
  try {
    if (filter.last !== undefined && filter.since === undefined) {
      yield* await newestOf(queue, filter.last, () => live);
    }
    for (;;) {
      const event = await queue.next(() => live && !filter.follow);
      if (event === undefined) break;
      yield event;
    }
  } finally {
    over.abort();
    await ended;
  }
}

async function queryFilter(bus: Pick<Bus, 'streams'>, filter: EventFilter): Promise<EventQueryFilter> {
  const base = {
    ...(filter.instrument === undefined ? {} : { instrument: filter.instrument }),
    ...(filter.type === undefined ? {} : { types: [filter.type] }),
  };
  if (filter.since !== undefined) return { ...base, since: new Date(filter.since) };
  if (filter.last === undefined || filter.last === 0) return base;
  const positions = (await bus.streams()).map(
    ({ stream, lastSequence }) => [stream, Math.max(0, lastSequence - TAIL_MESSAGES)] as const,
  );
  return { ...base, after: Object.fromEntries(positions) };
}

/** The newest `count` of what is stored, oldest first. */
async function newestOf(
  queue: Handover<StoredEvent>,
  count: number,
  live: () => boolean,
): Promise<StoredEvent[]> {
  const kept: StoredEvent[] = [];
  for (;;) {
    const event = await queue.next(live);
    if (event === undefined) break;
    kept.push(event);
    if (kept.length > count * 2 + 100) keepNewest(kept, count);
  }
  keepNewest(kept, count);
  return kept;
}

function keepNewest(events: StoredEvent[], count: number): void {
  events.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  events.splice(0, Math.max(0, events.length - count));
}

/**
 * A bounded queue between several writers and one reader.
 *
 * INVARIANTS: `put` waits while the queue is full; after the signal was aborted both ends return at once.
 */
class Handover<T> {
  readonly #items: T[] = [];
  readonly #most: number;
  readonly #signal: AbortSignal;
  #waiting: (() => void)[] = [];

  constructor(most: number, signal: AbortSignal) {
    this.#most = most;
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      this.wake();
    });
  }

  async put(item: T): Promise<void> {
    while (this.#items.length >= this.#most && !this.#signal.aborted) await this.#change();
    this.#items.push(item);
    this.wake();
  }

  /** The next item; undefined when it is empty and `enough`, or aborted. */
  async next(enough: () => boolean): Promise<T | undefined> {
    while (!this.#signal.aborted) {
      const item = this.#items.shift();
      if (item !== undefined) {
        this.wake();
        return item;
      }
      if (enough()) return undefined;
      await this.#change();
    }
    return undefined;
  }

  /** Lets both ends look again. */
  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
