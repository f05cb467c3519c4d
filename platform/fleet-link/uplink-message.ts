import { deflateRawSync } from 'node:zlib';
import { EVENT_HEADERS, PLATFORM, UPLINK_HEADERS, uplinkSubject } from '../contracts/index.ts';

/** A stored message, as the bus hands it over. */
export interface StoredMessage {
  instrument: string;
  stream: string;
  sequence: number;
  type: string;
  storedAt: Date;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

/** What goes out for it. */
export interface OutgoingMessage {
  subject: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

/** What the operator chose. */
export interface UplinkChoice {
  /** Types of instruments' events; undefined = all. */
  types: readonly string[] | undefined;
  /** Drops and masks fields, in this order. */
  policies: readonly FieldTreatment[];
}

/** One set of rules about fields. */
export interface FieldTreatment {
  /** No rule for this type. */
  spares(type: string): boolean;
  /** Changes the record. */
  apply(type: string, record: Record<string, unknown>): void;
}

/** Bodies above this are packed: the message as a whole must fit into what the servers take. */
const PACK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
const UNTREATED = JSON.stringify({ bulkhead: 'the field policy could not be applied to this record' });

/** Does this kind of event go to the fleet? */
export function isChosen(choice: UplinkChoice, { instrument, type }: StoredMessage): boolean {
  return instrument === PLATFORM || choice.types?.includes(type) !== false;
}

/**
 * Makes a stored message ready to be sent, with the operator's treatment of its fields.
 * @param place which message it is, for the fleet to recognise it by
 */
export function outgoing(
  message: StoredMessage,
  choice: UplinkChoice,
  place: { sensor: string; created: string; previous: number },
): OutgoingMessage {
  const { instrument, type, stream, sequence, storedAt, headers } = message;
  const policies = choice.policies.filter((policy) => !policy.spares(type));
  const body = policies.length === 0 ? message.body : treated(message.body, type, policies);
  const packed = body.length > PACK_BYTES;
  return {
    subject: uplinkSubject(place.sensor, instrument, type),
    headers: {
      ...Object.fromEntries(
        Object.values(EVENT_HEADERS).flatMap((name) => {
          const value = headers[name];
          // A publisher's words: without line breaks, and of a length that leaves room.
          return value === undefined ? [] : [[name, value.replaceAll(/[^\x20-\x7e]/g, '').slice(0, 200)]];
        }),
      ),
      [UPLINK_HEADERS.stream]: stream,
      [UPLINK_HEADERS.streamCreated]: place.created,
      [UPLINK_HEADERS.sequence]: String(sequence),
      [UPLINK_HEADERS.previous]: String(place.previous),
      [UPLINK_HEADERS.storedAt]: storedAt.toISOString(),
      ...(packed ? { [UPLINK_HEADERS.encoding]: 'deflate' } : {}),
    },
    body: packed ? deflateRawSync(body, { level: 3 }) : body,
  };
}

/** Every line treated for itself, at its place. What cannot be treated does not go. */
function treated(body: Uint8Array, type: string, policies: readonly FieldTreatment[]): Buffer {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const lines: string[] = [];
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    if (end > start) lines.push(treatedLine(bytes.toString('utf8', start, end), type, policies));
    start = end + 1;
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}

function treatedLine(line: string, type: string, policies: readonly FieldTreatment[]): string {
  try {
    const record: unknown = JSON.parse(line);
    if (typeof record !== 'object' || record === null || Array.isArray(record)) return UNTREATED;
    for (const policy of policies) policy.apply(type, record as Record<string, unknown>);
    return JSON.stringify(record);
  } catch {
    return UNTREATED;
  }
}
