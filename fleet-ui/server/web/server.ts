import {
  createServer as createHttp,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps, type Server as HttpsServer, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import { closeUpgradedToo } from './all-connections.ts';
import { answerBrokenRequests } from './broken-requests.ts';
import type { HostHandler } from './feature.ts';
import { limitPerAddress } from './per-address.ts';
import { hostOf } from './request-checks.ts';

/** Certificate and key of the listener, PEM; `onChange` is called with every new one, and needs no restart. */
export interface TlsIdentity {
  current(): { key: string; cert: string };
  onChange(use: (identity: { key: string; cert: string }) => void): void;
  /** For names that have a certificate of their own; undefined: `current`. */
  contextFor?(servername: string): Promise<SecureContext | undefined>;
}

/** What one client may hold, and for how long. */
export interface ServerLimits {
  handshakeMs: number;
  /** Until all headers are there. */
  headersMs: number;
  /** Until the whole request is there. */
  requestMs: number;
  /** Of a connection between two requests. */
  keepAliveMs: number;
  /** Without a byte in either direction. Streams of events say something every 15 seconds. */
  silenceMs: number;
  /** How late a slow client may be noticed. */
  checkMs: number;
  connectionsMost: number;
  /** Of one address; a reverse proxy is one. */
  connectionsPerAddress: number;
  headerBytesMost: number;
}

/** A person's browser needs a fraction of it; who trickles bytes is cut off. */
export const SERVER_LIMITS: Readonly<ServerLimits> = Object.freeze({
  handshakeMs: 10_000,
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 60_000,
  silenceMs: 120_000,
  checkMs: 2_000,
  connectionsMost: 4_096,
  connectionsPerAddress: 512,
  headerBytesMost: 16 * 1024,
});

/**
 * The listener for people: the fleet's own app, and on other names what `hosts` serves. Names are told apart before anything
 * of the app runs, so that neither side sees the other's requests.
 */
export function openServer(
  app: (request: IncomingMessage, response: ServerResponse) => void,
  options: {
    tls: TlsIdentity | undefined;
    hosts: readonly HostHandler[];
    limits: ServerLimits;
    /** Called with the address of who holds as many connections as one may, and wants more; at most once a minute. */
    crowded?: (address: string) => void;
  },
): HttpServer {
  const handlerOf = (request: IncomingMessage): HostHandler | undefined => {
    const host = hostOf(request.headers.host);
    return host === undefined ? undefined : options.hosts.find((handler) => handler.serves(host));
  };
  // What follows on a connection that is refused was sent in the same breath and may be read by then.
  const closing = new WeakSet<Socket>();
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    if (closing.has(request.socket)) return;
    if (hostHeaders(request) !== 1) {
      closing.add(request.socket);
      response.writeHead(400, { connection: 'close', 'content-length': 0 }).end();
      return;
    }
    const handler = handlerOf(request);
    if (handler === undefined) app(request, response);
    else handler.request(request, response);
  };
  const { limits } = options;
  const settings = {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.checkMs,
    maxHeaderSize: limits.headerBytesMost,
    // No reading between the lines: two readers of one request must agree on where it ends (ABUSE 50).
    insecureHTTPParser: false,
    requireHostHeader: true,
  };
  const server =
    options.tls === undefined
      ? createHttp(settings, onRequest)
      : encrypted(options.tls, { ...settings, handshakeTimeout: limits.handshakeMs }, onRequest);
  server.maxConnections = limits.connectionsMost;
  limitPerAddress(server, limits.connectionsPerAddress, (address) => options.crowded?.(address));
  closeUpgradedToo(server);
  answerBrokenRequests(server);
  server.setTimeout(limits.silenceMs);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node leaves faults of such a socket to us; one that nobody hears would end the process.
    socket.on('error', () => socket.destroy());
    const handler = hostHeaders(request) === 1 ? handlerOf(request) : undefined;
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
  settings: object,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): HttpsServer {
  const minVersion = 'TLSv1.2';
  const server = createHttps({ ...settings, minVersion, ...tls.current(), ...byName(tls) }, onRequest);
  tls.onChange((identity) => {
    server.setSecureContext({ minVersion, ...identity });
  });
  return server;
}

function byName(tls: TlsIdentity): Pick<ServerOptions, 'SNICallback'> {
  if (tls.contextFor === undefined) return {};
  return {
    SNICallback: (servername, use) => {
      tls.contextFor?.(servername).then(
        (context) => use(null, context),
        (error: unknown) => use(error instanceof Error ? error : new Error(String(error))),
      );
    },
  };
}

/** Node keeps the first of two; a proxy before us or a page behind us may keep the other. */
function hostHeaders(request: IncomingMessage): number {
  return request.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
}
