import { setTimeout as sleep } from 'node:timers/promises';
import { AckPolicy, DeliverPolicy, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';

/** Messages of one batch, and the pause after it: reading all of a store must not crowd out what is going on. */
const BATCH = { messages: 500, expiresMs: 1_500, pauseMs: 20 };
/** Missing sequences that are asked for one by one before they are believed. */
const CONFIRMED = 64;

/**
 * Reads every message of a stream (its headers; the server checks the whole record) and counts those that cannot be read.
 *
 * nats-server keeps a checksum with each record and looks at it only when the record is read: a damaged one is passed
 * over in silence, by every reader, and still counted as stored.
 */
export async function countUnreadable(
  { client, manager }: { client: JetStreamClient; manager: JetStreamManager },
  stream: string,
  signal: AbortSignal,
): Promise<number> {
  const { last_seq: end, first_seq: begin, messages } = (await manager.streams.info(stream)).state;
  if (messages === 0) return 0;
  const gaps: { from: number; to: number }[] = [];
  let next = begin;
  while (next <= end && !signal.aborted) {
    const before = next;
    next = await readFrom({ client, manager }, stream, next, end, gaps, signal);
    if (next > before) continue;
    // Nothing came: either the rest cannot be read, or the server is slow. The message itself tells which.
    if ((await manager.streams.getMessage(stream, { seq: next })) !== null) continue;
    gaps.push({ from: next, to: end });
    next = end + 1;
  }
  if (signal.aborted) return 0;
  const after = (await manager.streams.info(stream)).state;
  // What was removed on purpose meanwhile, at the front, is no damage.
  const open = gaps
    .map(({ from, to }) => ({ from: Math.max(from, after.first_seq), to }))
    .filter(({ from, to }) => from <= to);
  const missing = open.reduce((sum, { from, to }) => sum + to - from + 1, 0) - deleted(after);
  return missing <= 0 || (await anyReadable(manager, stream, open)) ? 0 : missing;
}

/** The server leaves the field out when it is 0. */
function deleted({ num_deleted }: { num_deleted?: number }): number {
  return num_deleted ?? 0;
}

/** Reads on until the end or until nothing more comes; returns the sequence after the last message that came. */
async function readFrom(
  { client, manager }: { client: JetStreamClient; manager: JetStreamManager },
  stream: string,
  start: number,
  end: number,
  gaps: { from: number; to: number }[],
  signal: AbortSignal,
): Promise<number> {
  const { name } = await manager.consumers.add(stream, {
    ...{ deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start, headers_only: true },
    ...{ ack_policy: AckPolicy.None, mem_storage: true, inactive_threshold: nanos(60_000) },
  });
  let next = start;
  try {
    const consumer = await client.consumers.get(stream, name);
    for (let came = true; came && next <= end && !signal.aborted;) {
      came = false;
      const batch = await consumer.fetch({ max_messages: BATCH.messages, expires: BATCH.expiresMs });
      for await (const { seq } of batch) {
        if (seq > next && next <= end) gaps.push({ from: next, to: Math.min(seq - 1, end) });
        next = seq + 1;
        came = true;
        if (next > end) break;
      }
      await sleep(BATCH.pauseMs);
    }
  } finally {
    await manager.consumers.delete(stream, name).catch(() => undefined);
  }
  return next;
}

async function anyReadable(
  manager: JetStreamManager,
  stream: string,
  gaps: readonly { from: number; to: number }[],
): Promise<boolean> {
  const asked = gaps
    .flatMap(({ from, to }) => Array.from({ length: Math.min(to - from + 1, CONFIRMED) }, (_, n) => from + n))
    .slice(0, CONFIRMED);
  const found = await Promise.all(asked.map((seq) => manager.streams.getMessage(stream, { seq })));
  return found.some((message) => message !== null);
}
