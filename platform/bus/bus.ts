import type { Logger, Site } from '../kernel/index.ts';
import type { StreamState } from './streams.ts';
import type { StoreIncident } from './store-incidents.ts';
import type { StoreFault } from './store-watch.ts';
import type { BusIdentity } from './identities.ts';
import type { BusMessage, FeedStart } from './event-feed.ts';
import type { BusModel } from './model.ts';
import type { JournalEntry } from './journal-entries.ts';
import type { RefusedAttempt } from './refused-attempts.ts';
import type { CommandReply } from './platform-client.ts';
import type { ServiceHandler } from './services.ts';
import type { BusUplink } from './uplink.ts';

/** Which events a subscription gets. */
export interface EventFilter {
  /** Publisher; undefined = all, also those that come later. `platform` for the platform's own events. */
  instrument?: string;
  /** Exact types; undefined or empty = all. */
  types?: readonly string[];
  /** Default `live`. Streams that are made later are always read from their beginning. */
  start?: FeedStart;
}

/** A running subscription of the platform. */
export interface EventFeed {
  /** Resolves when what was stored at the start has been handed over. Never rejects; also resolves when aborted. */
  readonly caughtUp: Promise<void>;
  /** Resolves after the signal was aborted and the last `onEvent` returned. Never rejects. */
  readonly ended: Promise<void>;
}

/** What the bus needs. */
export interface BusOptions {
  site: Pick<Site, 'prefix' | 'stateDir' | 'runDir' | 'natsPort'>;
  log: Logger;
  /** 32 bytes for a purpose, always the same for the same sensor. */
  secret: (purpose: string) => Buffer;
  /** Path of the nats-server program, version 2.12 or later. */
  natsServer: string;
}

/** The state of the event store. */
export interface StoreHealth {
  /**
   * Called when a part of the store was found damaged or did not take what was written; also with what was found before
   * anybody listened. Returns how to stop listening.
   */
  onIncident(listener: (incident: StoreIncident) => void): () => void;
  /** Why nothing is stored now; undefined while everything is. */
  readonly fault: StoreFault | undefined;
  /** Folders below `stateDir/bus/quarantine`, oldest first. */
  quarantined(): Promise<string[]>;
  /** Reads every stored message, as is done daily. Returns how many cannot be read, by stream. */
  scrub(): Promise<Record<string, number>>;
}

/** What passes between instruments, and what does not. */
export interface BusTraffic {
  /** Called for the first refused attempt of a kind at once, then once a minute with how many came. Returns how to stop. */
  onRefused(listener: (attempt: RefusedAttempt) => void): () => void;
  /** Refused attempts since the platform started, newest first; at most 17 kinds of each instrument. */
  refused(): RefusedAttempt[];
  /** Called for every command of one instrument to another, and of the platform to one. Returns how to stop. */
  onMessage(listener: (entry: JournalEntry) => void): () => void;
}

/** The sensor's bus, made by `openBus`. */
export interface Bus {
  /**
   * Makes the bus as the model says: keys of those who left become dead, revoked consumers are deleted, then the
   * server is started, adopted or reloaded (and that verified), then missing streams and consumers are made.
   * @throws BulkheadError BUS_MODEL_INVALID, BUS_STORE_KIND, BUS_STORE_KEY, BUS_STORE_DAMAGED, BUS_START_FAILED,
   *         BUS_CONFIG_REFUSED
   */
  ensure(model: BusModel): Promise<{ restarted: boolean; reloaded: boolean }>;
  /** Current key of an instrument, also before `ensure`. The seed is a secret. */
  identity(instrument: string): BusIdentity;
  /**
   * Sends a control command to an instrument (`health`, `configure`, `resources`, `stop`).
   * @throws BulkheadError BUS_NO_RESPONDER, BUS_TIMEOUT, BUS_REPLY_INVALID, BUS_NOT_READY
   */
  request(instrument: string, command: string, payload: unknown, timeoutMs: number): Promise<unknown>;
  /**
   * Sends an instrument a command that its manifest accepts; the sender is `platform`, which no instrument can be.
   * @param how `routine` for what is asked again and again and changes nothing: it is left out of the journal
   * @throws BulkheadError BUS_NO_RESPONDER (also when it does not accept the command), BUS_TIMEOUT, BUS_REPLY_INVALID,
   *         BUS_NOT_READY
   */
  send(
    instrument: string,
    command: string,
    payload: unknown,
    timeoutMs: number,
    how?: { routine?: boolean },
  ): Promise<CommandReply>;
  /**
   * Answers what instruments ask of the platform on `platform.<instrument>.<service>`; before and after `ensure`, and over
   * restarts of the server. Who has the right is said by the model. Returns how to give the service up.
   */
  serve(service: string, handler: ServiceHandler): () => void;
  /**
   * Stores one event of the platform's own; resolves when it is durable. Tried again for 15 s over a restart.
   * @throws BulkheadError BUS_PUBLISH_FAILED
   */
  publishPlatform(type: string, record: Readonly<Record<string, unknown>>): Promise<void>;
  /**
   * Hands over stored messages, in order within a stream, each once, over restarts of the server, until `signal` is
   * aborted. `onEvent` is awaited before the stream's next message.
   * @throws BulkheadError BUS_NOT_READY before the first `ensure`
   */
  subscribeEvents(
    filter: EventFilter,
    onEvent: (message: BusMessage) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<EventFeed>;
  streams(): Promise<StreamState[]>;
  /**
   * Removes a stream's messages up to and with a sequence; never one that a durable reader has not acknowledged.
   * @returns how many were removed @throws BulkheadError BUS_TRIM_REFUSED, BUS_NOT_READY
   */
  trim(stream: string, upTo: number): Promise<number>;
  /** Called when the server's process is found dead; it is being restarted. Returns how to stop listening. */
  onDown(listener: (reason: string) => void): () => void;
  /** Called when it runs again after that, with all streams in place. */
  onRestarted(listener: () => void): () => void;
  /** Refused attempts, and the journal of messages. */
  readonly traffic: BusTraffic;
  /** Is what was stored still there, and is what comes being stored. */
  readonly store: StoreHealth;
  /** The way to the fleet. */
  readonly uplink: BusUplink;
  /** Process id of the server, while there is one. */
  serverPid(): number | undefined;
  /** Version of the server that the platform is connected to; undefined while there is none. */
  serverVersion(): string | undefined;
  /** Ends the server too. */
  stop(): Promise<void>;
  /** Lets go: the server and the instruments on it go on, and a later `openBus` adopts it. */
  close(): Promise<void>;
}
