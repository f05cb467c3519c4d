/** Bounds of the bus. They hold for every instrument alike; sizes in bytes, times in milliseconds. */
export const BUS_LIMITS = Object.freeze({
  /** Largest message, headers included. The sdk packs 32 KiB; one record may be larger than a pack. */
  messageBytes: 1024 * 1024,
  /** Longest protocol line (a subject and its options). */
  controlLineBytes: 4096,
  /** What the server holds for one connection that reads too slowly, before it cuts the connection. */
  pendingBytes: 16 * 1024 * 1024,
  /** A connection that has not authenticated by then is closed. */
  authenticationMs: 2_000,
  /** Two, so that a reconnection need not wait for the old connection's end to be noticed. */
  connectionsPerInstrument: 2,
  /** Subscriptions of one instrument: inbox, control, commands, one for each pull at work. */
  subscriptionsPerInstrument: 64,
  /**
   * All connections, authenticated or not. Far above what 64 instruments may hold, so that connections that never
   * authenticate cannot keep others out before they are closed.
   */
  connections: 4_096,
  /** Open files of the server's process: connections and stream blocks. */
  openFiles: 8_192,
  /** A repeated message id is recognised for so long: a publisher that lost its connection sends again within it. */
  duplicateWindowMs: 120_000,
  /** Messages delivered to one reader and not yet acknowledged. */
  unacknowledged: 64,
  /** A delivered message that is not acknowledged by then is delivered again. */
  acknowledgeMs: 30_000,
  /** After so many deliveries a message counts as poison and is passed over. */
  deliveries: 20,
  /** Pulls of one reader that wait at the same time, messages of one pull, and the longest wait. */
  waitingPulls: 4,
  pullMessages: 64,
  pullMs: 20_000,
  /**
   * How long the server keeps the way back of a request across accounts. It keeps one for each request, so a flood of
   * requests costs memory for so long; an answer that comes later is lost.
   */
  wayBackMs: {
    event: 30_000,
    pull: 25_000,
    consumerInfo: 10_000,
    acknowledge: 10_000,
    command: 60_000,
    service: 70_000,
  },
  /** Largest body of a request to a service of the platform, and of its answer. */
  serviceBytes: { request: 64 * 1024, reply: 256 * 1024 },
  /** Requests of one instrument that the platform works on at the same time; more are refused. */
  servicesAtWork: 4,
  /** A service that has not answered by then is told to give up; below the way back, so that its error still arrives. */
  serviceMs: 65_000,
  /** Requests of one instrument to the platform within a second; beyond it nobody listens to the instrument for a while. */
  servicesPerSecond: 200,
  /** For so long nobody listens then: the server itself answers "nobody there", which costs the platform nothing. */
  serviceRestMs: 5_000,
  /** Commands to one instrument within a second that the journal follows; beyond it, it is silent for a while and says so. */
  journalPerSecond: 200,
  journalRestMs: 5_000,
  /** Instruments of one sensor. */
  instruments: 64,
});
