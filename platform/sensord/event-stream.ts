import type { StoredEvent } from '../contracts/index.ts';
import type { Bus, BusMessage } from '../bus/index.ts';
import { decodeMessage } from '../events/index.ts';
import type { EventFilter } from './api.ts';

type EventSource = Pick<Bus, 'subscribeEvents' | 'streams'>;

/** For "the newest COUNT events" this many stored messages per stream are looked at; each may pack many events. */
const TAIL_MESSAGES = 2_000;
/** Events that wait for a slow reader; then the bus is not read further. */
const MAX_WAITING = 1_000;

/** Hands every newly stored event of these types to `onEvent`, until aborted. */
export async function watchEvents(
  bus: EventSource,
  types: readonly string[],
  onEvent: (event: StoredEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const feed = await bus.subscribeEvents(
    { types, start: 'live' },
    (message) => {
      for (const event of decodeMessage(message).events) onEvent(event);
    },
    signal,
  );
  await feed.ended;
}

/**
 * Stored events and then, if asked, new ones as they come. A slow reader slows its own reading and nobody else's.
 * @throws BulkheadError BUS_NOT_READY
 */
export async function* readEvents(
  bus: EventSource,
  filter: EventFilter,
  signal: AbortSignal,
): AsyncGenerator<StoredEvent> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const queue = new Handover<StoredEvent>(MAX_WAITING, until);
  const feed = await bus.subscribeEvents(
    await feedFilter(bus, filter),
    (message) => take(message, queue),
    until,
  );
  let live = false;
  void feed.caughtUp.then(() => {
    live = true;
    queue.wake();
  });
  try {
    if (filter.last !== undefined && filter.since === undefined) {
      const newest = await newestOf(queue, filter.last, () => live);
      yield* newest;
    }
    for (;;) {
      const event = await queue.next(() => live && !filter.follow);
      if (event === undefined) return;
      yield event;
    }
  } finally {
    over.abort();
    await feed.ended;
  }
}

async function feedFilter(
  bus: EventSource,
  filter: EventFilter,
): Promise<Parameters<Bus['subscribeEvents']>[0]> {
  const base = {
    ...(filter.instrument === undefined ? {} : { instrument: filter.instrument }),
    ...(filter.type === undefined ? {} : { types: [filter.type] }),
  };
  if (filter.since !== undefined) return { ...base, start: { since: new Date(filter.since) } };
  if (filter.last === undefined || filter.last === 0) return { ...base, start: 'live' };
  const positions = (await bus.streams()).map(
    ({ stream, lastSequence }) => [stream, Math.max(0, lastSequence - TAIL_MESSAGES)] as const,
  );
  return { ...base, start: { after: Object.fromEntries(positions), otherwise: 'beginning' } };
}

async function take(message: BusMessage, queue: Handover<StoredEvent>): Promise<void> {
  for (const event of decodeMessage(message).events) await queue.put(event);
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
