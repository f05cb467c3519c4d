import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StaticFile } from '@bulkhead/sdk';
import { OPERATIONS } from '../api-types.ts';
import { RulesError, saidBy, type RulesErrorCode } from '../errors.ts';
import { isOperation, type Performer } from './perform.ts';

export interface HttpOptions {
  /** 0 takes a free one. */
  port: number;
  perform: Performer;
  files: ReadonlyMap<string, StaticFile>;
  /** Told of failures that are nobody's request's fault. */
  failed: (error: unknown) => void;
}

export interface Http {
  port: number;
  close(): Promise<void>;
}

/** Who asks, as the one says who lets people in. The page is reachable through that one only. */
interface Person {
  user: string | undefined;
  roles: string[];
}

const MAX_BODY = 8 * 2 ** 20;
const CONNECTIONS = 64;
/** Bodies that are read or worked on at once; each may be 8 MiB. */
const MOST_AT_WORK = 8;
const MAY_CHANGE: ReadonlySet<string> = new Set(['operator', 'admin']);
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
} as const;

/** Status of a refusal. */
const STATUS: Partial<Record<RulesErrorCode, number>> = {
  RULES_NOT_ALLOWED: 403,
  RULES_UNKNOWN: 404,
  RULES_BUSY: 409,
  RULES_EXISTS: 409,
  RULES_UNAVAILABLE: 503,
};

/**
 * Serves the operations and the web page on loopback.
 * @throws the listening socket's error
 */
export async function openHttp(options: HttpOptions): Promise<Http> {
  let atWork = 0;
  const server = createServer(
    { requestTimeout: 30_000, headersTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 16_384 },
    (request, response) => {
      if (atWork >= MOST_AT_WORK) {
        refuse(response, 503, { code: 'RULES_BUSY', message: 'Too many requests at once; try again.' });
        return;
      }
      atWork += 1;
      answer(request, response, options)
        .catch((error: unknown) => {
          tellError(response, error, options);
        })
        .finally(() => {
          atWork -= 1;
        });
    },
  );
  server.maxConnections = CONNECTIONS;
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
  });
  await listen(server, options.port);
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

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpOptions,
): Promise<void> {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const person = personOf(request);
  const name = /^\/api\/([a-z._]{1,64})$/.exec(path)?.[1];
  if (request.method === 'GET' || request.method === 'HEAD') {
    if (path === '/api/me') {
      reply(response, meOf(person));
    } else if (name !== undefined && isOperation(name) && !OPERATIONS[name].changes) {
      checkSite(request);
      const payload = readText(new URLSearchParams(query).get('request') ?? '{}');
      reply(response, { ok: true, result: await options.perform(name, payload, callerOf(person)) });
    } else {
      serveFile(request, response, options.files.get(path));
    }
    return;
  }
  if (request.method !== 'POST') {
    refuse(response, 405, { code: 'RULES_REQUEST_INVALID', message: 'Only GET and POST.' });
    return;
  }
  if (name === undefined || !isOperation(name)) {
    refuse(response, 404, { code: 'RULES_UNKNOWN', message: 'There is no such operation.' });
    return;
  }
  checkOrigin(request);
  checkPerson(person, OPERATIONS[name].changes);
  const payload = await readJson(request);
  reply(response, { ok: true, result: await options.perform(name, payload, callerOf(person)) });
}

function callerOf({ user }: Person): { author: string } {
  return { author: user ?? 'unknown' };
}

function serveFile(request: IncomingMessage, response: ServerResponse, file: StaticFile | undefined): void {
  if (file === undefined) {
    refuse(response, 404, { code: 'RULES_UNKNOWN', message: 'There is no such page.' });
    return;
  }
  response.writeHead(200, { ...HEADERS, 'content-type': file.type, 'content-length': file.body.length });
  response.end(request.method === 'HEAD' ? undefined : file.body);
}

function personOf(request: IncomingMessage): Person {
  const user = headerOf(request, 'x-bulkhead-user');
  const roles = (headerOf(request, 'x-bulkhead-roles') ?? '').split(',').map((role) => role.trim());
  const valid = user !== undefined && /^[^\p{Cc}]{1,128}$/u.test(user);
  return { user: valid ? user : undefined, roles: roles.filter((role) => role !== '').slice(0, 16) };
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function meOf({ user, roles }: Person): unknown {
  return {
    user: user ?? null,
    roles,
    canChange: user !== undefined && roles.some((role) => MAY_CHANGE.has(role)),
  };
}

/** @throws RulesError RULES_NOT_ALLOWED */
function checkPerson({ user, roles }: Person, changes: boolean): void {
  if (!changes) return;
  if (user === undefined) throw new RulesError('RULES_NOT_ALLOWED', 'It is not said who asks.');
  if (!roles.some((role) => MAY_CHANGE.has(role))) {
    throw new RulesError('RULES_NOT_ALLOWED', `${user} may look and not change.`);
  }
}

/** A page of another origin cannot send JSON without asking first, and is not answered; this is the second wall. */
function checkOrigin(request: IncomingMessage): void {
  checkSite(request);
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new RulesError('RULES_REQUEST_INVALID', 'The body must be application/json.');
  }
}

/** @throws RulesError RULES_NOT_ALLOWED */
function checkSite(request: IncomingMessage): void {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new RulesError('RULES_NOT_ALLOWED', 'The request comes from a page of another origin.');
  }
}

class BodyTooLarge extends Error {}

/** @throws RulesError RULES_REQUEST_INVALID; BodyTooLarge */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new BodyTooLarge();
    chunks.push(chunk);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw notJson();
  }
  return readText(text);
}

/** @throws RulesError RULES_REQUEST_INVALID */
function readText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notJson();
  }
}

function notJson(): RulesError {
  return new RulesError('RULES_REQUEST_INVALID', 'The request is not JSON in UTF-8.');
}

function tellError(response: ServerResponse, error: unknown, { failed }: HttpOptions): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (error instanceof BodyTooLarge) {
    refuse(response, 413, { code: 'RULES_REQUEST_INVALID', message: 'The body has more than 8 MiB.' });
    return;
  }
  if (error instanceof RulesError) {
    const { code, message, at, faults } = error;
    const more = { ...(at === undefined ? {} : { at }), ...(faults.length === 0 ? {} : { faults }) };
    refuse(response, STATUS[code] ?? 400, { code, message, ...more });
    return;
  }
  failed(error);
  const { code } = saidBy(error);
  refuse(response, 500, { code, message: 'The request failed; see the log of the instrument.' });
}

function reply(response: ServerResponse, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(200, {
    ...HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
  });
  response.end(body);
}

function refuse(response: ServerResponse, status: number, reason: Record<string, unknown>): void {
  const body = Buffer.from(JSON.stringify({ ok: false, ...reason }));
  response.writeHead(status, {
    ...HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    connection: 'close',
  });
  response.end(body);
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
