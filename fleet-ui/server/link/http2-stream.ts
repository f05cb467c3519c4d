import { constants, type ServerHttp2Stream } from 'node:http2';

/**
 * What of HTTP/2 grpc-js servers offer no way to. A call keeps its stream to itself; without it (another version of grpc-js)
 * both of these do nothing, and a test says so.
 */
function streamOf(call: object): ServerHttp2Stream | undefined {
  return (call as { call?: { stream?: ServerHttp2Stream } }).call?.stream;
}

/** Ends a call whose other side does not take what was written, so that its end does not wait behind it. */
export function resetCall(call: object): void {
  const stream = streamOf(call);
  if (stream?.closed === false) stream.close(constants.NGHTTP2_CANCEL);
}

/**
 * How much a sensor may send before it is read, in each call of its connection and in all of them: with the 64 KiB that HTTP/2
 * begins with, a tunnel carries no more than that for each round trip.
 */
export function widenWindows(call: object, bytes: { stream: number; connection: number }): void {
  const session = streamOf(call)?.session;
  if (session === undefined || session.destroyed || session.closed) return;
  session.settings({ initialWindowSize: bytes.stream });
  session.setLocalWindowSize(bytes.connection);
}
