import { setTimeout as sleep } from 'node:timers/promises';
import {
  AckPolicy,
  DiscardPolicy,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type JsMsg,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { describeError, type Logger } from '@bulkhead/platform/kernel';
import { HUB_LIMITS, HUB_NAMES } from '../hub/hub-config.ts';
import type { HubClients } from '../hub/hub-connections.ts';
import type { IncomingMessage } from '../store/message.ts';
import { decodeUplink, type IngestFault } from './decode.ts';

/** What ingestion needs. */
export interface IngestOptions {
  hub: { clients(signal: AbortSignal): Promise<HubClients> };
  store: { insert(messages: readonly IncomingMessage[]): Promise<{ ids: readonly number[] }> };
  /** Copies of the hub's stream: 1, or 3 in a cluster of three servers. */
  replicas: number;
  /** What the hub may hold that is not yet in the store. */
  bufferMib: number;
  log: Logger;
  /** Called when messages are durable in the store; ids are 0 for those that were there before. */
  onStored?: (messages: readonly IncomingMessage[], ids: readonly number[]) => void;
  /** Called for each message that leaves the hub, with about the bytes that its sensor sent for it. */
  onTaken?: (sensor: string, bytes: number) => void;
}

const BATCH_MESSAGES = 1_000;
const BATCH_BYTES = 4 * 1024 * 1024;
/** A commit is a flush of the disk: small ones are put together for so long. */
const GROUP_MS = 100;
const RETRY_MS = 1_000;
/** Of the headers that a sensor sends along with each message, about. */
const HEADER_BYTES = 256;
/** Kinds of event (instrument and type) of one sensor; one that makes up more is cut short. */
const KINDS_MOST = 512;

/**
 * Brings what the hub holds into the store.
 *
 * INVARIANTS: `run` once, until its signal is aborted. A message is acknowledged to the hub, which then forgets it, only after the
 * store has it durably; what is handed over twice the store recognises. A batch that cannot be stored is kept and tried again.
 */
export class Ingest {
  readonly #options: IngestOptions;
  readonly #kinds = new Map<string, Set<string>>();
  readonly #faults = new Map<IngestFault, number>();
  #fault: string | undefined;
  #messages = 0;

  constructor(options: IngestOptions) {
    this.#options = options;
  }

  /** Why nothing is taken in now; undefined while it is. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Messages taken in since the start. */
  get messages(): number {
    return this.#messages;
  }

  /** Messages that were left out, by reason. */
  faults(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#faults);
  }

  /** Resolves after the signal was aborted and the batch at work is done. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#round(signal).catch((error: unknown) => {
        this.#options.log.debug({ reason: describeError(error) }, 'taking in begins again');
      });
      await sleep(200, undefined, { signal }).catch(() => undefined);
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { client, manager } = await this.#options.hub.clients(signal);
    await ensureStream(manager, this.#options);
    const consumer = await client.consumers.get(HUB_NAMES.stream, HUB_NAMES.consumer);
    const messages = await consumer.consume({
      max_messages: 2 * BATCH_MESSAGES,
      expires: 5_000,
      idle_heartbeat: 1_000,
    });
    const stop = (): void => {
      messages.stop();
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    void (async () => {
      for await (const status of messages.status()) {
        if (
          ['consumer_not_found', 'consumer_deleted', 'stream_not_found', 'heartbeats_missed'].includes(
            status.type,
          )
        )
          stop();
      }
    })();
    const batches = new Batches((batch) => this.#store(batch, signal));
    try {
      for await (const message of messages) await batches.add(message);
    } finally {
      signal.removeEventListener('abort', stop);
      messages.stop();
      await batches.end();
    }
  }

  async #store(batch: readonly JsMsg[], signal: AbortSignal): Promise<void> {
    const receivedAt = Date.now();
    const good: IncomingMessage[] = [];
    for (const message of batch) {
      const decoded = decodeUplink(
        { subject: message.subject, data: message.data, header: (name) => message.headers?.get(name) ?? '' },
        receivedAt,
      );
      if (typeof decoded === 'string') this.#leaveOut(message, decoded);
      else if (!this.#knownKind(decoded)) this.#leaveOut(message, 'kinds');
      else good.push(decoded);
    }
    for (;;) {
      try {
        const { ids } = await this.#options.store.insert(good);
        this.#fault = undefined;
        for (const message of batch) this.#acknowledge(message);
        this.#messages += good.length;
        this.#options.onStored?.(good, ids);
        return;
      } catch (error) {
        if (this.#fault === undefined)
          this.#options.log.error({ err: error }, 'events cannot be stored; it is tried again');
        this.#fault = describeError(error);
      }
      if (signal.aborted) return; // not acknowledged, so it comes again
      for (const message of batch) message.working();
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #knownKind({ sensor, instrument, type }: IncomingMessage): boolean {
    const kinds = this.#kinds.get(sensor) ?? new Set();
    this.#kinds.set(sensor, kinds);
    const kind = `${instrument} ${type}`;
    if (!kinds.has(kind) && kinds.size >= KINDS_MOST) return false;
    kinds.add(kind);
    return true;
  }

  #acknowledge(message: JsMsg): void {
    message.ack();
    const { subject, data } = message;
    this.#options.onTaken?.(subject.split('.', 2)[1] ?? '', data.length + subject.length + HEADER_BYTES);
  }

  #leaveOut(message: JsMsg, fault: IngestFault): void {
    const before = this.#faults.get(fault) ?? 0;
    if (before === 0)
      this.#options.log.warn(
        { subject: message.subject.slice(0, 100), fault },
        'a message of a sensor is left out',
      );
    this.#faults.set(fault, before + 1);
  }
}

/** Puts messages together until there are many, or for a moment; one batch is stored while the next is put together. */
class Batches {
  readonly #store: (batch: readonly JsMsg[]) => Promise<void>;
  #batch: JsMsg[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #storing: Promise<void> = Promise.resolve();

  constructor(store: (batch: readonly JsMsg[]) => Promise<void>) {
    this.#store = store;
  }

  /** Waits while the batch before is still being stored and this one is full. */
  async add(message: JsMsg): Promise<void> {
    this.#batch.push(message);
    this.#bytes += message.data.length;
    this.#timer ??= setTimeout(() => void this.#flush(), GROUP_MS);
    if (this.#batch.length >= BATCH_MESSAGES || this.#bytes >= BATCH_BYTES) {
      const before = this.#storing;
      void this.#flush();
      await before;
    }
  }

  async end(): Promise<void> {
    await this.#flush();
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    if (batch.length > 0) this.#storing = this.#storing.then(() => this.#store(batch));
    await this.#storing;
  }
}

/** Makes the stream and its consumer, or brings them to what they should be. */
async function ensureStream(
  manager: JetStreamManager,
  { replicas, bufferMib }: Pick<IngestOptions, 'replicas' | 'bufferMib'>,
): Promise<void> {
  const stream = {
    name: HUB_NAMES.stream,
    subjects: ['up.>'],
    storage: StorageType.File,
    // What is in the store is forgotten here.
    retention: RetentionPolicy.Workqueue,
    // When it is full, sensors are told so and keep what they have: nothing that was acknowledged is pushed out.
    discard: DiscardPolicy.New,
    max_bytes: bufferMib * 1024 * 1024,
    max_msg_size: HUB_LIMITS.messageBytes,
    allow_rollup_hdrs: false,
    allow_direct: false,
    num_replicas: replicas,
    // Nobody's message may count as another's: the store recognises what comes twice, by more than a name that a sensor chooses.
    duplicate_window: nanos(100),
  };
  try {
    await manager.streams.info(HUB_NAMES.stream);
    await manager.streams.update(HUB_NAMES.stream, stream);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== 10_059) throw error;
    await manager.streams.add(stream);
  }
  await manager.consumers.add(HUB_NAMES.stream, {
    durable_name: HUB_NAMES.consumer,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(60_000),
    max_ack_pending: 4 * BATCH_MESSAGES,
  });
}
