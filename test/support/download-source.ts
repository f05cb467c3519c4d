import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const openssl = promisify(execFile);
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Key and certificate chain of a server: PEM. */
export interface ServerIdentity {
  key: string;
  cert: string;
}

/** A certificate authority of one test. */
export interface Authority {
  pem: string;
  /** @param days 0: expired a second from now. */
  issue(hosts: readonly string[], days?: number): Promise<ServerIdentity>;
}

/** Makes an authority with its files in `folder`. */
export async function makeAuthority(folder: string, name: string): Promise<Authority> {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  await openssl('openssl', [
    ...['req', '-x509', ...EC, '-days', '30', '-keyout', key, '-out', cert, '-subj', `/CN=${name}`],
  ]);
  let serial = 0;
  return {
    pem: await readFile(cert, 'utf8'),
    issue: async (hosts, days = 30) => {
      serial += 1;
      const at = join(folder, `${name}-${String(serial)}`);
      const names = hosts.map((host) => (/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`));
      await writeFile(`${at}.ext`, `subjectAltName=${names.join(',')}\n`);
      await openssl('openssl', [
        ...['req', ...EC, '-keyout', `${at}.key`, '-out', `${at}.csr`, '-subj', `/CN=server`],
      ]);
      await openssl('openssl', [
        ...['x509', '-req', '-in', `${at}.csr`, '-CA', cert, '-CAkey', key, '-set_serial', String(serial)],
        ...['-days', String(days), '-extfile', `${at}.ext`, '-out', `${at}.pem`],
      ]);
      return { key: await readFile(`${at}.key`, 'utf8'), cert: await readFile(`${at}.pem`, 'utf8') };
    },
  };
}

/** One request as a server saw it. */
export interface SeenRequest {
  url: string;
  headers: IncomingMessage['headers'];
}

/** A server on loopback. */
export interface Source {
  port: number;
  requests: SeenRequest[];
  /** Answers from now on. */
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  close(): Promise<void>;
}

/** Starts an HTTP server, or an HTTPS server with an identity. */
export async function openSource(answer: Source['answer'], identity?: ServerIdentity): Promise<Source> {
  const listener: RequestListener = (request, response) => {
    source.requests.push({ url: request.url ?? '', headers: request.headers });
    response.on('error', () => undefined);
    source.answer(request, response);
  };
  const server = identity === undefined ? createServer(listener) : createTlsServer(identity, listener);
  const source: Source = { port: 0, requests: [], answer, close: track(server) };
  server.on('tlsClientError', () => undefined);
  source.port = await listen(server);
  return source;
}

/** Starts a server that speaks bytes of its own: what the handler writes. */
export async function openRawSource(
  speak: (socket: Socket, head: string) => void,
): Promise<Pick<Source, 'port' | 'close'>> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (head) => {
      speak(socket, head.toString('latin1'));
    });
  });
  const close = track(server);
  return { port: await listen(server), close };
}

/** An HTTP proxy that leads every host to one port of loopback: CONNECT, and absolute-form. */
export async function openProxy(
  toPort: () => number,
): Promise<{ port: number; seen: string[]; close(): Promise<void> }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.writeHead(200, { 'content-length': '12' }).end('by the proxy');
  });
  server.on('connect', (request, client: Socket, head: Buffer) => {
    seen.push(`CONNECT ${request.url ?? ''}`);
    const upstream = connect(toPort(), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    client.on('error', () => upstream.destroy());
    client.on('close', () => upstream.destroy());
  });
  const close = track(server);
  return { port: await listen(server), seen, close };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Closes a server with all its connections. */
function track(server: Server): () => Promise<void> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  return () =>
    new Promise((resolve) => {
      for (const socket of open) socket.destroy();
      server.close(() => {
        resolve();
      });
    });
}
