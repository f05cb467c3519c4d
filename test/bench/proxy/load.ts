import { randomBytes } from 'node:crypto';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { mainOf } from './child.ts';

/** What to ask for, how, and for how long. */
export interface LoadOrder {
  kind: 'requests' | 'frames';
  /** TCP port on loopback, or a unix socket. */
  to: { port: number } | { path: string };
  /** Header lines that every request carries, Host among them. */
  headers: Record<string, string>;
  connections: number;
  seconds: number;
}

/** What came of it. */
export interface LoadResult {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

const WARM_UP_MS = 1_000;
/** Of a WebSocket: frames under way at once, and their size on the wire. */
const WINDOW = 32;
const FRAME = Buffer.concat([Buffer.from([0x82, 0x80 | 120, 1, 2, 3, 4]), randomBytes(120)]);

mainOf(async (order: LoadOrder): Promise<LoadResult> => {
  const { seconds, kind } = order;
  let isCounting = false;
  let count = 0;
  const took: number[] = [];
  const sockets: Socket[] = [];
  const done = (milliseconds: number) => {
    if (!isCounting) return;
    count += 1;
    took.push(milliseconds);
  };
  let failed: Error | undefined;
  for (let n = 0; n < order.connections; n += 1) {
    const socket = connect({ ...order.to, host: '127.0.0.1' } as NetConnectOpts);
    socket.setNoDelay(true);
    socket.on('error', (error) => (failed = error));
    socket.on('close', () => (failed ??= new Error('a connection was closed')));
    sockets.push(socket);
    if (kind === 'requests') requests(socket, order.headers, done);
    else frames(socket, order.headers, done);
  }
  await pause(WARM_UP_MS);
  isCounting = true;
  const begin = performance.now();
  await pause(seconds * 1_000);
  isCounting = false;
  const elapsed = (performance.now() - begin) / 1_000;
  if (failed !== undefined) throw failed;
  for (const socket of sockets) socket.destroy();
  took.sort((a, b) => a - b);
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? NaN;
  return { perSecond: count / elapsed, p50Ms: at(0.5), p99Ms: at(0.99) };
});

function requests(socket: Socket, headers: Record<string, string>, done: (ms: number) => void): void {
  const bytes = Buffer.from(`GET /api/rules?sid=1 HTTP/1.1\r\n${lines(headers)}\r\n`);
  let began = 0;
  let got = 0;
  /** Head and body together; every answer has the same length, but for digits of a date. */
  let length = 0;
  const ask = () => {
    began = performance.now();
    got = 0;
    length = 0;
    socket.write(bytes);
  };
  socket.once('connect', ask);
  socket.on('data', (part: Buffer) => {
    if (length === 0) {
      const text = part.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (!text.startsWith('HTTP/1.1 200') || end < 0) throw new Error(`unexpected: ${text.slice(0, 300)}`);
      length = end + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1]);
    }
    got += part.length;
    if (got < length) return;
    done(performance.now() - began);
    ask();
  });
}

/** Keeps a window of frames under way; one that comes back whole makes room for the next. */
function frames(socket: Socket, headers: Record<string, string>, done: (ms: number) => void): void {
  const opening = {
    ...headers,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
  };
  let isOpen = false;
  let got = 0;
  const sent: number[] = [];
  const send = (n: number) => {
    for (let each = 0; each < n; each += 1) sent.push(performance.now());
    socket.write(n === 1 ? FRAME : Buffer.concat(Array.from({ length: n }, () => FRAME)));
  };
  socket.once('connect', () => socket.write(`GET /live HTTP/1.1\r\n${lines(opening)}\r\n`));
  socket.on('data', (part: Buffer) => {
    if (!isOpen) {
      const text = part.toString('latin1');
      if (!text.startsWith('HTTP/1.1 101')) throw new Error(`unexpected: ${text.slice(0, 300)}`);
      isOpen = true;
      send(WINDOW);
      return;
    }
    got += part.length;
    let whole = 0;
    for (; got >= FRAME.length; got -= FRAME.length) {
      done(performance.now() - (sent.shift() ?? 0));
      whole += 1;
    }
    if (whole > 0) send(whole);
  });
}

function lines(headers: Record<string, string>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
