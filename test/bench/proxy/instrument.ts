import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { mainOf } from './child.ts';

/** What an API answers: a few hundred bytes of JSON. */
const BODY = JSON.stringify({
  rules: Array.from({ length: 8 }, (_, n) => ({ sid: 2_000_000 + n, enabled: true, hits: n * 17 })),
});
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** An instrument's page as ours are: Node's own server. WebSockets repeat what they get. */
mainOf(async ({ socket: path }: { socket: string }) => {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(BODY.length) });
    response.end(BODY);
  });
  server.on('upgrade', (request, socket: Duplex) => {
    const key = request.headers['sec-websocket-key'] ?? '';
    const accept = createHash('sha1')
      .update(key + GUID)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on('error', () => socket.destroy());
    // Bytes back as they are: the client counts bytes and does not look at masks.
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {};
});
