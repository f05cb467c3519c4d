import type { Msg } from '@nats-io/transport-node';

/** What the server said about one message. */
export type Acknowledgement =
  | { outcome: 'stored' }
  | { outcome: 'retry' }
  | { outcome: 'BUS_STREAM_FULL' | 'BUS_PUBLISH_REFUSED'; reason: string };

/** JetStream's code for "could not be stored"; its text says why. */
const STORE_FAILED = 10077;

/**
 * Reads a JetStream acknowledgement (`{"stream","seq"}` or `{"error":{…}}`), or the status 503 that the server sends when
 * nobody stores the subject at the moment. Written after NATS' ADR-1 and ADR-22.
 */
export function readAcknowledgement(message: Msg): Acknowledgement {
  if (message.headers?.code === 503) return { outcome: 'retry' };
  let answer: { seq?: unknown; error?: { code?: number; err_code?: number; description?: string } };
  try {
    answer = message.json();
  } catch {
    return { outcome: 'retry' };
  }
  const { error } = answer;
  if (error === undefined)
    return typeof answer.seq === 'number' ? { outcome: 'stored' } : { outcome: 'retry' };
  const reason = (error.description ?? 'no reason given').slice(0, 300);
  if (error.err_code === STORE_FAILED && reason.startsWith('maximum')) {
    return { outcome: 'BUS_STREAM_FULL', reason: `the stream is full (${reason})` };
  }
  // 503 is what JetStream says while it starts, or cannot write: what waits is not lost yet.
  if (error.code === 503) return { outcome: 'retry' };
  return { outcome: 'BUS_PUBLISH_REFUSED', reason };
}
