import { inflateRawSync } from 'node:zlib';
import { EVENT_HEADERS, SensorIdSchema, UPLINK_HEADERS, UPLINK_LIMITS } from '@bulkhead/platform/contracts';
import type { IncomingMessage } from '../store/message.ts';

/** Why a message cannot be taken in. */
export type IngestFault = 'subject' | 'headers' | 'body' | 'kinds';

/** A message as the hub hands it over. */
export interface HubMessage {
  subject: string;
  header: (name: string) => string;
  data: Uint8Array;
}

const SUBJECT = /^up\.([^.]+)\.event\.([a-z][a-z0-9-]{0,29})\.([a-z][a-zA-Z0-9_.]{0,63})$/;
const STREAM = /^[A-Za-z0-9_-]{1,64}$/;
const CREATED = /^[0-9TZ:.+-]{1,40}$/;

/**
 * Reads what a sensor sent; who sent it stands in the subject, which its account is bound to. The headers are its own words, and
 * what must hold of them is checked. Never throws.
 */
export function decodeUplink(message: HubMessage, receivedAt: number): IncomingMessage | IngestFault {
  const [, sensor = '', instrument = '', type = ''] = SUBJECT.exec(message.subject) ?? [];
  if (!SensorIdSchema.safeParse(sensor).success || type.split('.').includes('')) return 'subject';
  const stream = message.header(UPLINK_HEADERS.stream);
  const streamCreated = message.header(UPLINK_HEADERS.streamCreated);
  const sequence = whole(message.header(UPLINK_HEADERS.sequence));
  const previous = whole(message.header(UPLINK_HEADERS.previous));
  if (!STREAM.test(stream) || !CREATED.test(streamCreated)) return 'headers';
  if (sequence === undefined || sequence < 1 || previous === undefined || previous >= sequence)
    return 'headers';
  const body = bodyOf(message);
  if (body === undefined) return 'body';
  const ceId = message.header(EVENT_HEADERS.id);
  const storedAt = Date.parse(message.header(UPLINK_HEADERS.storedAt).slice(0, 40));
  return {
    ...{ sensor, instrument, type, stream, streamCreated, sequence, previous, receivedAt, body },
    storedAt: Number.isNaN(storedAt) ? receivedAt : storedAt,
    ceId: /^[A-Za-z0-9_.-]{1,64}$/.test(ceId) ? ceId : `${stream}-${String(sequence)}`,
    ceTime: message.header(EVENT_HEADERS.time).slice(0, 40),
  };
}

function whole(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function bodyOf(message: HubMessage): Uint8Array | undefined {
  if (message.data.length > UPLINK_LIMITS.bodyBytes) return undefined;
  const encoding = message.header(UPLINK_HEADERS.encoding);
  if (encoding === '') return message.data;
  if (encoding !== 'deflate') return undefined;
  try {
    return inflateRawSync(message.data, { maxOutputLength: UPLINK_LIMITS.bodyBytes });
  } catch {
    return undefined;
  }
}
