/** How much, how many and how long. What is not said here is the listener's: headers, whole requests, connections. */
export interface ProxyLimits {
  /** The largest request that is passed on. */
  bodyBytesMost: number;
  /** Until a page begins to answer, and between two parts of an answer or of a request. */
  answerMs: number;
  /** Until a page agrees to a WebSocket. */
  agreeMs: number;
  /** Of a stream of events or a WebSocket without a byte either way; most say something every 15 or 30 seconds. */
  silentMs: number;
  /** Requests of all people to one page that are under way; a page that hangs must not hold the fleet's memory. */
  atOnceMost: number;
  /** Streams of events and WebSockets of one person. */
  streamsMost: number;
}

export const PROXY_LIMITS: Readonly<ProxyLimits> = Object.freeze({
  // A capture file for an import.
  bodyBytesMost: 256 * 2 ** 20,
  answerMs: 60_000,
  agreeMs: 15_000,
  silentMs: 15 * 60_000,
  atOnceMost: 256,
  streamsMost: 64,
});
