import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { gzipSync } from 'node:zlib';
import { answer, type FixtureState } from './answers.ts';
import { eventAt } from './events.ts';

/** The strictest policy that fleetd could send: no style element, no inline style sheet, nothing from elsewhere. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface Fixture {
  url: string;
  state: FixtureState;
  /** Bytes that went out, compressed, since it was last set to 0; answers of the API are not counted. */
  sentBytes: number;
  close(): Promise<void>;
}

/** The built pages in front of made-up answers, on loopback: for looking at pages, not for proving what fleetd does. */
export async function openFixture(pagesDir: string): Promise<Fixture> {
  const streams = new Set<ServerResponse>();
  const fixture: Fixture = {
    url: '',
    state: {
      ...{ setUpNeeded: false, signedIn: true, role: 'admin', sso: false, totp: false, sensors: 'some' },
      streamed: 0,
    },
    sentBytes: 0,
    close: async () => {
      for (const stream of streams) stream.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
  const server = createServer((request, response) => {
    void serve(request, response, fixture, pagesDir, streams).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  fixture.url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return fixture;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  fixture: Fixture,
  pagesDir: string,
  streams: Set<ServerResponse>,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://fixture');
  response.setHeader('content-security-policy', POLICY);
  response.setHeader('cache-control', 'no-store');
  if (!url.pathname.startsWith('/api/')) {
    await sendFile(url.pathname, response, fixture, pagesDir);
    return;
  }
  const path = url.pathname.slice('/api/v1'.length);
  if (path === '/live' || path === '/events/live') {
    stream(path, response, streams, fixture.state);
    return;
  }
  const text = await bodyOf(request);
  const body: unknown = text === '' ? undefined : JSON.parse(text);
  const reply = answer(
    { method: request.method ?? 'GET', path, query: url.searchParams, body },
    fixture.state,
  ) ?? {
    status: 404,
    body: { code: 'FLEET_WEB_NOT_FOUND', message: 'There is nothing at this address.' },
  };
  response.writeHead(reply.status, { 'content-type': 'application/json' }).end(JSON.stringify(reply.body));
}

async function sendFile(
  path: string,
  response: ServerResponse,
  fixture: Fixture,
  pagesDir: string,
): Promise<void> {
  const type = TYPES[extname(path)];
  const file = type === undefined ? 'index.html' : normalize(path).replace(/^(\.\.[/\\])+/, '');
  const content = await readFile(join(pagesDir, file)).catch(() => undefined);
  if (content === undefined) {
    response.writeHead(404).end();
    return;
  }
  const packed = gzipSync(content);
  fixture.sentBytes += packed.length;
  response
    .writeHead(200, { 'content-type': type ?? 'text/html; charset=utf-8', 'content-encoding': 'gzip' })
    .end(packed);
}

function stream(
  path: string,
  response: ServerResponse,
  streams: Set<ServerResponse>,
  state: FixtureState,
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  streams.add(response);
  response.on('close', () => streams.delete(response));
  if (path === '/live') {
    response.write(
      `event: hello\ndata: ${JSON.stringify({ kind: 'hello', at: new Date().toISOString() })}\n\n`,
    );
    return;
  }
  let n = 0;
  const timer = setInterval(() => {
    for (let burst = 0; burst < 20; burst += 1) {
      response.write(`event: event\ndata: ${JSON.stringify(eventAt((n += 1), Date.now()))}\n\n`);
    }
    state.streamed += 20;
  }, 100);
  response.on('close', () => clearInterval(timer));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
