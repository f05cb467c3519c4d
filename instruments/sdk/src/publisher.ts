import { createInbox, headers, nuid, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { InstrumentError, notPermitted } from './errors.ts';
import type { InstrumentLog } from './log.ts';
import { Pack } from './pack.ts';
import { HEADERS, LIMITS } from './protocol.ts';
import { readAcknowledgement } from './acknowledgement.ts';
import type { EventRecord, PublishCounters } from './types.ts';

/** What publishing needs to know. */
export interface PublisherOptions {
  connection: NatsConnection;
  instrument: string;
  sensor: string;
  types: readonly string[];
  log: InstrumentLog;
  maxBufferBytes: number;
  maxInFlight: number;
}

const RETRY_MS = 250;

/**
 * Packs records, sends the packs and sees to it that each is stored once.
 *
 * INVARIANTS: a pack is in exactly one place: open (by type), waiting, or in flight (by id). At most `maxInFlight` are in
 * flight. A pack keeps its id over all tries, so that the server recognises a repetition. It is sent again when the
 * connection came back, when there was nobody to store it, or when no acknowledgement came; it leaves only when stored,
 * refused for good, or when the publisher is closed. The order of sending is the order of sealing.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #session = nuid.next();
  readonly #inbox: string;
  readonly #open = new Map<string, Pack | undefined>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #inFlight = new Map<string, Pack>();
  readonly #counters = { accepted: 0, stored: 0, refused: 0, rejected: 0, resent: 0 };
  readonly #watch: NodeJS.Timeout;
  #waiting: Pack[] = [];
  #buffered = 0;
  #sealed = 0;
  #connected = true;
  #closed = false;
  #onRoom: (() => void)[] = [];
  #onIdle: (() => void)[] = [];

  constructor(options: PublisherOptions) {
    this.#options = options;
    for (const type of options.types) this.#open.set(type, undefined);
    this.#inbox = createInbox(`_INBOX.${options.instrument}`);
    options.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#acknowledged(message);
      },
    });
    this.#watch = setInterval(() => {
      this.#resendLate();
    }, RETRY_MS);
  }

  publish(type: string, record: EventRecord): Promise<void> {
    let line: string;
    try {
      line = `${JSON.stringify(record)}\n`;
    } catch (cause) {
      return this.#reject('BUS_RECORD_INVALID', type, 'cannot be written as JSON', cause);
    }
    // `{` alone tells an object from everything else that JSON.stringify returns.
    if (!line.startsWith('{')) return this.#reject('BUS_RECORD_INVALID', type, 'is not a JSON object');
    const bytes = Buffer.byteLength(line);
    const pack = this.#packFor(type, bytes);
    if (!(pack instanceof Pack)) return pack;
    pack.appendText(line, bytes);
    return this.#added(pack, bytes);
  }

  publishRaw(type: string, line: Buffer): Promise<void> {
    const end = line.at(-1) === 0x0a ? line.length - 1 : line.length;
    const text = end === line.length ? line : line.subarray(0, end);
    if (text[0] !== 0x7b || text[end - 1] !== 0x7d || text.includes(0x0a)) {
      return this.#reject('BUS_RECORD_INVALID', type, 'is not one line with one JSON object');
    }
    const pack = this.#packFor(type, end + 1);
    if (!(pack instanceof Pack)) return pack;
    pack.appendBytes(text);
    return this.#added(pack, end + 1);
  }

  async ready(): Promise<void> {
    if (this.#hasRoom()) return;
    await new Promise<void>((resolve) => this.#onRoom.push(resolve));
  }

  async flush(): Promise<void> {
    for (const pack of this.#open.values()) if (pack !== undefined) this.#seal(pack);
    if (this.#inFlight.size === 0 && this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  counters(): PublishCounters {
    const { accepted, stored, refused } = this.#counters;
    return { ...this.#counters, waiting: accepted - stored - refused };
  }

  /** To be told when the connection is lost, and when it is back. */
  connectionChanged(connected: boolean): void {
    this.#connected = connected;
    if (!connected) return;
    for (const pack of this.#inFlight.values()) {
      this.#counters.resent += 1;
      this.#send(pack);
    }
    this.#fill();
  }

  /** To be told when the server says that a subject is not permitted: the right was taken away. */
  subjectRefused(subject: string): void {
    for (const pack of [...this.#inFlight.values(), ...this.#waiting]) {
      if (this.#subject(pack.type) !== subject) continue;
      this.#settle(pack, notPermitted(this.#options.instrument, 'publish', subject));
    }
  }

  /** From now on these types may be published, and no others; what waits of others is refused. */
  permit(types: readonly string[]): void {
    for (const [type, pack] of this.#open) {
      if (types.includes(type)) continue;
      this.#open.delete(type);
      clearTimeout(this.#timers.get(type));
      const subject = this.#subject(type);
      if (pack !== undefined) this.#settle(pack, notPermitted(this.#options.instrument, 'publish', subject));
      this.subjectRefused(subject);
    }
    for (const type of types) if (!this.#open.has(type)) this.#open.set(type, undefined);
  }

  /** Refuses what is left. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watch);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    const left = [...this.#inFlight.values(), ...this.#waiting, ...this.#open.values()];
    for (const pack of left) {
      if (pack !== undefined)
        this.#settle(pack, this.#error('BUS_CLOSED', pack.type, 'was not stored before the end'));
    }
    for (const resolve of this.#onRoom.splice(0)) resolve();
  }

  #packFor(type: string, bytes: number): Pack | Promise<void> {
    if (!this.#open.has(type)) {
      this.#counters.rejected += 1;
      return rejected(notPermitted(this.#options.instrument, 'publish', this.#subject(type)));
    }
    if (this.#closed) return this.#reject('BUS_CLOSED', type, 'came after the end');
    if (bytes > LIMITS.recordBytes) {
      return this.#reject(
        'BUS_RECORD_TOO_LARGE',
        type,
        `has ${String(bytes)} bytes, more than ${String(LIMITS.recordBytes)}`,
      );
    }
    if (this.#buffered + bytes > this.#options.maxBufferBytes) {
      return this.#reject('BUS_BUFFER_FULL', type, 'found no room in the buffer');
    }
    const open = this.#open.get(type);
    if (open?.fits(bytes) === true) return open;
    if (open !== undefined) this.#seal(open);
    const pack = new Pack(type, bytes);
    this.#open.set(type, pack);
    this.#timers.set(
      type,
      setTimeout(() => {
        this.#seal(pack);
      }, LIMITS.packMs),
    );
    return pack;
  }

  #added(pack: Pack, bytes: number): Promise<void> {
    this.#counters.accepted += 1;
    this.#buffered += bytes;
    const { settled } = pack;
    if (pack.bytes >= LIMITS.packBytes) this.#seal(pack);
    return settled;
  }

  #seal(pack: Pack): void {
    if (this.#open.get(pack.type) !== pack) return;
    this.#open.set(pack.type, undefined);
    clearTimeout(this.#timers.get(pack.type));
    this.#sealed += 1;
    pack.id = `${this.#session}-${String(this.#sealed)}`;
    this.#waiting.push(pack);
    this.#fill();
  }

  #fill(): void {
    while (this.#connected && this.#inFlight.size < this.#options.maxInFlight) {
      const pack = this.#waiting.shift();
      if (pack === undefined) return;
      this.#inFlight.set(pack.id, pack);
      this.#send(pack);
    }
  }

  #send(pack: Pack): void {
    const { instrument, sensor, connection } = this.#options;
    const head = headers();
    head.set(HEADERS.messageId, pack.id);
    head.set(HEADERS.id, pack.id);
    head.set(HEADERS.source, `/sensor/${sensor}/instrument/${instrument}`);
    head.set(HEADERS.type, pack.type);
    head.set(HEADERS.time, pack.time);
    head.set(HEADERS.count, String(pack.count));
    pack.sentAt = performance.now();
    try {
      connection.publish(this.#subject(pack.type), pack.body(), {
        headers: head,
        reply: `${this.#inbox}.${pack.id}`,
      });
    } catch {
      // The connection is closing; the pack stays in flight until it is back or we are closed.
    }
  }

  #acknowledged(message: Msg): void {
    const pack = this.#inFlight.get(message.subject.slice(this.#inbox.length + 1));
    if (pack === undefined) return;
    const answer = readAcknowledgement(message);
    if (answer.outcome === 'retry') {
      // Sent again by the watch, after a pause: the stream is not there yet, or the store is just starting.
      pack.sentAt = performance.now() - LIMITS.ackMs + RETRY_MS;
    } else if (answer.outcome === 'stored') {
      this.#settle(pack, undefined);
    } else {
      this.#settle(pack, this.#error(answer.outcome, pack.type, answer.reason));
    }
  }

  #settle(pack: Pack, error: InstrumentError | undefined): void {
    this.#inFlight.delete(pack.id);
    this.#waiting = this.#waiting.filter((other) => other !== pack);
    this.#buffered -= pack.bytes;
    if (error === undefined) {
      this.#counters.stored += pack.count;
      pack.stored();
    } else {
      this.#counters.refused += pack.count;
      this.#options.log.warn(error.message, { code: error.code, records: pack.count });
      pack.refused(error);
    }
    if (!this.#closed) this.#fill();
    if (this.#hasRoom()) for (const resolve of this.#onRoom.splice(0)) resolve();
    if (this.#inFlight.size === 0 && this.#waiting.length === 0)
      for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #resendLate(): void {
    if (!this.#connected) return;
    const late = performance.now() - LIMITS.ackMs;
    for (const pack of this.#inFlight.values()) {
      if (pack.sentAt > late) continue;
      this.#counters.resent += 1;
      this.#send(pack);
    }
  }

  #hasRoom(): boolean {
    return this.#closed || this.#buffered < this.#options.maxBufferBytes / 4;
  }

  #subject(type: string): string {
    return `event.${this.#options.instrument}.${type}`;
  }

  #reject(code: InstrumentError['code'], type: string, reason: string, cause?: unknown): Promise<void> {
    this.#counters.rejected += 1;
    return rejected(this.#error(code, type, reason, cause));
  }

  #error(code: InstrumentError['code'], type: string, reason: string, cause?: unknown): InstrumentError {
    const { instrument } = this.#options;
    return new InstrumentError({
      code,
      message: `An event of ${instrument}, publish on ${this.#subject(type)}: ${reason}.`,
      fields: { instrument, operation: 'publish', subject: this.#subject(type) },
      cause,
    });
  }
}

/** A rejection that may be awaited, and does not end the process when it is not. */
function rejected(error: Error): Promise<void> {
  const promise: Promise<void> = Promise.reject(error);
  promise.catch(() => undefined);
  return promise;
}
