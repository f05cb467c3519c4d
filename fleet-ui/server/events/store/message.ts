/** A message of a sensor's stream on its way into the store; who sent it was proved by its subject. */
export interface IncomingMessage {
  sensor: string;
  instrument: string;
  type: string;
  /** The sensor's stream, when it was made, and the position in it: which message this is. */
  stream: string;
  streamCreated: string;
  sequence: number;
  /** Position of the message that was sent before it from that stream; 0 before the first. */
  previous: number;
  /** When the sensor stored it, by the sensor's clock; ms. */
  storedAt: number;
  /** When it came to the fleet, by the fleet's clock; ms. */
  receivedAt: number;
  ceId: string;
  /** When it was packed, as the publisher says; ISO 8601. */
  ceTime: string;
  /** NDJSON. */
  body: Uint8Array;
}

/** Bounds of what one message may hold. */
export const MESSAGE_LIMITS = Object.freeze({ lineBytes: 768 * 1024, records: 65_536 });

const NEWLINE = 0x0a;

/** The records of a message by their numbers; undefined for one that cannot be read. Never throws. */
export function recordsOf(body: Uint8Array): (Record<string, unknown> | undefined)[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const records: (Record<string, unknown> | undefined)[] = [];
  for (let start = 0; start < bytes.length && records.length < MESSAGE_LIMITS.records;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    if (end > start) records.push(parse(bytes.subarray(start, end)));
    start = end + 1;
  }
  return records;
}

function parse(line: Buffer): Record<string, unknown> | undefined {
  if (line.length > MESSAGE_LIMITS.lineBytes) return undefined;
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Counted by the caller.
  }
  return undefined;
}
