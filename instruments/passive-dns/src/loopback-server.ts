import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server that listens on 127.0.0.1 and nowhere else. */
export interface LoopbackServer {
  port: number;
  close(): Promise<void>;
}

const CONNECTIONS = 32;

/**
 * Listens. Connections, times and sizes are bounded; what is not HTTP is answered 400.
 * @param port 0 takes a free one
 * @param answer answers at once, and does not throw
 * @throws the listening socket's error
 */
export async function openLoopback(
  port: number,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<LoopbackServer> {
  const server = createServer(
    { requestTimeout: 5_000, headersTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 16_384 },
    answer,
  );
  server.maxConnections = CONNECTIONS;
  server.maxRequestsPerSocket = 1_000;
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
  });
  await listen(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port, exclusive: true, backlog: CONNECTIONS }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
