/**
 * How a sensor's stored events reach its fleet (DESIGN §8): over a NATS leaf link, one message of a stream each, subject
 * `up.<sensor>.event.<instrument>.<type>`, body and `ce-…` headers as they were stored, and these headers. Headers are
 * only ever added.
 */
export const UPLINK_HEADERS = Object.freeze({
  /** Name of the sensor's stream. */
  stream: 'bh-stream',
  /** When that stream was made (as its server says it): one that was made anew counts from 1 again. */
  streamCreated: 'bh-stream-created',
  /** Position in the stream; with the stream it says which message this is, however often it is sent. */
  sequence: 'bh-sequence',
  /** Position of the message that was sent before this one from the same stream; 0 before the first. */
  previous: 'bh-previous',
  /** ISO 8601, when the sensor stored it. */
  storedAt: 'bh-stored-at',
  /** `deflate` (RFC 1951, raw) when the body is; absent = as it is. */
  encoding: 'bh-encoding',
});

/** Subject of one event message of a sensor. */
export function uplinkSubject(sensor: string, instrument: string, type: string): string {
  return `up.${sensor}.event.${instrument}.${type}`;
}

/** All that a sensor may say. */
export function uplinkSubjects(sensor: string): string {
  return `up.${sensor}.>`;
}

/** Where acknowledgements come back in the uplink account, at both ends of the link. */
export const UPLINK_INBOX = '_INBOX.up';

/** Largest body of a message when it is unpacked, and the largest message on the way. Bytes. */
export const UPLINK_LIMITS = Object.freeze({ bodyBytes: 2 * 1024 * 1024, messageBytes: 1024 * 1024 });
