import { allowedCookies } from './cookies.ts';

/**
 * What a page may not say to a browser: what concerns one connection, what reaches beyond its own origin or outlives its
 * session (ABUSE 53), what would let neighbours read it, and what we say ourselves (ABUSE 56).
 */
const DROPPED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'trailer',
  'upgrade',
  'te',
  'service-worker-allowed',
  'clear-site-data',
  'strict-transport-security',
  'public-key-pins',
  'expect-ct',
  'alt-svc',
  'x-frame-options',
  'x-content-type-options',
  'referrer-policy',
  'permissions-policy',
  'feature-policy',
  'origin-agent-cluster',
  'content-security-policy-report-only',
  'nel',
  'report-to',
  'reporting-endpoints',
  'speculation-rules',
  'set-cookie2',
  // A window that asks for a password would be answered with the fleet's.
  'www-authenticate',
  'proxy-authenticate',
  'authentication-info',
  'x-powered-by',
]);
const DROPPED_BEGINNINGS = /^(?:access-control-|cross-origin-|sec-|x-bulkhead-|proxy-|permissions-policy-)/;

/**
 * Ours beside whatever the page says: policies add up, so a page can be stricter and never more lenient. It loads from its own
 * origin and speaks to its own origin: what it shows of the network does not leave by way of a person's browser.
 */
export const PAGE_POLICY = [
  "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:",
  "connect-src 'self' data: blob:",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'self'",
  "object-src 'none'",
].join('; ');

const ENFORCED: readonly string[] = Object.freeze([
  'X-Content-Type-Options',
  'nosniff',
  'X-Frame-Options',
  'DENY',
  'Referrer-Policy',
  'same-origin',
  'Cross-Origin-Opener-Policy',
  'same-origin',
  'Cross-Origin-Resource-Policy',
  'same-origin',
  'Origin-Agent-Cluster',
  '?1',
  'Permissions-Policy',
  'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), publickey-credentials-get=(), usb=(), serial=()',
]);

/** What every response from below the base domain carries, in the form that `writeHead` takes. */
export function enforcedHeaders(scheme: 'http' | 'https', policy = PAGE_POLICY): string[] {
  return [
    ...ENFORCED,
    'Content-Security-Policy',
    policy,
    ...(scheme === 'https' ? ['Strict-Transport-Security', 'max-age=31536000'] : []),
  ];
}

/**
 * Headers of an instrument's response for the browser.
 * @param raw names and values in turns, as the wire had them
 * @param mayHaveCookies false: the page sets none
 * @param enforced of {@link enforcedHeaders}
 */
export function headersForBrowser(
  raw: readonly Buffer[],
  enforced: readonly string[],
  mayHaveCookies = true,
): { headers: string[]; streams: boolean } {
  const headers = [...enforced];
  let cookies: string[] | undefined;
  let named: ReadonlySet<string> | undefined;
  let streams = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] as Buffer).toString('latin1');
    const lower = name.toLowerCase();
    if (lower === 'set-cookie') {
      if (mayHaveCookies) (cookies ??= []).push((raw[index + 1] as Buffer).toString('latin1'));
    } else if (lower === 'connection') named = tokensOf((raw[index + 1] as Buffer).toString('latin1'));
    else if (!DROPPED.has(lower) && !DROPPED_BEGINNINGS.test(lower)) {
      const value = (raw[index + 1] as Buffer).toString('latin1');
      if (lower === 'content-type' && value.startsWith('text/event-stream')) streams = true;
      headers.push(name, value);
    }
  }
  for (const cookie of cookies === undefined ? [] : allowedCookies(cookies))
    headers.push('Set-Cookie', cookie);
  return { headers: named === undefined ? headers : without(headers, named, enforced.length), streams };
}

function tokensOf(header: string): ReadonlySet<string> | undefined {
  if (header === 'keep-alive' || header === 'close') return undefined;
  return new Set(header.split(',').map((token) => token.trim().toLowerCase()));
}

/** What the page named as concerning its connection only; never what we enforce. */
function without(headers: string[], named: ReadonlySet<string>, from: number): string[] {
  const kept = headers.slice(0, from);
  for (let index = from; index < headers.length; index += 2) {
    if (!named.has((headers[index] as string).toLowerCase())) {
      kept.push(headers[index] as string, headers[index + 1] as string);
    }
  }
  return kept;
}
