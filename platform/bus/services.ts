import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { BulkheadError, describeError, type Logger } from '../kernel/index.ts';
import { BUS_LIMITS } from './limits.ts';
import { serviceRights, type BusModel } from './model.ts';
import { subjects } from './names.ts';
import type { CommandReply } from './platform-client.ts';

/**
 * Does what an instrument asks of the platform. What it returns becomes the reply; a BulkheadError that it throws becomes an
 * error reply with its code and message, anything else an error without a word of what happened.
 * @param instrument who asks; the bus guarantees it
 * @param payload parsed JSON of at most 64 KiB, not yet validated
 * @param signal aborted after 65 s, when the asker is not listening any more
 */
export type ServiceHandler = (instrument: string, payload: unknown, signal: AbortSignal) => Promise<unknown>;

/** A request that the platform itself turned away. */
export type ServiceRefusal = (instrument: string, service: string, code: string) => void;

interface Line {
  instrument: string;
  service: string;
  subscription: Subscription;
}

interface Caller {
  atWork: number;
  second: number;
  inSecond: number;
  resting?: NodeJS.Timeout;
}

const { serviceBytes, servicesAtWork, serviceMs, servicesPerSecond, serviceRestMs } = BUS_LIMITS;

/**
 * Answers instruments on `platform.<instrument>.<service>`.
 *
 * INVARIANTS: `#lines` holds exactly one subscription, on the present connection, for each pair of an instrument that has
 * the right and a service that somebody serves; none for an instrument that rests. So the server says "nobody there" for
 * everything else. At most 4 requests of one instrument are at work, and each gets exactly one reply; a slot is free again
 * when the handler has ended, not when the asker was told that it takes too long.
 */
export class ServiceDesk {
  readonly #log: Logger;
  readonly #refused: ServiceRefusal;
  readonly #handlers = new Map<string, ServiceHandler>();
  readonly #callers = new Map<string, Caller>();
  #lines = new Map<string, Line>();
  #connection: NatsConnection | undefined;
  #rights: readonly { instrument: string; service: string }[] = [];

  constructor(log: Logger, refused: ServiceRefusal) {
    this.#log = log;
    this.#refused = refused;
  }

  /** Takes over a service. Returns how to give it up. */
  serve(service: string, handler: ServiceHandler): () => void {
    if (this.#handlers.has(service)) throw new TypeError(`the service ${service} is served already`);
    this.#handlers.set(service, handler);
    this.#listen();
    return () => {
      this.#handlers.delete(service);
      this.#listen();
    };
  }

  /** To be told of every connection and of every change of the rights. */
  follow(connection: NatsConnection, model: BusModel): void {
    if (this.#connection !== connection) this.#lines = new Map();
    this.#connection = connection;
    this.#rights = serviceRights(model);
    this.#listen();
  }

  /** Ends listening; what is at work ends by itself. */
  close(): void {
    for (const { resting } of this.#callers.values()) clearTimeout(resting);
    this.#rights = [];
    this.#listen();
    this.#connection = undefined;
  }

  #listen(): void {
    const connection = this.#connection;
    if (connection === undefined || connection.isClosed()) return;
    const wanted = new Map(
      this.#rights
        .filter(({ service }) => this.#handlers.has(service))
        .filter(({ instrument }) => this.#callers.get(instrument)?.resting === undefined)
        .map((right) => [subjects.service(right.instrument, right.service), right]),
    );
    for (const [subject, { subscription }] of this.#lines) {
      if (wanted.has(subject)) continue;
      subscription.unsubscribe();
      this.#lines.delete(subject);
    }
    for (const [subject, { instrument, service }] of wanted) {
      if (this.#lines.has(subject)) continue;
      const subscription = connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) void this.#take(message, instrument, service);
        },
      });
      this.#lines.set(subject, { instrument, service, subscription });
    }
  }

  async #take(message: Msg, instrument: string, service: string): Promise<void> {
    // Whoever wants no answer cannot be asking. Without this an answer could be sent on as a further request.
    if (message.reply === undefined || message.reply === '') return;
    const caller = this.#callerOf(instrument);
    if (this.#tooMany(caller, instrument)) return;
    const handler = this.#handlers.get(service);
    const fault = handler === undefined ? 'BUS_NO_RESPONDER' : this.#faultOf(message, caller);
    if (handler === undefined || fault !== undefined) {
      this.#refused(instrument, service, fault ?? 'BUS_NO_RESPONDER');
      this.#answer(message, refusal(fault ?? 'BUS_NO_RESPONDER'));
      return;
    }
    let payload: unknown;
    try {
      payload = message.data.length === 0 ? {} : message.json<unknown>();
    } catch {
      this.#refused(instrument, service, 'BUS_PAYLOAD_INVALID');
      this.#answer(message, refusal('BUS_PAYLOAD_INVALID'));
      return;
    }
    caller.atWork += 1;
    await this.#work(message, { instrument, service, handler, payload });
    caller.atWork -= 1;
  }

  async #work(
    message: Msg,
    request: { instrument: string; service: string; handler: ServiceHandler; payload: unknown },
  ): Promise<void> {
    const { instrument, service, handler, payload } = request;
    const givingUp = new AbortController();
    const timer = setTimeout(() => {
      givingUp.abort();
      this.#answer(message, refusal('BUS_TIMEOUT'));
    }, serviceMs);
    let reply: CommandReply;
    try {
      const result = await handler(instrument, payload, givingUp.signal);
      reply = { ok: true, ...(result === undefined ? {} : { result }) };
    } catch (error) {
      reply = errorReply(error);
      const about = { instrument, service, reason: describeError(error) };
      if (error instanceof BulkheadError) this.#log.debug(about, 'a request of an instrument was refused');
      else this.#log.error({ ...about, err: error }, 'a service of the platform failed');
    }
    clearTimeout(timer);
    if (!givingUp.signal.aborted) this.#answer(message, reply);
  }

  #answer(message: Msg, reply: CommandReply): void {
    try {
      message.respond(inBounds(reply));
    } catch {
      // The connection is gone; the asker is told by its own time-out, or by the server that nobody is there.
    }
  }

  #faultOf(message: Msg, caller: Caller): keyof typeof REFUSALS | undefined {
    if (message.data.length > serviceBytes.request) return 'BUS_PAYLOAD_TOO_LARGE';
    return caller.atWork >= servicesAtWork ? 'BUS_SERVICE_BUSY' : undefined;
  }

  /** Counts; a flood is cut off at the server, so that it does not take the platform's time. */
  #tooMany(caller: Caller, instrument: string): boolean {
    if (caller.resting !== undefined) return true;
    const second = Math.floor(performance.now() / 1000);
    caller.inSecond = caller.second === second ? caller.inSecond + 1 : 1;
    caller.second = second;
    if (caller.inSecond <= servicesPerSecond) return false;
    this.#log.warn(
      { instrument, restMs: serviceRestMs },
      'an instrument floods the services of the platform',
    );
    this.#refused(instrument, '*', 'BUS_SERVICE_BUSY');
    caller.resting = setTimeout(() => {
      delete caller.resting;
      this.#listen();
    }, serviceRestMs).unref();
    this.#listen();
    return true;
  }

  #callerOf(instrument: string): Caller {
    const known = this.#callers.get(instrument);
    if (known !== undefined) return known;
    const caller = { atWork: 0, second: 0, inSecond: 0 };
    this.#callers.set(instrument, caller);
    return caller;
  }
}

const REFUSALS = Object.freeze({
  BUS_NO_RESPONDER: 'Nobody serves this at the moment.',
  BUS_PAYLOAD_TOO_LARGE: `The request is larger than ${String(serviceBytes.request / 1024)} KiB.`,
  BUS_PAYLOAD_INVALID: 'The request is not JSON.',
  BUS_REPLY_TOO_LARGE: `The answer would be larger than ${String(serviceBytes.reply / 1024)} KiB.`,
  BUS_SERVICE_BUSY: `The platform is at work on ${String(servicesAtWork)} requests of this instrument already.`,
  BUS_TIMEOUT: `The platform did not finish within ${String(serviceMs / 1000)} s.`,
});

/** As JSON; what is too large or cannot be written becomes an error, so that the asker is not left without an answer. */
function inBounds(reply: CommandReply): string {
  try {
    const text = JSON.stringify(reply);
    return Buffer.byteLength(text) <= serviceBytes.reply
      ? text
      : JSON.stringify(refusal('BUS_REPLY_TOO_LARGE'));
  } catch (error) {
    return JSON.stringify(errorReply(error));
  }
}

function refusal(code: keyof typeof REFUSALS): CommandReply {
  return { ok: false, code, message: REFUSALS[code] };
}

function errorReply(error: unknown): CommandReply {
  if (error instanceof BulkheadError)
    return { ok: false, code: error.code.slice(0, 64), message: error.message.slice(0, 500) };
  // What went wrong inside is nobody's business outside: it may name paths and other instruments.
  return {
    ok: false,
    code: 'BUS_SERVICE_FAILED',
    message: 'The platform could not do it; its log says why.',
  };
}
