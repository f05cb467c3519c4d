import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { CofRecord } from './cof-record.ts';
import { PassiveDnsError } from './errors.ts';
import { LookupSchema, type Lookup } from './lookup.ts';
import { openLoopback, type LoopbackServer } from './loopback-server.ts';

/** What the API answers from. */
export interface ApiOptions {
  /** 0 takes a free one. */
  port: number;
  lookUp: (lookup: Lookup) => { records: CofRecord[]; more: boolean };
}

const MAX_URL = 4_096;
/** Only these names lead to loopback: a page that rebinds its name to 127.0.0.1 comes with its own. */
const HOSTS: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);
const PARAMETERS: ReadonlySet<string> = new Set(['rrtype', 'since', 'until', 'limit', 'offset']);
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'",
  'cross-origin-resource-policy': 'same-origin',
} as const;

/**
 * `GET /query/<name, *.name or address>` on loopback: records in the Passive DNS Common Output Format, one JSON object per line.
 * `bulkhead-more: true` says that there are more behind `offset`. Parameters: `rrtype`, `since`, `until` (seconds since
 * 1970), `limit`, `offset`. Nothing can be changed by it, and no page of another origin may read it.
 */
export async function openApi(options: ApiOptions): Promise<LoopbackServer> {
  return openLoopback(options.port, (request, response) => {
    answer(request, response, options);
  });
}

function answer(request: IncomingMessage, response: ServerResponse, options: ApiOptions): void {
  const refused = refusal(request);
  if (refused !== undefined) {
    refuse(response, refused.status, refused.message);
    return;
  }
  const lookup = readLookup(request.url ?? '');
  if (typeof lookup === 'string') {
    refuse(response, lookup === NO_SUCH ? 404 : 400, lookup);
    return;
  }
  try {
    const { records, more } = options.lookUp(lookup);
    const body = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    response.writeHead(200, {
      ...HEADERS,
      'content-type': 'application/x-ndjson; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'bulkhead-more': String(more),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  } catch (error) {
    const known = error instanceof PassiveDnsError;
    refuse(response, known ? 503 : 500, known ? error.message : 'the lookup failed; see the log');
  }
}

function refusal(request: IncomingMessage): { status: number; message: string } | undefined {
  const host = (request.headers.host ?? '').replace(/:\d{1,5}$/, '');
  if (!HOSTS.has(host)) return { status: 403, message: 'this API answers to loopback names only' };
  const site = request.headers['sec-fetch-site'];
  const foreign = site !== undefined && site !== 'same-origin' && site !== 'none';
  if (request.headers.origin !== undefined || foreign) {
    return { status: 403, message: 'this API answers no page of another origin' };
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, message: 'only GET' };
  if ((request.url ?? '').length > MAX_URL) return { status: 414, message: 'the address is too long' };
  return undefined;
}

const NO_SUCH = 'there is only /query/<name or address>';

/** The lookup that a URL asks for, or why there is none. */
function readLookup(url: string): Lookup | string {
  const [path = '', search = ''] = url.split('?', 2);
  const match = /^\/query\/([^/]+)$/.exec(path);
  if (match === null) return NO_SUCH;
  const wanted: Record<string, unknown> = {};
  try {
    wanted['query'] = decodeURIComponent(match[1] ?? '');
  } catch {
    return 'the name is not valid in a URL';
  }
  for (const [name, value] of new URLSearchParams(search)) {
    if (!PARAMETERS.has(name)) return `there is no parameter ${name.slice(0, 40)}`;
    wanted[name] = name === 'rrtype' || !/^\d{1,15}$/.test(value) ? value : Number(value);
  }
  const parsed = LookupSchema.safeParse(wanted);
  return parsed.success ? parsed.data : faultOf(parsed.error);
}

/** The first fault of a lookup, in words. */
export function faultOf(error: z.ZodError): string {
  const issue = error.issues[0];
  const at = issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : (issue?.path ?? []);
  return `${at.map(String).join('.').slice(0, 64)}: ${issue?.message ?? 'not valid'}`;
}

function refuse(response: ServerResponse, status: number, message: string): void {
  const body = `${JSON.stringify({ error: message })}\n`;
  response.writeHead(status, {
    ...HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(body);
}
