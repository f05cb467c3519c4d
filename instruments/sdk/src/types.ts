import type { z } from 'zod';
import type { DataHandlers, KeptCopy } from './data-handlers.ts';
import type { InstrumentFile } from './instrument-file.ts';
import type { OnRights } from './live-rights.ts';
import type { InstrumentLog } from './log.ts';
import type { Command } from './typed-command.ts';

/** A record as it is published: one JSON object. An EVE record stays EVE. */
export type EventRecord = Readonly<Record<string, unknown>>;

/** One record of somebody else's, as {@link Instrument.subscribe} hands it over. */
export interface ReceivedEvent {
  /** `<ce-id>/<n>`: unique on the sensor. Delivery is at least once, so this is the key to recognise a repetition by. */
  id: string;
  /** Instrument that published it; set by the sensor and not by the sender. */
  from: string;
  type: string;
  /** ISO 8601, when the message was packed. */
  time: string;
  record: EventRecord;
}

/** The records of one message, as {@link Instrument.subscribeBatches} hands them over. */
export interface EventBatch {
  /** `ce-id` of the message, at most 128 characters: the key to recognise a repetition by. Empty when the sender set none. */
  id: string;
  from: string;
  type: string;
  /** ISO 8601, when the message was packed. */
  time: string;
  /** Place in the sender's stream, given by the sensor. */
  sequence: number;
  /** The body as it came: NDJSON, not checked. For readers that need a small part of each record, and fast. */
  text: string;
  /** Parses the records. What is not a JSON object is left out, counted in the log, and keeps its number in the ids. */
  events(): readonly ReceivedEvent[];
}

/** How the instrument is, as `health` replies. */
export interface Health {
  state: 'ok' | 'starting' | 'degraded' | 'failed';
  /** One sentence for people. At most 500 characters are sent. */
  detail?: string;
  /** Monotonic counters and gauges. At most 64 are sent. */
  counters?: Readonly<Record<string, number>>;
}

/** What `resources` and `configure` reply: taken, or refused with a reason; what ran before then goes on. */
export type ChangeReply =
  | { ok: true; detail?: string; counters?: Readonly<Record<string, number>> }
  | { ok: false; code: string; message: string };

/** What became of records, since the start. `accepted = stored + refused + waiting`. */
export interface PublishCounters {
  /** Records taken by `publish` and `publishRaw`. */
  accepted: number;
  /** Records durably stored (acknowledged). */
  stored: number;
  /** Records that the bus refused (stream full, not permitted) or that were lost when the instrument closed. */
  refused: number;
  /** Records not taken: not a record, too large, or no room in the buffer. */
  rejected: number;
  /** Records taken and not yet stored or refused. */
  waiting: number;
  /** Messages that were sent again after a lost connection or acknowledgement. */
  resent: number;
}

/** A running subscription. */
export interface EventSubscription {
  /** Settles when the subscription ended: undefined after `stop`, else why (for example BUS_READ_REVOKED). */
  readonly ended: Promise<InstrumentErrorLike | undefined>;
  /** Stops after the record at work; what is not acknowledged is delivered again next time. */
  stop(): Promise<void>;
}

/** An error with a stable code. */
export interface InstrumentErrorLike extends Error {
  readonly code: string;
}

/** One instrument's end of the bus, made by `openInstrument`. */
export interface Instrument {
  /** The validated `instrument.json`, frozen. Replaced by a new one when the rights change; do not keep it. */
  readonly file: InstrumentFile;
  readonly name: string;
  /** Writable folder that survives a stop, and one that does not. */
  readonly persistentDir: string;
  readonly transientDir: string;
  /** Read-only files that the platform placed; see {@link onResources}. */
  readonly resourcesDir: string;
  readonly log: InstrumentLog;
  /** Aborted when the instrument is told to stop (SIGTERM, SIGPWR, `control.<name>.stop`) or was closed. */
  readonly stopping: AbortSignal;

  /**
   * Publishes one record of a declared type. Packed with others of its type (20 KiB or 20 ms), then stored durably.
   * Resolves when the record survives power loss. Every record of one message shares one promise; a rejection that
   * nobody awaits is counted and logged, and does not end the process.
   * @throws (rejects) InstrumentError BUS_NOT_PERMITTED, BUS_RECORD_INVALID, BUS_RECORD_TOO_LARGE, BUS_BUFFER_FULL,
   *         BUS_STREAM_FULL, BUS_PUBLISH_REFUSED, BUS_CLOSED
   */
  publish(type: string, record: EventRecord): Promise<void>;

  /**
   * Like {@link publish} for one line that is already a JSON object (with or without the final newline); it is
   * forwarded unchanged and only checked to be one line between braces. The buffer may be reused when the call returns.
   */
  publishRaw(type: string, line: Buffer): Promise<void>;

  /** Resolves when the buffer has room again; await it in a loop that publishes without awaiting each record. */
  ready(): Promise<void>;

  /** Sends what is packed and waits until everything taken so far is stored or refused. */
  flush(): Promise<void>;

  counters(): PublishCounters;

  /**
   * Reads one granted kind of event. The handler is called for one record after the other; a message is acknowledged
   * when all its records were handled, and delivered again when the handler throws (up to the server's limit).
   * @throws InstrumentError BUS_NOT_PERMITTED when there is no such grant in `instrument.json`
   */
  subscribe(
    from: string,
    type: string,
    handler: (event: ReceivedEvent) => Promise<void> | void,
  ): EventSubscription;

  /**
   * Like {@link subscribe}, for readers that store many records with one commit: the handler is called for one message
   * after the other without waiting for the one before, and each message is acknowledged when its own promise resolves.
   * While it is pending the message is not delivered again.
   * @param concurrent Messages with the handler at the same time, 1–64. Default 64, the most that the bus hands out.
   * @throws InstrumentError BUS_NOT_PERMITTED when there is no such grant in `instrument.json`
   */
  subscribeBatches(
    from: string,
    type: string,
    handler: (batch: EventBatch) => Promise<void>,
    options?: { concurrent?: number },
  ): EventSubscription;

  /**
   * Sends a command and waits for the reply, at most the command's `timeoutMs` (10 s for one that has only a name) unless
   * said otherwise, and never longer than 60 s. With a defined command request and reply are checked against its schemas.
   * @throws InstrumentError BUS_NOT_PERMITTED, BUS_PAYLOAD_INVALID, BUS_PAYLOAD_TOO_LARGE, BUS_NO_RESPONDER (the recipient is
   *         not connected), BUS_TIMEOUT, BUS_REPLY_INVALID, BUS_COMMAND_FAILED (the recipient's error, with its code in
   *         `fields.reason`)
   */
  send<Request extends z.ZodType, Reply extends z.ZodType>(
    to: string,
    command: Command<Request, Reply>,
    payload: z.input<Request>,
    options?: { timeoutMs?: number },
  ): Promise<z.output<Reply>>;
  send(to: string, command: string, payload: unknown, options?: { timeoutMs?: number }): Promise<unknown>;

  /**
   * Answers one accepted command. What `answer` returns becomes the reply, what it throws an error reply (code and
   * message); after the command's `timeoutMs` the sender is told BUS_TIMEOUT. `from` is the sender's name; the bus guarantees it.
   * With a defined command a request that does not fit is refused before `answer` sees it, with the JSON pointer.
   */
  handle<Request extends z.ZodType, Reply extends z.ZodType>(
    command: Command<Request, Reply>,
    answer: (payload: z.output<Request>, from: string) => z.input<Reply> | Promise<z.input<Reply>>,
  ): void;
  handle(command: string, answer: (payload: unknown, from: string) => unknown): void;

  /**
   * Asks a service of the platform (`deliver`, `resolve`, …; those permitted stand in `file.services`) and waits for the result,
   * 10 s unless said otherwise, at most 60 s.
   * @throws InstrumentError BUS_NOT_PERMITTED, BUS_PAYLOAD_INVALID, BUS_PAYLOAD_TOO_LARGE (64 KiB), BUS_NO_RESPONDER (the platform
   *         is being restarted: ask again), BUS_TIMEOUT, BUS_REPLY_INVALID, BUS_SERVICE_BUSY (4 requests of this instrument
   *         are at work: ask again), BUS_SERVICE_REFUSED (the platform's error, with its code in `fields.reason`)
   */
  ask(service: string, payload: unknown, options?: { timeoutMs?: number }): Promise<unknown>;

  /** Answers `control.<name>.health`. Until this is called the reply is `{state: "starting"}`. */
  health(report: () => Health | Promise<Health>): void;

  /** Answers `control.<name>.resources`: files below {@link resourcesDir} changed. */
  onResources(take: () => Promise<ChangeReply> | ChangeReply): void;

  /** Answers `control.<name>.configure`: new options, not yet validated. */
  onConfigure(take: (options: unknown) => Promise<ChangeReply> | ChangeReply): void;

  /**
   * Runs when the operator gave or took rights while the instrument runs. {@link file}, {@link publish} and {@link send} know them
   * already, and a subscription whose right was taken has ended. Without it the operator is told that a new right to read is used
   * after a restart. Answer `{restart: true}` for whatever else is taken up at the next start only.
   */
  onRights(take: OnRights): void;

  /**
   * Answers `control.<name>.retention`: what the instrument keeps beyond the moment, and for how long. It stands in the sensor's
   * data report as declared, beside what the platform measures.
   */
  onRetention(report: () => Promise<readonly KeptCopy[]> | readonly KeptCopy[]): void;

  /** Answers `control.<name>.data.find`, `data.purge` and `data.hold`: what is kept about an address or a name. */
  onData(handlers: DataHandlers): void;

  /** Runs before the bus is left, last added first, each at most 5 s; publish and flush still work in it. */
  onStop(work: () => Promise<void> | void): void;

  /**
   * The operator's options, validated by the instrument's own schema.
   * @throws InstrumentError BUS_OPTIONS_INVALID with the JSON pointer of the first fault
   */
  options<T extends z.ZodType>(schema: T): z.output<T>;

  /** Runs the `onStop` work, flushes, drains, disconnects. Safe to call more than once. */
  close(): Promise<void>;
}

/** For tests and unusual layouts; an instrument in its container passes nothing. */
export interface OpenOptions {
  /** File with the instrument's identity. Default `/run/bulkhead/instrument.json`. */
  file?: string;
  /** Parent of `persistent`, `transient` and `resources`. Default `/var/lib/instrument`. */
  dataDir?: string;
  /** React to SIGTERM and SIGPWR by closing and then ending the process with exit 0. Default true. */
  signals?: boolean;
  /** Where log lines go. Default standard output. */
  logTo?: (line: string) => void;
  /** How long to wait for the first connection. Default 30000. */
  connectTimeoutMs?: number;
  /** Most bytes of records that may wait in memory. Default 32 MiB. */
  maxBufferBytes?: number;
  /** Most messages sent and not yet acknowledged. Default 16. */
  maxInFlight?: number;
}
