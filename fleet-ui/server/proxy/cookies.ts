/** Of a session on an instrument's origin. Browsers take a name like this only from that very host, over TLS or loopback. */
export const UI_COOKIE = '__Host-bulkhead-ui';

/** Bytes of one cookie of a page, and how many of them are passed on with one response. */
const COOKIE_BYTES_MOST = 4_096;
const COOKIES_MOST = 20;
/** Names that mean something to us or to browsers. */
const RESERVED = /^(?:__|bulkhead)/i;

/** The value of our cookie in a Cookie header; the first one, as browsers send a host's own cookie before others. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  const wanted = `${name}=`;
  for (let at = header.indexOf(wanted); at >= 0; at = header.indexOf(wanted, at + 1)) {
    if (at !== 0 && header[at - 1] !== ' ' && header[at - 1] !== ';') continue;
    const end = header.indexOf(';', at);
    const value = header.slice(at + wanted.length, end < 0 ? undefined : end).trimEnd();
    return /^[A-Za-z0-9_-]{16,128}$/.test(value) ? value : undefined;
  }
  return undefined;
}

/**
 * Sets our cookie. `Lax`, because the browser comes here from the fleet's page, which is another site on `localhost`; changes are
 * guarded by their origin and not by this.
 */
export function sessionCookie(name: string, value: string, maxAgeS: number): string {
  return `${name}=${value}; Path=/; Max-Age=${maxAgeS}; Secure; HttpOnly; SameSite=Lax`;
}

/**
 * What a page may set in the browser: cookies of its own host, under names that are not ours (ABUSE 52). They serve the page's
 * scripts; requests are passed on without any.
 */
export function allowedCookie(header: string): boolean {
  if (header.length > COOKIE_BYTES_MOST) return false;
  const [pair = '', ...attributes] = header.split(';');
  const equals = pair.indexOf('=');
  // Without a name a browser takes all of it for a value, and `__Host-x=y` for a name after all.
  if (equals <= 0) return false;
  const name = pair.slice(0, equals).trim();
  if (!/^[!#$%&'*+.^`|~\w-]+$/.test(name) || RESERVED.test(name)) return false;
  return !attributes.some((attribute) => /^\s*domain\s*(?:=|$)/i.test(attribute));
}

/** At most so many are passed on with one response: a jar that is full makes browsers forget older cookies. */
export function allowedCookies(headers: readonly string[]): string[] {
  return headers.filter(allowedCookie).slice(0, COOKIES_MOST);
}
