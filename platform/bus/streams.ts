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
  /** Those who read it. */
  readers: { consumer: string; pending: number; unacknowledged: number; redelivered: number }[];
}

/** JetStream's error codes that mean "there is no such stream / consumer". */
const [STREAM_NOT_FOUND, CONSUMER_NOT_FOUND] = [10059, 10014];

/** Publishers that have a stream: every instrument of the model, and the platform. */
export function publishers(model: BusModel): string[] {
  return [PLATFORM, ...model.instruments.map(({ name }) => name)].sort();
}

/** Creates missing streams and corrects changed ones. Returns the names of those it created. */
export async function ensureStreams(jsm: JetStreamManager, model: BusModel): Promise<string[]> {
  const created: string[] = [];
  for (const publisher of publishers(model)) {
    const want = streamConfig(publisher, model.streamMib);
    const have = await unlessMissing(jsm.streams.info(want.name), STREAM_NOT_FOUND);
    if (have === undefined) {
      await jsm.streams.add(want);
      created.push(want.name);
    } else if (differs(want, have.config)) {
      await jsm.streams.update(want.name, want);
    }
  }
  return created;
}

/** Deletes the consumers of rights that are gone: an outstanding pull of such a reader ends at once. */
export async function removeRevokedConsumers(jsm: JetStreamManager, model: BusModel): Promise<string[]> {
  const wanted = new Set(
    readRights(model).map(({ from, reader, type }) => `${streamName(from)} ${consumerName(reader, type)}`),
  );
  const removed: string[] = [];
  for (const stream of await ourStreams(jsm)) {
    for (const consumer of await consumersOf(jsm, stream.config.name)) {
      const durable = consumer.config.durable_name;
      if (durable === undefined || wanted.has(`${consumer.stream_name} ${durable}`)) continue;
      await unlessMissing(jsm.consumers.delete(consumer.stream_name, durable), CONSUMER_NOT_FOUND);
      removed.push(durable);
    }
  }
  return removed;
}

/** Creates the consumers of the rights to read, and corrects changed ones. */
export async function ensureConsumers(jsm: JetStreamManager, model: BusModel): Promise<void> {
  for (const right of readRights(model)) {
    const stream = streamName(right.from);
    const want = consumerConfig(right);
    const have = await unlessMissing(jsm.consumers.info(stream, want.durable_name), CONSUMER_NOT_FOUND);
    if (have === undefined) await jsm.consumers.add(stream, want);
    else if (differs(want, have.config)) await jsm.consumers.update(stream, want.durable_name, want);
  }
}

/** All streams of ours, also of instruments that are gone: their events stay until they are removed on purpose. */
export async function ourStreams(jsm: JetStreamManager): Promise<StreamInfo[]> {
  const streams: StreamInfo[] = [];
  for await (const info of jsm.streams.list()) {
    if (publisherOf(info.config.name) !== undefined) streams.push(info);
  }
  return streams;
}

/** State of all streams. */
export async function streamStates(jsm: JetStreamManager): Promise<StreamState[]> {
  const states: StreamState[] = [];
  for (const { config, state } of await ourStreams(jsm)) {
    const consumers = await consumersOf(jsm, config.name);
    const empty = state.messages === 0;
    states.push({
      stream: config.name,
      instrument: publisherOf(config.name) ?? '',
      messages: state.messages,
      bytes: state.bytes,
      maxBytes: config.max_bytes,
      firstSequence: state.first_seq,
      lastSequence: state.last_seq,
      oldest: empty ? '' : new Date(state.first_ts).toISOString(),
      newest: empty ? '' : new Date(state.last_ts).toISOString(),
      readers: consumers
        .filter((consumer) => consumer.config.durable_name !== undefined)
        .map((consumer) => ({
          consumer: consumer.name,
          pending: consumer.num_pending,
          unacknowledged: consumer.num_ack_pending,
          redelivered: consumer.num_redelivered,
        })),
    });
  }
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
    deny_purge: true,
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
