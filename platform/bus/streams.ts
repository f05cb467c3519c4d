import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
  type ConsumerConfig,
  type ConsumerInfo,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { PLATFORM } from '../contracts/index.ts';
import { BUS_LIMITS } from './limits.ts';
import { readRights, type BusModel, type ReadRight } from './model.ts';
import { consumerName, publisherOf, streamName, subjects } from './names.ts';
import { acknowledgedUpTo } from './trim.ts';

/** One stored stream, for status and retention. */
export interface StreamState {
  stream: string;
  /** Publisher: an instrument, or `platform`. */
  instrument: string;
  messages: number;
  bytes: number;
  maxBytes: number;
  firstSequence: number;
  lastSequence: number;
  /** ISO 8601 of the oldest and newest message; empty when there is none. */
  oldest: string;
  newest: string;
  /** ISO 8601, when the stream was made: one that was made anew counts from 1 again. */
  created: string;
  /** Up to here every durable reader has acknowledged what it reads. */
  acknowledged: number;
  /** An older stream, made without the right: it can never be trimmed. */
  trimmable: boolean;
  /** Those who read it. */
  readers: { consumer: string; pending: number; unacknowledged: number; redelivered: number }[];
}

/** JetStream's error code for "there is no such consumer". */
const CONSUMER_NOT_FOUND = 10014;

/** Publishers that have a stream: every instrument of the model, and the platform. */
export function publishers(model: BusModel): string[] {
  return [PLATFORM, ...model.instruments.map(({ name }) => name)].sort();
}

/** What JetStream holds of ours: streams, with their durable consumers by name. */
export type Inventory = ReadonlyMap<
  string,
  { info: StreamInfo; consumers: ReadonlyMap<string, ConsumerInfo> }
>;

/** Looks at everything at once: one request for the streams, and one for each stream that somebody reads. */
export async function takeInventory(jsm: JetStreamManager): Promise<Inventory> {
  const found = await Promise.all(
    (await ourStreams(jsm)).map(async (info) => {
      const readers = info.state.consumer_count === 0 ? [] : await consumersOf(jsm, info.config.name);
      const durable = readers.filter((consumer) => consumer.config.durable_name !== undefined);
      return [
        info.config.name,
        { info, consumers: new Map(durable.map((consumer) => [consumer.name, consumer])) },
      ] as const;
    }),
  );
  return new Map(found);
}

/**
 * Creates missing streams and corrects changed ones. Returns the names of those it created.
 * @param firstSequences where a stream that is made now begins, because there was one of that name; else at 1
 */
export async function ensureStreams(
  jsm: JetStreamManager,
  model: BusModel,
  inventory: Inventory,
  firstSequences: ReadonlyMap<string, number> = new Map(),
): Promise<string[]> {
  const wanted = publishers(model).map((publisher) => streamConfig(publisher, model.streamMib));
  const created = wanted.filter(({ name }) => !inventory.has(name));
  await Promise.all([
    ...created.map((want) => {
      const first = firstSequences.get(want.name);
      return jsm.streams.add({ ...want, ...(first === undefined ? {} : { first_seq: first }) });
    }),
    ...wanted.map(async (want) => {
      const have = inventory.get(want.name)?.info.config;
      if (have === undefined) return;
      // The server never takes this denial back from a stream that was made with it.
      const wanted = have.deny_purge ? { ...want, deny_purge: true } : want;
      if (differs(wanted, have)) await jsm.streams.update(want.name, wanted);
    }),
  ]);
  return created.map(({ name }) => name);
}

/** Deletes the consumers of rights that are gone: an outstanding pull of such a reader ends at once. */
export async function removeRevokedConsumers(
  jsm: JetStreamManager,
  model: BusModel,
  inventory: Inventory,
): Promise<string[]> {
  const wanted = new Set(
    readRights(model).map(({ from, reader, type }) => `${streamName(from)} ${consumerName(reader, type)}`),
  );
  const revoked = [...inventory].flatMap(([stream, { consumers }]) =>
    [...consumers.keys()]
      .filter((name) => !wanted.has(`${stream} ${name}`))
      .map((name) => ({ stream, name })),
  );
  await Promise.all(
    revoked.map(({ stream, name }) => unlessMissing(jsm.consumers.delete(stream, name), CONSUMER_NOT_FOUND)),
  );
  return revoked.map(({ name }) => name);
}

/** Creates the consumers of the rights to read, and corrects changed ones. */
export async function ensureConsumers(
  jsm: JetStreamManager,
  model: BusModel,
  inventory: Inventory,
): Promise<void> {
  await Promise.all(
    readRights(model).map(async (right) => {
      const stream = streamName(right.from);
      const want = consumerConfig(right);
      const have = inventory.get(stream)?.consumers.get(want.durable_name);
      if (have === undefined) await jsm.consumers.add(stream, want);
      else if (differs(want, have.config)) await jsm.consumers.update(stream, want.durable_name, want);
    }),
  );
}

/** All streams of ours, also of instruments that are gone: their events stay until they are removed on purpose. */
export async function ourStreams(jsm: JetStreamManager): Promise<StreamInfo[]> {
  const streams: StreamInfo[] = [];
  for await (const info of jsm.streams.list()) {
    if (publisherOf(info.config.name) !== undefined) streams.push(info);
  }
  return streams;
}

/** Where each stream stands. */
export function statesOf(inventory: Inventory): Map<string, StreamInfo['state']> {
  return new Map([...inventory].map(([stream, { info }]) => [stream, info.state]));
}

/** State of all streams. */
export async function streamStates(jsm: JetStreamManager): Promise<StreamState[]> {
  const inventory = await takeInventory(jsm);
  const states = [...inventory.values()].map(({ info: { config, state, created }, consumers }) => {
    const empty = state.messages === 0;
    return {
      stream: config.name,
      instrument: publisherOf(config.name) ?? '',
      messages: state.messages,
      bytes: state.bytes,
      maxBytes: config.max_bytes,
      firstSequence: state.first_seq,
      lastSequence: state.last_seq,
      oldest: empty ? '' : new Date(state.first_ts).toISOString(),
      newest: empty ? '' : new Date(state.last_ts).toISOString(),
      created,
      acknowledged: acknowledgedUpTo(state.last_seq, [...consumers.values()]),
      trimmable: !config.deny_purge,
      readers: [...consumers.values()].map((consumer) => ({
        consumer: consumer.name,
        pending: consumer.num_pending,
        unacknowledged: consumer.num_ack_pending,
        redelivered: consumer.num_redelivered,
      })),
    };
  });
  return states.sort((a, b) => (a.stream < b.stream ? -1 : 1));
}

function streamConfig(publisher: string, sizeMib: number) {
  return {
    name: streamName(publisher),
    subjects: [subjects.events(publisher)],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    // New events are refused when it is full: a flood cannot push the evidence out.
    discard: DiscardPolicy.New,
    max_bytes: sizeMib * 1024 * 1024,
    max_msg_size: BUS_LIMITS.messageBytes,
    duplicate_window: nanos(BUS_LIMITS.duplicateWindowMs),
    deny_delete: true,
    // Only the platform's account reaches the API of streams, and it purges only up to a sequence (see trim.ts).
    deny_purge: false,
    allow_rollup_hdrs: false,
    allow_direct: false,
    num_replicas: 1,
  } satisfies Partial<StreamConfig>;
}

function consumerConfig({ reader, from, type }: ReadRight) {
  return {
    durable_name: consumerName(reader, type),
    filter_subject: subjects.event(from, type),
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.Explicit,
    replay_policy: ReplayPolicy.Instant,
    ack_wait: nanos(BUS_LIMITS.acknowledgeMs),
    max_ack_pending: BUS_LIMITS.unacknowledged,
    max_deliver: BUS_LIMITS.deliveries,
    max_waiting: BUS_LIMITS.waitingPulls,
    max_batch: BUS_LIMITS.pullMessages,
    max_expires: nanos(BUS_LIMITS.pullMs),
  } satisfies Partial<ConsumerConfig>;
}

/** Compares only what we set; the server adds fields of its own. */
function differs(want: object, have: object): boolean {
  return Object.entries(want).some(
    ([key, value]) =>
      JSON.stringify(value) !== JSON.stringify((have as Record<string, unknown>)[key] ?? zeroOf(value)),
  );
}

/** The server leaves out fields that are false or 0. */
function zeroOf(value: unknown): unknown {
  return typeof value === 'boolean' ? false : typeof value === 'number' ? 0 : undefined;
}

async function consumersOf(jsm: JetStreamManager, stream: string): Promise<ConsumerInfo[]> {
  const consumers: ConsumerInfo[] = [];
  for await (const info of jsm.consumers.list(stream)) consumers.push(info);
  return consumers;
}

async function unlessMissing<T>(work: Promise<T>, missingCode: number): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === missingCode) return undefined;
    throw error;
  }
}
