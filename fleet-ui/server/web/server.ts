import {
  createServer as createHttp,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { HostHandler } from './feature.ts';
import { hostOf } from './request-checks.ts';

/** Certificate and key of the listener, PEM; `onChange` is called with every new one, and needs no restart. */
export interface TlsIdentity {
  current(): { key: string; cert: string };
  onChange(use: (identity: { key: string; cert: string }) => void): void;
}

/** What one client may hold. A person's browser needs a fraction of it; who trickles bytes is cut off. */
const HANDSHAKE_MS = 10_000;
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const KEEP_ALIVE_MS = 60_000;
/** Without a byte in either direction. Streams of events say something every 15 seconds. */
const SILENCE_MS = 120_000;
const CONNECTIONS_MOST = 4_096;
const HEADER_BYTES_MOST = 16 * 1024;

/**
 * The listener for people: the fleet's own app, and on other names what `hosts` serves. Names are told apart before anything
 * of the app runs, so that neither side sees the other's requests.
 */
export function openServer(
  app: (request: IncomingMessage, response: ServerResponse) => void,
  options: { tls: TlsIdentity | undefined; hosts: readonly HostHandler[] },
): HttpServer {
  const handlerOf = (request: IncomingMessage): HostHandler | undefined => {
    const host = hostOf(request.headers.host);
    return host === undefined ? undefined : options.hosts.find((handler) => handler.serves(host));
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const handler = handlerOf(request);
    if (handler === undefined) app(request, response);
    else handler.request(request, response);
  };
  const limits = {
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // How late a slow client may be noticed.
    connectionsCheckingInterval: 2_000,
    maxHeaderSize: HEADER_BYTES_MOST,
    // No reading between the lines: two readers of one request must agree on where it ends (ABUSE 50).
    insecureHTTPParser: false,
    requireHostHeader: true,
  };
  const server =
    options.tls === undefined ? createHttp(limits, onRequest) : encrypted(options.tls, limits, onRequest);
  server.maxConnections = CONNECTIONS_MOST;
  server.setTimeout(SILENCE_MS);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node leaves faults of such a socket to us; one that nobody hears would end the process.
    socket.on('error', () => socket.destroy());
    const handler = handlerOf(request);
    if (handler === undefined) {
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    handler.upgrade(request, socket, head);
  });
  return server;
}

function encrypted(
  tls: TlsIdentity,
  limits: object,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): HttpsServer {
  const settings = { minVersion: 'TLSv1.2' as const, handshakeTimeout: HANDSHAKE_MS };
  const server = createHttps({ ...limits, ...settings, ...tls.current() }, onRequest);
  tls.onChange((identity) => {
    server.setSecureContext({ ...settings, ...identity });
  });
  return server;
}
