import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Frames of RFC 6455 by hand, so that a test may send what no library would. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The server's side of an opening; what it says further is the test's. */
export function accept(request: IncomingMessage, socket: Duplex, more: readonly string[] = []): void {
  const key = request.headers['sec-websocket-key'] ?? '';
  const answer = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  socket.write(
    [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${answer}`,
      ...more,
      '',
      '',
    ].join('\r\n'),
  );
}

/** The client's side: bytes of an opening. */
export function opening(path: string, headers: Record<string, string>): string {
  const all = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** A text frame from a client: masked with zeros. At most 125 bytes. */
export function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

/** The begin of a frame that claims to be so long. */
export function giantFrame(bytes: bigint): Buffer {
  const head = Buffer.alloc(14);
  head.writeUInt8(0x82, 0);
  head.writeUInt8(0xff, 1);
  head.writeBigUInt64BE(bytes, 2);
  return head;
}

/** Collects what comes. */
export function collect(socket: Socket): { text: () => string; closed: Promise<void> } {
  let text = '';
  socket.on('data', (part: Buffer) => (text += part.toString('latin1')));
  return { text: () => text, closed: new Promise((resolve) => socket.once('close', () => resolve())) };
}
