import { setTimeout as sleep } from 'node:timers/promises';
import {
  AckPolicy,
  DeliverPolicy,
  ReplayPolicy,
  type ConsumerConfig,
  type ConsumerMessages,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { describeError, type Logger } from '../kernel/index.ts';
import { EVENT_HEADERS } from '../contracts/index.ts';
import { publisherOf } from './names.ts';

/** One stored message as it lies in a stream: packed, and not yet looked into. */
export interface BusMessage {
  /** Publisher: an instrument, or `platform`. From the stream's name, which no instrument can choose. */
  instrument: string;
  stream: string;
  /** Position in the stream, from 1. */
  sequence: number;
  /** Event type, from the subject, which the publisher's account is bound to. */
  type: string;
  /** When it was stored, by the sensor's clock. */
  storedAt: Date;
  /** `ce-…` and `bh-count` as the publisher wrote them; not to be trusted. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

/** Where reading starts: a position for each stream that is listed, else as `otherwise` says. */
export type FeedStart =
  | 'live'
  | 'beginning'
  | { since: Date }
  | { after: Readonly<Record<string, number>>; otherwise: 'live' | 'beginning' };

/** After so many of the server's signs of life without a message, nothing more comes although some seem to be left. */
const IDLE_HEARTBEATS = 3;

/** What one stream's reading needs from the bus. */
export interface FeedSource {
  /** Resolves when the bus is up; rejects when the bus was closed. */
  jetstream(signal: AbortSignal): Promise<{ client: JetStreamClient; manager: JetStreamManager }>;
}

export interface StreamFeedOptions {
  stream: string;
  /** Exact types; empty = all. */
  types: readonly string[];
  start: FeedStart;
  onMessage: (message: BusMessage) => Promise<void> | void;
  /** Called once, when everything that was stored at the start has been handed over. */
  onCaughtUp: () => void;
  log: Logger;
}

/**
 * Hands over one stream's messages in order, each once, over restarts of the server.
 *
 * INVARIANTS: `#next` is the sequence after the last message that `onMessage` has finished; every new consumer starts
 * there. Consumers are the platform's own, ephemeral, without acknowledgement; a gap in their delivery sequence, a missed
 * heartbeat or a vanished consumer means: make another. `run` ends only when the signal is aborted.
 */
export class StreamFeed {
  readonly #source: FeedSource;
  readonly #options: StreamFeedOptions;
  #next: number | undefined;
  #caughtUp = false;
  /** Something is being handed over. */
  #busy = false;

  constructor(source: FeedSource, options: StreamFeedOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** Decides where a live reading starts; to be awaited before the caller goes on, so that nothing later is missed. */
  async fix(signal: AbortSignal): Promise<void> {
    const { start, stream } = this.#options;
    const after = typeof start === 'object' && 'after' in start ? start.after[stream] : undefined;
    const rest = typeof start === 'object' && 'after' in start ? start.otherwise : start;
    if (after !== undefined) this.#next = after + 1;
    else if (rest === 'beginning') this.#next = 1;
    else if (rest === 'live') {
      const { manager } = await this.#source.jetstream(signal);
      this.#next = (await manager.streams.info(stream)).state.last_seq + 1;
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#read(signal);
      } catch (error) {
        this.#options.log.debug(
          { stream: this.#options.stream, reason: describeError(error) },
          'reading starts again',
        );
      }
      // Bounded pace: a consumer that cannot be made must not turn into a loop of requests.
      await sleep(150, undefined, { signal }).catch(() => undefined);
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { client, manager } = await this.#source.jetstream(signal);
    const { stream } = this.#options;
    const info = await manager.consumers.add(stream, this.#consumerConfig());
    let expected = 1;
    if (info.num_pending === 0) this.#announceCaughtUp();
    const messages = await (
      await client.consumers.get(stream, info.name)
    ).consume({ max_messages: 128, expires: 20_000, idle_heartbeat: 1_500 });
    const stop = (): void => {
      messages.stop();
    };
    signal.addEventListener('abort', stop, { once: true });
    // A reader may leave as soon as it has caught up, which was told above: its abort is then already over.
    if (signal.aborted) stop();
    void this.#attend(messages);
    try {
      for await (const message of messages) {
        if (signal.aborted || message.info.deliverySequence !== expected) break;
        expected += 1;
        await this.#take(message);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      messages.stop();
      await manager.consumers.delete(stream, info.name).catch(() => undefined);
    }
  }

  async #take(message: JsMsg): Promise<void> {
    // A message that was handed over before the last consumer was lost must not be handed over again.
    if (this.#next === undefined || message.seq >= this.#next) {
      this.#busy = true;
      try {
        await this.#options.onMessage(toBusMessage(this.#options.stream, message));
      } finally {
        this.#busy = false;
      }
      this.#next = message.seq + 1;
    }
    if (message.info.pending === 0) this.#announceCaughtUp();
  }

  /** Ends the iteration when the consumer is gone, so that the caller makes another one from where it stands. */
  async #attend(messages: ConsumerMessages): Promise<void> {
    let [idle, place] = [0, this.#next];
    for await (const status of messages.status()) {
      if (
        status.type === 'heartbeats_missed' ||
        status.type === 'consumer_not_found' ||
        status.type === 'consumer_deleted' ||
        status.type === 'stream_not_found'
      ) {
        messages.stop();
      } else if (status.type === 'heartbeat') {
        idle = this.#busy || this.#next !== place ? 0 : idle + 1;
        place = this.#next;
        // A damaged message is passed over by the server and stays pending in its count for ever.
        if (idle >= IDLE_HEARTBEATS) this.#announceCaughtUp();
      }
    }
  }

  #announceCaughtUp(): void {
    if (this.#caughtUp) return;
    this.#caughtUp = true;
    this.#options.onCaughtUp();
  }

  #consumerConfig(): Partial<ConsumerConfig> {
    const { start, stream, types } = this.#options;
    const publisher = publisherOf(stream) ?? '';
    const position =
      this.#next === undefined && typeof start === 'object' && 'since' in start
        ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: start.since.toISOString() }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.#next ?? 1 };
    return {
      ...position,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      mem_storage: true,
      inactive_threshold: nanos(60_000),
      ...(types.length === 0 ? {} : { filter_subjects: types.map((type) => `event.${publisher}.${type}`) }),
    };
  }
}

function toBusMessage(stream: string, message: JsMsg): BusMessage {
  const headers: Record<string, string> = {};
  for (const name of Object.values(EVENT_HEADERS)) {
    const value = message.headers?.get(name);
    if (value !== undefined && value !== '') headers[name] = value;
  }
  const instrument = publisherOf(stream) ?? '';
  return {
    instrument,
    stream,
    sequence: message.seq,
    type: message.subject.slice(`event.${instrument}.`.length),
    storedAt: message.time,
    headers,
    body: message.data,
  };
}
