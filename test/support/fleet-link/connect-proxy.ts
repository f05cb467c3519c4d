import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** An HTTP proxy that knows CONNECT, on loopback. */
export interface ConnectProxy {
  readonly port: number;
  /** What was asked for: `host:port`. */
  readonly asked: string[];
  /** First bytes of what was sent through it; TLS begins with 0x16. */
  readonly first: number[];
  /** Connections that are open. */
  readonly open: Set<Socket>;
  dispose: () => Promise<void>;
}

/** @param credentials `user:password` that it asks for */
export async function openConnectProxy(credentials?: string): Promise<ConnectProxy> {
  const asked: string[] = [];
  const first: number[] = [];
  const open = new Set<Socket>();
  const expected =
    credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
  const server = createServer((_request, response) => {
    response.writeHead(405).end();
  });
  server.on('connect', (request, near: Socket, head: Buffer) => {
    near.on('error', () => undefined);
    if (request.headers['proxy-authorization'] !== expected) {
      near.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    asked.push(request.url ?? '');
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const far = connect({ host, port: Number(port) }, () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      far.write(head);
      near.pipe(far).pipe(near);
      near.once('data', (data: Buffer) => first.push(data[0] ?? -1));
    });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    first,
    open,
    dispose: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
