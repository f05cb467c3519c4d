import type { ConsumerInfo, JetStreamManager } from '@nats-io/jetstream';
import { BulkheadError } from '../kernel/index.ts';
import { publisherOf } from './names.ts';

/**
 * Up to which sequence every durable reader has acknowledged all that it reads. `lastSequence` must have been read before the
 * consumers were: a reader with nothing left then has everything up to there.
 */
export function acknowledgedUpTo(lastSequence: number, consumers: readonly ConsumerInfo[]): number {
  return Math.min(
    lastSequence,
    ...consumers
      .filter(({ num_pending, num_ack_pending }) => num_pending > 0 || num_ack_pending > 0)
      .map(({ ack_floor }) => ack_floor.stream_seq),
  );
}

/**
 * Removes a stream's messages up to and with a sequence, but none that a durable reader has not acknowledged.
 * @returns how many were removed
 * @throws BulkheadError BUS_TRIM_REFUSED for a stream that is not ours, or that was made without the right
 */
export async function trimStream(jsm: JetStreamManager, stream: string, upTo: number): Promise<number> {
  const info = publisherOf(stream) === undefined ? undefined : await jsm.streams.info(stream);
  if (info === undefined || info.config.deny_purge) {
    throw new BulkheadError({
      code: 'BUS_TRIM_REFUSED',
      message: `The stream ${stream} cannot be trimmed${info === undefined ? '' : ': it was made without that right'}.`,
      hint: 'It stays as it is. When it is full, new events of its publisher are refused.',
      fields: { stream },
    });
  }
  const consumers: ConsumerInfo[] = [];
  for await (const consumer of jsm.consumers.list(stream)) {
    if (consumer.config.durable_name !== undefined) consumers.push(consumer);
  }
  const until = Math.min(upTo, acknowledgedUpTo(info.state.last_seq, consumers));
  if (until < info.state.first_seq) return 0;
  // Always with a sequence: without one, everything would go. `seq` is the first one that stays.
  const { purged } = await jsm.streams.purge(stream, { seq: until + 1 });
  return purged;
}
