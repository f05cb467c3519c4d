import type { MsgHdrs } from '@nats-io/transport-node';
import { HEADERS } from './protocol.ts';
import type { EventBatch, EventRecord, ReceivedEvent } from './types.ts';

type UnreadBatch = Pick<EventBatch, 'id' | 'from' | 'type' | 'time' | 'text'>;

/** Most records of one message that are looked at. */
const MAX_RECORDS = 65_536;

/** The part of a message that is read here. */
export interface EventMessage {
  data: Uint8Array;
  headers?: Pick<MsgHdrs, 'get'> | undefined;
}

/**
 * The records of one event message. `from` and `type` come from the grant and not from the headers, which the publisher
 * writes as it likes. A line that is not a JSON object is left out and counted in `bad`.
 */
export function recordsOf(
  message: EventMessage,
  from: string,
  type: string,
): { events: ReceivedEvent[]; bad: number } {
  return parseRecords(openBatch(message, from, type));
}

/** A message with its records not looked at yet. Sender and type come from the grant, as in {@link recordsOf}. */
export function openBatch(message: EventMessage, from: string, type: string): UnreadBatch {
  const { data, headers } = message;
  return {
    id: (headers?.get(HEADERS.id) ?? '').slice(0, 128),
    from,
    type,
    time: (headers?.get(HEADERS.time) ?? '').slice(0, 40),
    text: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8'),
  };
}

/** The records of a message; see {@link recordsOf}. */
export function parseRecords({ id, from, type, time, text }: UnreadBatch): {
  events: ReceivedEvent[];
  bad: number;
} {
  const events: ReceivedEvent[] = [];
  let bad = 0;
  for (const line of text.split('\n', MAX_RECORDS + 1)) {
    if (line === '') continue;
    const record = parseObject(line);
    // The number counts bad lines too, so that a record keeps its id whoever reads it.
    const index = events.length + bad;
    if (record === undefined) bad += 1;
    else events.push({ id: `${id}/${String(index)}`, from, type, time, record });
  }
  return { events, bad };
}

function parseObject(line: string): EventRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as EventRecord)
      : undefined;
  } catch {
    return undefined;
  }
}
