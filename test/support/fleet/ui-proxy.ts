import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { openLog } from '@bulkhead/platform/kernel';
import {
  openProxy,
  type AuditNote,
  type PageState,
  type Proxy,
  type Ways,
} from '../../../fleet-ui/server/proxy/index.ts';
import type { ProxyLimits } from '../../../fleet-ui/server/proxy/limits.ts';
import { openWeb, type Web } from '../../../fleet-ui/server/web/index.ts';
import type { ServerLimits } from '../../../fleet-ui/server/web/server.ts';
import { visitors, type TestPeople } from './ui-visitors.ts';

export const LAB = 's_aaaaaaaaaaaaaaaa';
export const OFFLINE = 's_bbbbbbbbbbbbbbbb';
/** A machine that is busy answers late, too; who says nothing at all is cut off by then. */
const FIRST_WORD_MS = 30_000;
/** What `GET`s of a test get back. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface TestProxy {
  port: number;
  proxy: Proxy;
  /** The listener in front of it. */
  web: Web;
  people: TestPeople;
  audit: AuditNote[];
  /** Host of an instrument's page, with the port. */
  host(instrument: string, sensor?: string): string;
  origin(instrument: string, sensor?: string): string;
  /** Serves a page as an instrument does: on a socket of its own. */
  instrument(name: string, answer: RequestListener): Promise<Server>;
  /** How the fleet believes that a page stands; `served` for those of {@link instrument}. */
  states: Map<string, PageState>;
  /** Through a tunnel instead of the socket: bytes go through a Duplex that is no socket. */
  tunnels: { isUsed: boolean; opened: { instrument: string; user: string; roles: readonly string[] }[] };
  get(
    instrument: string,
    path: string,
    headers?: Record<string, string>,
    method?: string,
    body?: string,
  ): Promise<Answer>;
  /** Bytes to the listener, and all that comes back until it closes or nothing more came for a while. */
  raw(bytes: string | Buffer, quietMs?: number): Promise<string>;
  /** A connection to the listener. */
  dial(): Promise<Socket>;
  close(): Promise<void>;
}

/**
 * The real proxy behind the real listener, with pages on unix sockets. People and sensors are what the test says.
 * @param wrap makes a tunnel's end of a socket
 */
export async function startProxy(
  options: {
    limits?: Partial<ServerLimits>;
    wrap?: (socket: Duplex) => Duplex;
    proxyLimits?: Partial<ProxyLimits>;
  } = {},
): Promise<TestProxy> {
  const dir = await mkdtemp(join(tmpdir(), 'ui-'));
  const servers: Server[] = [];
  /** Of the instruments, upgraded ones too: nobody else ends those. */
  const connections = new Set<Socket>();
  const sockets = new Map<string, string>();
  const states = new Map<string, PageState>();
  const audit: AuditNote[] = [];
  const people = visitors();
  const tunnels: TestProxy['tunnels'] = { isUsed: false, opened: [] };
  const ways: Ways = {
    socketOf: (_sensor, instrument) =>
      tunnels.isUsed ? undefined : (sockets.get(instrument) ?? join(dir, 'none')),
    openTunnel: async (_sensor, { instrumentUi }, { user, roles }) => {
      tunnels.opened.push({ instrument: instrumentUi, user, roles });
      const socket = connect(sockets.get(instrumentUi) ?? join(dir, 'none'));
      await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
      return options.wrap?.(socket) ?? socket;
    },
  };
  const log = openLog('proxy', process.env['BULKHEAD_TEST_LOG'] ?? 'silent');
  const knowsHost = (host: string) => host === 'localhost' || host === '127.0.0.1';
  const sensors = [
    { id: LAB, name: 'lab' },
    { id: OFFLINE, name: 'Ward 3' },
  ];
  const proxy = openProxy({
    baseDomain: 'localhost',
    scheme: 'http',
    knowsHost,
    people,
    sensors: {
      byLabel: (label) => sensors.find(({ name }) => name === label),
      byId: (id) => sensors.find((sensor) => sensor.id === id),
      isOnline: (id) => id === LAB,
      pageState: (_id, instrument) => states.get(instrument) ?? 'unknown',
    },
    ways,
    audit: (note) => audit.push(note),
    ...(options.proxyLimits === undefined ? {} : { limits: options.proxyLimits }),
    log,
  });
  proxy.start();
  // The fleet's own page with the fleet's own policy, and nothing behind it.
  const pagesDir = join(dir, 'pages');
  await mkdir(pagesDir);
  await writeFile(
    join(pagesDir, 'index.html'),
    '<!doctype html><title>fleet</title><p>secret of the fleet</p>',
  );
  const idle = async () => undefined;
  const web = await openWeb({
    log,
    version: '0.0.0',
    tls: undefined,
    knowsHost,
    instrumentHosts: '*.localhost:*',
    features: [{ name: 'proxy', start: idle, stop: idle, hosts: proxy }],
    pagesDir,
    limits: { checkMs: 200, ...options.limits },
  });
  const port = await web.listen('127.0.0.1', 0);
  const host = (instrument: string, sensor = 'lab') => `${instrument}.${sensor}.localhost:${port}`;
  const dial = async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  };
  return {
    port,
    proxy,
    web,
    people,
    audit,
    states,
    tunnels,
    host,
    origin: (instrument, sensor) => `http://${host(instrument, sensor)}`,
    instrument: async (name, answer) => {
      const path = join(dir, `${name}.sock`);
      const server = createServer(answer);
      servers.push(server);
      server.on('connection', (socket) => connections.add(socket));
      await new Promise<void>((resolve) => server.listen(path, resolve));
      sockets.set(name, path);
      states.set(name, 'served');
      return server;
    },
    get: (instrument, path, headers = {}, method = 'GET', body) =>
      ask({ port, method, path, headers: { host: host(instrument), ...headers } }, body),
    raw: async (bytes, quietMs = 300) => {
      const socket = await dial();
      socket.write(bytes);
      return readAll(socket, quietMs);
    },
    dial,
    close: async () => {
      await proxy.stop();
      await web.close();
      for (const server of servers) {
        const closed = new Promise((resolve) => server.close(resolve));
        for (const socket of connections) socket.destroy();
        await closed;
      }
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function ask(
  options: { port: number; method: string; path: string; headers: Record<string, string> },
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...options, host: '127.0.0.1', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** @returns what came until the other side closed, or was quiet for so long after it said something */
export function readAll(socket: Socket, quietMs: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    let timer = setTimeout(done, FIRST_WORD_MS);
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1');
      clearTimeout(timer);
      timer = setTimeout(done, quietMs);
    });
    socket.on('close', done);
  });
}

/** Resolves when it is closed, however that came about. */
export function closing(stream: Duplex): Promise<void> {
  return stream.closed ? Promise.resolve() : new Promise((resolve) => stream.once('close', () => resolve()));
}
