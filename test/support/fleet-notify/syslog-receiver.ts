import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { listening } from './listening.ts';

export interface SyslogReceiver {
  port: number;
  /** One for each message, without its count of octets. */
  lines: string[];
  /** Bytes of a stream that are no frame. */
  rest: string;
  close(): Promise<void>;
}

/** Takes datagrams, one message each. */
export async function openUdpReceiver(): Promise<SyslogReceiver> {
  const socket = createSocket('udp4');
  const receiver: SyslogReceiver = {
    ...{ port: 0, lines: [], rest: '' },
    close: () => new Promise((resolve) => socket.close(resolve)),
  };
  socket.on('message', (bytes) => receiver.lines.push(bytes.toString('utf8')));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  receiver.port = socket.address().port;
  return receiver;
}

/** Takes frames with counted octets (RFC 6587), over TCP or with a certificate over TLS. */
export async function openStreamReceiver(tls?: { key: string; cert: string }): Promise<SyslogReceiver> {
  const serve = (socket: Socket): void => {
    let bytes = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (part: Buffer) => {
      bytes = Buffer.concat([bytes, part]);
      for (;;) {
        const [head, count] = /^(\d+) /.exec(bytes.toString('latin1')) ?? [];
        receiver.rest = bytes.toString('utf8');
        if (head === undefined || bytes.length < head.length + Number(count)) return;
        receiver.lines.push(bytes.subarray(head.length, head.length + Number(count)).toString('utf8'));
        bytes = bytes.subarray(head.length + Number(count));
        receiver.rest = bytes.toString('utf8');
      }
    });
  };
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  const { port, close } = await listening(server);
  const receiver: SyslogReceiver = { port, close, lines: [], rest: '' };
  return receiver;
}
