/** How much one sensor, and everybody together, may take. Sizes in bytes. */
export interface LinkLimits {
  /** Connections at once, of all sensors and of whoever has not proved anything yet. */
  connections: number;
  /** Handshakes that are under way at once, in all and from one address; who comes later waits unread. */
  handshakes: number;
  handshakesPerAddress: number;
  /** Connections that wait for their handshake, in all and from one address; more are closed at once. */
  waiting: number;
  waitingPerAddress: number;
  /** Connections of one sensor: one link, and another while it moves from one to the next. */
  connectionsPerSensor: number;
  /** Times that one sensor may attach within a minute. */
  attachesPerMinute: number;
  /** Calls that one connection may begin within a second. */
  callsPerSecond: number;
  tunnelsPerSensor: number;
  /** Uplinks of one sensor: one, and the next one while the former ends. */
  uplinksPerSensor: number;
  /** Questions to one sensor that wait for answers. */
  asksPerSensor: number;
  /** One message of a sensor. */
  messageBytes: number;
  /** One message to a sensor: a configuration with its frame. */
  sentMessageBytes: number;
  /** Messages to one sensor that it has not taken yet. */
  outboxBytes: number;
  /** What is kept of one answer that its reader has not read yet. */
  answerBufferBytes: number;
  /** What a sensor may send before it is read: in one call, and in all calls of one connection. */
  callWindowBytes: number;
  connectionWindowBytes: number;
  /** What a sensor may send of one answer before its reader has read. */
  answerWindowBytes: number;
  /** Messages that are read of one link in a quarter of a second; the rest waits at the sensor. */
  messagesPerTick: number;
  /** Links whose last state is remembered after they ended. */
  remembered: number;
}

export const DEFAULT_LINK_LIMITS: LinkLimits = Object.freeze({
  connections: 12_000,
  handshakes: 96,
  handshakesPerAddress: 64,
  waiting: 6_000,
  waitingPerAddress: 3_000,
  connectionsPerSensor: 4,
  attachesPerMinute: 20,
  callsPerSecond: 200,
  tunnelsPerSensor: 64,
  uplinksPerSensor: 2,
  asksPerSensor: 32,
  messageBytes: 256 << 10,
  sentMessageBytes: (1 << 20) + (64 << 10),
  outboxBytes: 4 << 20,
  answerBufferBytes: 2 << 20,
  callWindowBytes: 512 << 10,
  connectionWindowBytes: 2 << 20,
  answerWindowBytes: 256 << 10,
  messagesPerTick: 1_000,
  remembered: 20_000,
});

/** All in milliseconds. */
export interface LinkTimes {
  /** How often each side lets itself be heard. */
  heartbeatMs: number;
  /** Without a sign for this long, a link is over. Less than three heartbeats by one tick, so that it is noticed within three. */
  silenceMs: number;
  /** From the first byte of a connection to its TLS handshake being done. */
  handshakeMs: number;
  /** For a connection to wait for its turn. */
  waitMs: number;
  /** From Attach to Hello. */
  helloMs: number;
  /** A connection without any call. */
  idleMs: number;
  /** From OpenTunnel to the tunnel. */
  tunnelMs: number;
  /** A sensor that does not take what is sent. */
  stuckMs: number;
  /** From the last word to a link until its connection is cut. */
  lingerMs: number;
}

export const DEFAULT_LINK_TIMES: LinkTimes = Object.freeze({
  heartbeatMs: 1_000,
  silenceMs: 2_750,
  handshakeMs: 5_000,
  waitMs: 15_000,
  helloMs: 5_000,
  idleMs: 10_000,
  tunnelMs: 5_000,
  stuckMs: 10_000,
  lingerMs: 500,
});

/** How often links are looked at. */
export const TICK_MS = 250;
