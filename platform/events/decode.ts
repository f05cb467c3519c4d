import { EVENT_HEADERS, type StoredEvent } from '../contracts/index.ts';

/** A stored message as the bus hands it over; headers and body are the publisher's own and not to be trusted. */
export interface PackedMessage {
  instrument: string;
  sequence: number;
  type: string;
  storedAt: Date;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

/** What a message held. What could not be read is counted and described, and hides no neighbour. */
export interface DecodedMessage {
  events: StoredEvent[];
  skipped: { line: number; reason: string }[];
}

/** A publisher's message is at most this large; the bus refuses larger ones, this bounds what we would parse. */
const MAX_BODY_BYTES = 8 << 20;
const MAX_RECORDS = 20_000;
const MAX_SKIPPED = 20;
const ID = /^[\x21-\x7e]{1,128}$/;

/**
 * Unpacks a message into its records (NDJSON, one line each; PROTOCOL.md). Who published it and its type come from the
 * bus and not from the headers.
 */
export function decodeMessage(message: PackedMessage): DecodedMessage {
  const decoded: DecodedMessage = { events: [], skipped: [] };
  if (message.body.byteLength > MAX_BODY_BYTES) {
    decoded.skipped.push({ line: 0, reason: `the body has ${String(message.body.byteLength)} bytes` });
    return decoded;
  }
  const id = idOf(message);
  const time = timeOf(message);
  const lines = Buffer.from(message.body.buffer, message.body.byteOffset, message.body.byteLength)
    .toString('utf8')
    .split('\n');
  if (lines.at(-1) === '') lines.pop();
  lines.forEach((line, index) => {
    if (index >= MAX_RECORDS) {
      skip(decoded, index, `only ${String(MAX_RECORDS)} records of a message are read`);
      return;
    }
    const record = parseRecord(line);
    if (record === undefined) skip(decoded, index, 'it is not a JSON object');
    else {
      decoded.events.push({
        id: `${id}/${String(index)}`,
        instrument: message.instrument,
        type: message.type,
        time,
        record,
      });
    }
  });
  return decoded;
}

function skip(decoded: DecodedMessage, line: number, reason: string): void {
  if (decoded.skipped.length < MAX_SKIPPED) decoded.skipped.push({ line, reason });
}

/** A header that is no usable id is replaced by the place in the stream, which nobody can choose. */
function idOf(message: PackedMessage): string {
  const id = message.headers[EVENT_HEADERS.id];
  return id !== undefined && ID.test(id) ? id : `${message.instrument}-${String(message.sequence)}`;
}

function timeOf(message: PackedMessage): string {
  const time = message.headers[EVENT_HEADERS.time];
  const parsed = time === undefined || time.length > 40 ? NaN : Date.parse(time);
  return (Number.isNaN(parsed) ? message.storedAt : new Date(parsed)).toISOString();
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
