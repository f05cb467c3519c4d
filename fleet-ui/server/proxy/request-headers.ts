import type { IncomingMessage } from 'node:http';
import { refusal } from './refusal.ts';
import type { Grant } from './grants.ts';
import type { Place } from './types.ts';

/** Methods that are passed on. TRACE would show a page what we strip, CONNECT is no request to a page. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']);
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Never passed on: what concerns one connection only (RFC 9110, 7.6.1), what lets somebody in elsewhere, and whatever servers
 * are known to believe about the client, the address or the method.
 */
const DROPPED: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'http2-settings',
  'expect',
  'max-forwards',
  'cookie',
  'cookie2',
  'authorization',
  'forwarded',
  'via',
  'from',
  'true-client-ip',
  'client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'remote-user',
  'remote-addr',
  'front-end-https',
  'early-data',
]);
/** Ours, and families of headers by which proxies tell servers who asked for what. */
const DROPPED_BEGINNINGS =
  /^(?:x-(?:bulkhead|forward|real|original|rewrite|client|cluster|remote|auth|authenticated|user|roles?|groups?|email|host|http|method|proto|scheme|ssl|url|envoy|amzn|azure|appengine|proxyuser|wap)|proxy-|ssl-)/;

/** True for requests that change nothing by their nature. */
export function isSafe(method: string): boolean {
  return SAFE_METHODS.has(method);
}

/**
 * Refuses what two readers could take for different requests (ABUSE 50). Node's own parser refuses most of it before; what is
 * looked at here does not depend on how lenient it is.
 * @throws BulkheadError FLEET_PROXY_REQUEST_REFUSED, FLEET_PROXY_METHOD_REFUSED
 */
export function checkFraming(request: IncomingMessage): void {
  const { rawHeaders, method = '' } = request;
  if (!METHODS.has(method)) throw refusal('FLEET_PROXY_METHOD_REFUSED', 'This method is not passed on.');
  let hosts = 0;
  let lengths = 0;
  let encodings = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    // Only these lengths are looked at further: 4, 14 and 17 letters.
    if (name.length !== 4 && name.length !== 14 && name.length !== 17) continue;
    const lower = name.toLowerCase();
    if (lower === 'host') hosts += 1;
    else if (lower === 'content-length') {
      lengths += 1;
      if (!/^\d{1,15}$/.test(rawHeaders[index + 1] ?? '')) throw twoWays('a length that is no number');
    } else if (lower === 'transfer-encoding') {
      encodings += 1;
      if ((rawHeaders[index + 1] ?? '').toLowerCase() !== 'chunked') throw twoWays('an unknown encoding');
    }
  }
  if (hosts !== 1) throw twoWays('not exactly one Host');
  if (lengths + encodings > 1) throw twoWays('more than one length');
  if (request.httpVersionMajor !== 1) throw twoWays('an unknown version of HTTP');
}

/** Headers for the instrument: what the client sent, less what is not its business, and who asks. */
export function headersForInstrument(request: IncomingMessage, { place, visitor, roles }: Grant): string[] {
  const { rawHeaders } = request;
  const perConnection = namedByConnection(request.headers.connection);
  const headers = ['Host', place.host, 'X-Bulkhead-User', visitor.name, 'X-Bulkhead-Roles', roles];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const lower = name.toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    if (
      DROPPED.has(lower) ||
      DROPPED_BEGINNINGS.test(lower) ||
      // Servers of the CGI kind read `x_bulkhead_user` as `x-bulkhead-user`.
      lower.includes('_') ||
      perConnection?.has(lower) === true ||
      (lower === 'referer' && !isOwnReferer(value, place))
    ) {
      continue;
    }
    headers.push(name, value);
  }
  return headers;
}

/** A page's own address is its business; where a person came from is not. */
function isOwnReferer(value: string, { origin }: Place): boolean {
  return value === origin || value.startsWith(`${origin}/`);
}

function namedByConnection(header: string | undefined): ReadonlySet<string> | undefined {
  if (header === undefined || header === 'keep-alive' || header === 'close' || header === 'Upgrade')
    return undefined;
  return new Set(header.split(',').map((token) => token.trim().toLowerCase()));
}

function twoWays(what: string) {
  return refusal('FLEET_PROXY_REQUEST_REFUSED', `The request has ${what}.`);
}
