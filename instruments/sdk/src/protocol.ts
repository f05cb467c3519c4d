/** Version of the contract in `instruments/PROTOCOL.md` that this sdk speaks. */
export const PROTOCOL_VERSION = 1;

/** Header names of an event message (CloudEvents attributes), and of NATS. The sdk imports nothing, so they stand here again. */
export const HEADERS = Object.freeze({
  id: 'ce-id',
  source: 'ce-source',
  type: 'ce-type',
  time: 'ce-time',
  count: 'bh-count',
  /** JetStream recognises a repetition by it. */
  messageId: 'Nats-Msg-Id',
});

/** Bounds of the protocol, in bytes, milliseconds and counts. */
export const LIMITS = Object.freeze({
  /**
   * A pack is sent when the next record would make its body larger. The store syncs once for each message: larger packs
   * are faster, smaller ones wait less, and cost less by the store's encryption (test/bench/README.md).
   */
  packBytes: 20 * 1024,
  /** A pack is sent when its first record has waited this long. */
  packMs: 20,
  /** Largest record (one line, with its newline). */
  recordBytes: 768 * 1024,
  /** Largest body of a command or a reply. */
  commandBytes: 256 * 1024,
  /** Largest `instrument.json`. */
  fileBytes: 1024 * 1024,
  /** A message without an acknowledgement is sent again after this long. */
  ackMs: 5_000,
  /** Messages that the bus hands to one reader before it acknowledges the first. */
  unacknowledged: 64,
  /** Default wait for the reply to a command, and the longest: the server forgets the way back then. */
  commandMs: 10_000,
  commandMaxMs: 60_000,
  /** Largest body of a request to a service of the platform. */
  serviceBytes: 64 * 1024,
});

/** Prefix of the instrument's inboxes: it may subscribe to no other. */
export function inboxPrefix(instrument: string): string {
  return `_INBOX.${instrument}`;
}

/**
 * JetStream domain under which a reader asks: its consumer API is `$JS.platform.API.CONSUMER.{MSG.NEXT,INFO}.…`.
 */
export const READER_DOMAIN = 'platform';
