import { EVENT_HEADERS, type StoredEvent } from '../contracts/index.ts';

/** A stored message as the bus hands it over: packed, headers as the publisher wrote them. */
export interface PackedMessage {
  /** Publisher and type, from the subject: the publisher's account is bound to them. */
  instrument: string;
  type: string;
  stream: string;
  sequence: number;
  storedAt: Date;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

/** What was wrong with a message or with some of its records. */
export type FaultReason =
  | 'body-too-large'
  | 'count-mismatch'
  | 'id-invalid'
  | 'line-too-long'
  | 'not-an-object'
  | 'not-json'
  | 'source-mismatch'
  | 'time-invalid'
  | 'too-many-records'
  | 'type-mismatch';

/** One kind of fault of one message; `records` were left out because of it (0 for a header that is merely ignored). */
export interface DecodeFault {
  reason: FaultReason;
  instrument: string;
  type: string;
  sequence: number;
  records: number;
}

/** Bounds, in bytes and counts. The bus takes no message above 1 MiB; these hold for whatever comes. */
export const DECODE_LIMITS = Object.freeze({
  bodyBytes: 1024 * 1024,
  lineBytes: 768 * 1024,
  records: 65_536,
});

const NEWLINE = 0x0a;

/**
 * Takes a message apart into its records. A bad record is left out and counted, its neighbours stay; a bad header is
 * replaced by what the sensor knows itself. Never throws. Sender and type come from the subject only.
 */
export function decodeMessage(message: PackedMessage): { events: StoredEvent[]; faults: DecodeFault[] } {
  const faults = new Faults(message);
  const { instrument, type } = message;
  const id = idOf(message, faults);
  const time = timeOf(message, faults);
  checkIdentity(message, faults);
  const body = Buffer.from(message.body.buffer, message.body.byteOffset, message.body.byteLength);
  if (body.length > DECODE_LIMITS.bodyBytes) {
    faults.add('body-too-large', 1);
    return { events: [], faults: faults.list() };
  }
  const events: StoredEvent[] = [];
  let index = 0;
  for (const line of linesOf(body)) {
    if (index >= DECODE_LIMITS.records) {
      faults.add('too-many-records', 1);
      break;
    }
    const record = parseLine(line, faults);
    // A record keeps its number also behind a bad one, so that its id is the same whoever reads it.
    if (record !== undefined) events.push({ id: `${id}/${String(index)}`, instrument, type, time, record });
    index += 1;
  }
  const declared = message.headers[EVENT_HEADERS.count];
  if (declared !== String(index)) faults.add('count-mismatch', 0);
  return { events, faults: faults.list() };
}

class Faults {
  readonly #message: PackedMessage;
  readonly #records = new Map<FaultReason, number>();

  constructor(message: PackedMessage) {
    this.#message = message;
  }

  add(reason: FaultReason, records: number): void {
    this.#records.set(reason, (this.#records.get(reason) ?? 0) + records);
  }

  list(): DecodeFault[] {
    const { instrument, type, sequence } = this.#message;
    return [...this.#records].map(([reason, records]) => ({ reason, instrument, type, sequence, records }));
  }
}

/** The publisher's id where it is usable, else the place in the stream, which is unique as well. */
function idOf(message: PackedMessage, faults: Faults): string {
  const id = message.headers[EVENT_HEADERS.id] ?? '';
  if (/^[A-Za-z0-9_.-]{1,64}$/.test(id)) return id;
  faults.add('id-invalid', 0);
  return `${message.stream}-${String(message.sequence)}`;
}

function timeOf(message: PackedMessage, faults: Faults): string {
  const text = message.headers[EVENT_HEADERS.time] ?? '';
  const time = /^\d{4}-\d\d-\d\dT[\d:.]{5,15}(?:Z|[+-]\d\d:?\d\d)$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  faults.add('time-invalid', 0);
  return message.storedAt.toISOString();
}

/** A forged sender or type in the headers changes nothing, and is told. */
function checkIdentity(message: PackedMessage, faults: Faults): void {
  const { headers, instrument, type } = message;
  if (headers[EVENT_HEADERS.type] !== type) faults.add('type-mismatch', 0);
  if (headers[EVENT_HEADERS.source]?.endsWith(`/instrument/${instrument}`) !== true)
    faults.add('source-mismatch', 0);
}

function* linesOf(body: Buffer): Generator<Buffer> {
  let start = 0;
  while (start < body.length) {
    const newline = body.indexOf(NEWLINE, start);
    const end = newline === -1 ? body.length : newline;
    if (end > start) yield body.subarray(start, end);
    start = end + 1;
  }
}

function parseLine(line: Buffer, faults: Faults): Record<string, unknown> | undefined {
  if (line.length > DECODE_LIMITS.lineBytes) {
    faults.add('line-too-long', 1);
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    faults.add('not-an-object', 1);
  } catch {
    faults.add('not-json', 1);
  }
  return undefined;
}
