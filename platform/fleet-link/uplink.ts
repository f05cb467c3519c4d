import { setTimeout as sleep } from 'node:timers/promises';
import { UPLINK_LIMITS } from '../contracts/index.ts';
import { backoffMs, describeError, type Logger } from '../kernel/index.ts';
import type { UplinkCursor } from './uplink-cursor.ts';
import {
  isChosen,
  outgoing,
  type OutgoingMessage,
  type StoredMessage,
  type UplinkChoice,
} from './uplink-message.ts';
import { SendWindow } from './uplink-window.ts';

/** Messages that went by policy before they could be sent, or that cannot be. */
export interface UplinkGap {
  instrument: string;
  stream: string;
  /** How many messages (packs of records). */
  messages: number;
  /** First and last position that is missing. */
  from: number;
  to: number;
}

/** What bringing events to the fleet needs. */
export interface UplinkParts {
  log: Logger;
  /** Id of this sensor in its fleet. */
  sensor: string;
  cursor: UplinkCursor;
  /** The bus' reading side. */
  source: {
    subscribeEvents(
      filter: { start: { after: Readonly<Record<string, number>>; otherwise: 'beginning' } },
      onMessage: (message: StoredMessage) => Promise<void> | void,
      signal: AbortSignal,
    ): Promise<{ ended: Promise<void> }>;
    streams(): Promise<{ stream: string; created: string; lastSequence: number }[]>;
    /** Returns how to stop listening. */
    onRestarted(listener: () => void): () => void;
  };
  /** Resolves when the fleet has stored it. */
  publish(message: OutgoingMessage, timeoutMs: number): Promise<void>;
  choice: () => UplinkChoice;
  /** Is there a link at all? Without one nothing is tried. */
  linked: () => boolean;
  /** Tells of a gap; resolves when that is durable. */
  onGap(gap: UplinkGap): Promise<void>;
}

const PUBLISH_MS = 20_000;
const SAVE_MS = 500;
/** What servers take, less room for headers. */
const MOST_BYTES = UPLINK_LIMITS.messageBytes - 16 * 1024;
const RETRY = { firstMs: 250, maxMs: 5_000, holdAfter: Number.POSITIVE_INFINITY, healthyAfterMs: 10_000 };

/**
 * Brings a sensor's stored events to its fleet: every stream in order, each message with what the fleet needs to recognise it, many
 * on the way at the same time.
 *
 * INVARIANTS: `run` once, until its signal is aborted. A round reads from the cursor; the cursor moves only over messages that were
 * acknowledged, in order, or are not to be sent. The first failure ends the round, and the next one sends again what was not
 * acknowledged. Answers of an ended round change nothing.
 */
export class UplinkSender {
  readonly #parts: UplinkParts;
  #created = new Map<string, string>();
  #fault: string | undefined;
  #failures = 0;
  #sent = 0;
  #wake: () => void = () => undefined;

  constructor(parts: UplinkParts) {
    this.#parts = parts;
  }

  /** Why nothing is sent now; undefined while it is. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Messages acknowledged since the start. */
  get sent(): number {
    return this.#sent;
  }

  /** The link is there again: do not wait any longer. */
  nudge(): void {
    this.#wake();
  }

  /** Resolves after the signal was aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#parts.linked()) await this.#round(signal);
        else this.#fault = 'there is no link';
      } catch (error) {
        if (this.#fault === undefined)
          this.#parts.log.info({ reason: describeError(error) }, 'events wait until the fleet takes them');
        this.#fault = describeError(error);
        this.#failures += 1;
      }
      await this.#pause(signal);
    }
    await this.#parts.cursor.save().catch(() => undefined);
  }

  async #round(outer: AbortSignal): Promise<void> {
    const { source, cursor, log } = this.#parts;
    const round = new AbortController();
    const signal = AbortSignal.any([outer, round.signal]);
    const window = new SendWindow((error) => {
      round.abort(error);
    });
    const again = source.onRestarted(() => {
      round.abort();
    });
    const saving = setInterval(() => {
      cursor.save().catch((error: unknown) => {
        log.warn(
          { reason: describeError(error) },
          'the place up to which the fleet has events cannot be kept',
        );
      });
    }, SAVE_MS);
    try {
      const places = await this.#places();
      const feed = await source.subscribeEvents(
        { start: { after: Object.fromEntries(places.after), otherwise: 'beginning' } },
        (message) => this.#take(message, places.streams, window, signal),
        signal,
      );
      await feed.ended;
    } finally {
      clearInterval(saving);
      again();
      window.end();
      await cursor.save();
    }
    if (window.failure !== undefined) throw window.failure;
  }

  /** Where each stream's reading goes on. */
  async #places(): Promise<{ after: Map<string, number>; streams: Map<string, Place> }> {
    const after = new Map<string, number>();
    const streams = new Map<string, Place>();
    const states = await this.#parts.source.streams();
    this.#created = new Map(states.map(({ stream, created }) => [stream, created]));
    for (const { stream, created, lastSequence } of states) {
      const cursor = this.#parts.cursor.of(stream, created);
      // A stream that went back (its newest messages were lost) is another, whatever it says of when it was made.
      if (cursor === undefined || cursor.sequence > lastSequence) continue;
      after.set(stream, cursor.sequence);
      streams.set(stream, { created, next: cursor.sequence + 1, previous: cursor.sent });
    }
    return { after, streams };
  }

  async #take(
    message: StoredMessage,
    places: Map<string, Place>,
    window: SendWindow,
    signal: AbortSignal,
  ): Promise<void> {
    const place = places.get(message.stream) ?? (await this.#newPlace(message));
    places.set(message.stream, place);
    if (message.sequence < place.next) return;
    if (message.sequence > place.next) await this.#tellGap(message, place, place.next, message.sequence - 1);
    if (signal.aborted) return;
    place.next = message.sequence + 1;
    const choice = this.#parts.choice();
    const { stream, sequence } = message;
    const { created } = place;
    const sent = place.previous;
    const pass = (): void => {
      window.pass(stream, () => {
        this.#parts.cursor.move(stream, { created, sequence, sent });
      });
    };
    if (!isChosen(choice, message)) {
      pass();
      return;
    }
    const out = outgoing(message, choice, { sensor: this.#parts.sensor, created, previous: place.previous });
    if (out.body.length > MOST_BYTES) {
      await this.#tellGap(message, place, sequence, sequence);
      pass();
      return;
    }
    place.previous = sequence;
    await window.send(stream, out.body.length, this.#parts.publish(out, PUBLISH_MS), () => {
      this.#parts.cursor.move(stream, { created, sequence, sent: sequence });
      this.#sent += 1;
      this.#fault = undefined;
      this.#failures = 0;
    });
  }

  /** Of a stream that was never sent from: what went before its first message, nobody was promised. */
  async #newPlace(message: StoredMessage): Promise<Place> {
    let created = this.#created.get(message.stream);
    if (created === undefined) {
      for (const one of await this.#parts.source.streams()) this.#created.set(one.stream, one.created);
      created = this.#created.get(message.stream);
    }
    if (created === undefined) throw new Error(`nobody knows when the stream ${message.stream} was made`);
    return { created, next: message.sequence, previous: 0 };
  }

  async #tellGap(
    { instrument, stream }: StoredMessage,
    { created }: Place,
    first: number,
    to: number,
  ): Promise<void> {
    const { cursor } = this.#parts;
    // A round that ended before its messages were acknowledged told of it already.
    const from = Math.max(first, cursor.toldUpTo(stream, created) + 1);
    if (from > to) return;
    const gap = { instrument, stream, messages: to - from + 1, from, to };
    this.#parts.log.warn(gap, 'events were dropped before the fleet had them');
    await this.#parts.onGap(gap);
    cursor.told(stream, created, to);
    await cursor.save();
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    const waiting = new AbortController();
    const ms = this.#failures === 0 ? 100 : backoffMs(RETRY, this.#failures);
    const both = AbortSignal.any([signal, waiting.signal]);
    await Promise.race([woken, sleep(ms, undefined, { signal: both }).catch(() => undefined)]);
    waiting.abort();
  }
}

/** Where a stream stands in one round. */
interface Place {
  created: string;
  /** Position that is expected next. */
  next: number;
  /** The last that was sent. */
  previous: number;
}
