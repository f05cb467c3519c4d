import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Logger } from '../../kernel/index.ts';
import type { PackedMessage } from '../decode.ts';
import type { EventStore } from './event-store.ts';
import { trimPoint, type StreamFacts } from './trimming.ts';

/** What filling the store needs of the bus. */
export interface StreamSource {
  subscribeEvents(
    filter: { start: { after: Readonly<Record<string, number>>; otherwise: 'beginning' } },
    onMessage: (message: PackedMessage) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<{ ended: Promise<void> }>;
  streams(): Promise<StreamFacts[]>;
  trim(stream: string, upTo: number): Promise<number>;
  /** Returns how to stop listening. */
  onRestarted(listener: () => void): () => void;
}

const LOOK_MS = 500;
const RETRY_MS = 2_000;
const HOUR_S = 3_600;

/**
 * Fills the store from the streams, each message once: reading starts behind what is durably stored, in the same transaction as
 * which that position was written.
 *
 * INVARIANTS: `run` once, until its signal is aborted. Reading starts anew when the bus was restarted and when the store was
 * replaced; what was read before and not yet stored is then read again.
 */
export class StreamsToStore {
  readonly #source: StreamSource;
  readonly #store: EventStore;
  readonly #log: Logger;
  /** When each stream was made, as far as it was seen. */
  #created = new Map<string, string>();
  #again = false;

  constructor(source: StreamSource, store: EventStore, log: Logger) {
    this.#source = source;
    this.#store = store;
    this.#log = log;
  }

  /** Resolves after the signal was aborted and the last message was handed over. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = this.#source.onRestarted(() => {
      this.#again = true;
    });
    while (!signal.aborted) {
      await this.#round(signal).catch(async (error: unknown) => {
        this.#log.debug({ reason: describeError(error) }, 'filling the event store starts again');
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      });
    }
    stop();
  }

  /**
   * Removes from the streams what is durably in the store and read by all: what is a day old (an hour, when a field policy says
   * that it must not be kept as it came), and more when a stream fills up.
   * @param held up to where somebody elsewhere has a stream, and how long they may be waited for; undefined: nobody waits
   * @returns messages removed
   */
  async trim(
    keepS: number = 24 * HOUR_S,
    held: (stream: StreamFacts) => { upTo: number; forS: number } | undefined = () => undefined,
  ): Promise<number> {
    const positions = new Map((await this.#store.positions()).map((at) => [at.stream, at]));
    let removed = 0;
    for (const stream of await this.#source.streams()) {
      const stored = positions.get(stream.stream);
      if (!stream.trimmable || stored?.created !== stream.created) continue;
      const aged = await this.#store.storedBefore(stream.stream, keepS);
      const waiting = held(stream);
      const heldBack = waiting && {
        upTo: waiting.upTo,
        waited: await this.#store.storedBefore(stream.stream, waiting.forS),
      };
      const upTo = trimPoint(stream, stored.sequence, aged, heldBack);
      if (upTo !== undefined) removed += await this.#source.trim(stream.stream, upTo);
    }
    return removed;
  }

  async #round(signal: AbortSignal): Promise<void> {
    this.#again = false;
    const generation = this.#store.newRound();
    const after = await this.#positions();
    const round = new AbortController();
    const feed = await this.#source.subscribeEvents(
      { start: { after, otherwise: 'beginning' } },
      async (message) => {
        const streamCreated = await this.#createdOf(message.stream);
        await this.#store.offer({ ...message, streamCreated }, generation);
      },
      AbortSignal.any([signal, round.signal]),
    );
    try {
      while (!signal.aborted && !this.#outdated(generation)) {
        await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      round.abort();
      // Lets a reader go that waits for room. What it had offered is read again.
      this.#store.newRound();
      await feed.ended;
    }
  }

  #outdated(generation: number): boolean {
    return this.#again || this.#store.generation !== generation;
  }

  /** Where reading goes on; a stream that was made anew since, or that is gone, is forgotten. */
  async #positions(): Promise<Record<string, number>> {
    const streams = new Map((await this.#source.streams()).map((stream) => [stream.stream, stream]));
    this.#created = new Map([...streams].map(([name, { created }]) => [name, created]));
    const after: Record<string, number> = {};
    for (const { stream, created, sequence } of await this.#store.positions()) {
      const facts = streams.get(stream);
      if (facts === undefined) continue;
      if (facts.created === created && facts.lastSequence >= sequence) after[stream] = sequence;
      else {
        this.#log.warn(
          { stream, sequence },
          'a stream was made anew; the event store reads it from its beginning',
        );
        await this.#store.forget(stream);
      }
    }
    return after;
  }

  async #createdOf(stream: string): Promise<string> {
    const known = this.#created.get(stream);
    if (known !== undefined) return known;
    for (const { stream: name, created } of await this.#source.streams()) this.#created.set(name, created);
    return this.#created.get(stream) ?? '';
  }
}
