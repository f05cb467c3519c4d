import type { IncomingMessage, ServerResponse } from 'node:http';
import type { StaticFile } from '@bulkhead/sdk';
import { normalAddress } from './addresses.ts';
import type { CofRecord } from './cof-record.ts';
import { PassiveDnsError, type PassiveDnsErrorCode } from './errors.ts';
import { LookupSchema, type Lookup } from './lookup.ts';
import { openLoopback, type LoopbackServer } from './loopback-server.ts';
import { MAX_NAME } from './names.ts';
import { PAGE_RECORDS, type PageReader, type PageState } from './page-types.ts';

/** What the page is answered from. All of it only reads. */
export interface PageOptions {
  /** 0 takes a free one. */
  port: number;
  files: ReadonlyMap<string, StaticFile>;
  lookUp: (lookup: Lookup) => { records: CofRecord[]; more: boolean };
  state: () => PageState;
  /** Told of failures that are nobody's request's fault. */
  failed: (error: unknown) => void;
}

/** Port of the page on loopback inside the container, as the manifest says it. */
export const PAGE_PORT = 8_055;

const MAX_URL = 4_096;
/** What ends a line or steers a terminal is in no name as it is kept, and in no address. */
const PLAIN = /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u;
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
const STATUS: Partial<Record<PassiveDnsErrorCode, number>> = {
  PASSIVE_DNS_NOT_ALLOWED: 403,
  PASSIVE_DNS_UNKNOWN: 404,
  PASSIVE_DNS_UNAVAILABLE: 503,
};

/**
 * Serves the web page and what it asks, on loopback. Who may open it is decided by those who let people in (the fleet and the
 * sensor); whoever comes may read, and there is nothing to change. Each answer is one bounded look into the database, as for
 * `dns.lookup`.
 * @throws the listening socket's error
 */
export async function openPage(options: PageOptions): Promise<LoopbackServer> {
  return openLoopback(options.port, (request, response) => {
    try {
      answer(request, response, options);
    } catch (error) {
      tellError(response, error, options);
    }
  });
}

function answer(request: IncomingMessage, response: ServerResponse, options: PageOptions): void {
  const url = request.url ?? '';
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const message = 'Only GET: nothing can be changed here.';
    refuse(response, 405, 'PASSIVE_DNS_NOT_ALLOWED', message, { allow: 'GET, HEAD' });
    return;
  }
  if (url.length > MAX_URL) {
    refuse(response, 414, 'PASSIVE_DNS_QUERY_INVALID', 'The address is too long.');
    return;
  }
  const [path = '', search = ''] = url.split('?', 2);
  if (path === '/api/me') reply(request, response, readerOf(request));
  else if (path === '/api/state') {
    checkSite(request);
    reply(request, response, { ok: true, result: options.state() });
  } else if (path === '/api/lookup') {
    checkSite(request);
    reply(request, response, { ok: true, result: options.lookUp(lookupOf(search)) });
  } else serveFile(request, response, options.files.get(path));
}

function serveFile(request: IncomingMessage, response: ServerResponse, file: StaticFile | undefined): void {
  if (file === undefined) throw new PassiveDnsError('PASSIVE_DNS_UNKNOWN', 'There is no such page.');
  send(request, response, file);
}

function readerOf(request: IncomingMessage): PageReader {
  const user = headerOf(request, 'x-bulkhead-user');
  const roles = (headerOf(request, 'x-bulkhead-roles') ?? '').split(',').map((role) => role.trim());
  const valid = user !== undefined && /^[^\p{Cc}]{1,128}$/u.test(user);
  return { user: valid ? user : null, roles: roles.filter((role) => role !== '').slice(0, 16) };
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** @throws PassiveDnsError PASSIVE_DNS_NOT_ALLOWED */
function checkSite(request: IncomingMessage): void {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new PassiveDnsError('PASSIVE_DNS_NOT_ALLOWED', 'The request comes from a page of another origin.');
  }
}

/** `name=` (`*.` before it: all below) or `address=`, and nothing else. @throws PassiveDnsError PASSIVE_DNS_QUERY_INVALID */
function lookupOf(search: string): Lookup {
  const [asked, ...others] = search === '' ? [] : search.split('&');
  const [, kind, encoded = ''] = /^(name|address)=(.*)$/s.exec(asked ?? '') ?? [];
  if (kind === undefined || others.length > 0) throw invalid('Ask with either name= or address=, once.');
  const query = decoded(encoded);
  if (query.length > MAX_NAME || !PLAIN.test(query)) {
    throw invalid(`A ${kind} has 1 to ${String(MAX_NAME)} characters, and no control characters.`);
  }
  if (kind === 'address' && normalAddress(query) === undefined) throw invalid('This is not an IP address.');
  return LookupSchema.parse({ query, limit: PAGE_RECORDS });
}

/** @throws PassiveDnsError PASSIVE_DNS_QUERY_INVALID */
function decoded(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    throw invalid('The request is not UTF-8, percent-encoded.');
  }
}

function invalid(message: string): PassiveDnsError {
  return new PassiveDnsError('PASSIVE_DNS_QUERY_INVALID', message);
}

function tellError(response: ServerResponse, error: unknown, { failed }: PageOptions): void {
  if (response.headersSent) {
    response.destroy();
  } else if (error instanceof PassiveDnsError) {
    refuse(response, STATUS[error.code] ?? 400, error.code, error.message);
  } else {
    failed(error);
    const message = 'The request failed; see the log of the instrument.';
    refuse(response, 500, 'PASSIVE_DNS_FAILED', message);
  }
}

const JSON_TYPE = 'application/json; charset=utf-8';

function reply(request: IncomingMessage, response: ServerResponse, value: unknown): void {
  send(request, response, { type: JSON_TYPE, body: Buffer.from(JSON.stringify(value)) });
}

function send(request: IncomingMessage, response: ServerResponse, { type, body }: StaticFile): void {
  response.writeHead(200, { ...HEADERS, 'content-type': type, 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function refuse(
  response: ServerResponse,
  status: number,
  code: PassiveDnsErrorCode,
  message: string,
  more: Record<string, string> = {},
): void {
  const body = Buffer.from(JSON.stringify({ ok: false, code, message }));
  response.writeHead(status, {
    ...HEADERS,
    'content-type': JSON_TYPE,
    'content-length': body.length,
    connection: 'close',
    ...more,
  });
  response.end(body);
}
