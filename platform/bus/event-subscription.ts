import type { Logger } from '../kernel/index.ts';
import type { EventFeed, EventFilter } from './bus.ts';
import { StreamFeed, type BusMessage, type FeedSource, type FeedStart } from './event-feed.ts';
import { publisherOf } from './names.ts';

/** What a subscription over several streams needs. */
export interface SubscriptionSource extends FeedSource {
  /** Names of the streams that are there now. */
  listStreams(): Promise<string[]>;
  /** Tells of streams that are made later; returns how to stop listening. */
  onNewStream(listener: (stream: string) => void): () => void;
}

/**
 * Reads all streams that the filter wants, and those that are made while it runs. Live starts are fixed before this
 * resolves: what is stored afterwards is handed over.
 */
export async function openEventFeed(
  source: SubscriptionSource,
  filter: EventFilter,
  onEvent: (message: BusMessage) => Promise<void> | void,
  signal: AbortSignal,
  log: Logger,
): Promise<EventFeed> {
  const running = new Map<string, Promise<void>>();
  const wanted = (stream: string): boolean => {
    const publisher = publisherOf(stream);
    return publisher !== undefined && (filter.instrument === undefined || filter.instrument === publisher);
  };
  const begin = async (stream: string, start: FeedStart): Promise<Promise<void>[]> => {
    if (running.has(stream) || !wanted(stream)) return [];
    let announce: () => void = () => undefined;
    const caughtUp = new Promise<void>((resolve) => (announce = resolve));
    const feed = new StreamFeed(source, {
      stream,
      types: filter.types ?? [],
      start,
      onMessage: onEvent,
      onCaughtUp: announce,
      log,
    });
    running.set(stream, Promise.resolve());
    await feed.fix(signal);
    running.set(stream, feed.run(signal).finally(announce));
    return [caughtUp];
  };
  const stopListening = source.onNewStream((stream) => {
    // It had no events when the subscription began, so its beginning is part of everything that comes after.
    void begin(stream, 'beginning');
  });
  const caughtUps: Promise<void>[] = [];
  try {
    for (const stream of await source.listStreams()) {
      caughtUps.push(...(await begin(stream, filter.start ?? 'live')));
    }
  } catch (error) {
    stopListening();
    throw error;
  }
  const ended = new Promise<void>((resolve) => {
    const finish = (): void => {
      stopListening();
      void Promise.all(running.values()).then(() => {
        resolve();
      });
    };
    if (signal.aborted) finish();
    else signal.addEventListener('abort', finish, { once: true });
  });
  return { caughtUp: Promise.all(caughtUps).then(() => undefined), ended };
}
