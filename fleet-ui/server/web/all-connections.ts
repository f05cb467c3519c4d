import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Makes `closeAllConnections` of a listener mean all. By itself Node leaves out those that were upgraded and those that are in their
 * TLS handshake, and `close` waits for both: for a WebSocket without end.
 */
export function closeUpgradedToo(server: Server): void {
  const open = new Set<Socket>();
  // Below TLS: every connection is here from its first moment.
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  const closeOrdinary = server.closeAllConnections.bind(server);
  server.closeAllConnections = () => {
    closeOrdinary();
    for (const socket of open) socket.destroy();
  };
}
