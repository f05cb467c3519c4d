/** All values that we set are of these characters, so that nothing needs quoting (RFC 6265, section 4.1.1). */
const VALUE = /^[A-Za-z0-9_-]*$/;
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const LONGEST_HEADER = 16_384;

/**
 * Names and attributes of the fleet's cookies. `__Host-` makes browsers refuse one that another host, a subdomain or an
 * unencrypted page tries to set. Without TLS there is only loopback, where browsers do not take such names from everyone.
 */
export interface Cookies {
  /** The secret of a session, if the header holds what could be one. */
  readSession(header: string | undefined): string | undefined;
  session(secret: string, maxAgeS: number): string;
  noSession(): string;
  /** What a browser keeps while its person is at the identity provider. */
  readSignOn(header: string | undefined): string | undefined;
  signOn(sealed: string, maxAgeS: number): string;
  noSignOn(): string;
}

export function openCookies(encrypted: boolean): Cookies {
  const name = encrypted ? '__Host-bulkhead' : 'bulkhead';
  const set = (which: string, value: string, maxAgeS: number, sameSite: 'Strict' | 'Lax'): string => {
    if (!VALUE.test(value)) throw new Error('the value of a cookie has characters that would need quoting');
    const secure = encrypted ? '; Secure' : '';
    return `${which}=${value}; Path=/; Max-Age=${String(maxAgeS)}; HttpOnly; SameSite=${sameSite}${secure}`;
  };
  return {
    readSession: (header) => {
      const secret = read(header, name);
      return secret !== undefined && SECRET.test(secret) ? secret : undefined;
    },
    session: (secret, maxAgeS) => set(name, secret, maxAgeS, 'Strict'),
    noSession: () => set(name, '', 0, 'Strict'),
    readSignOn: (header) => read(header, `${name}-sso`),
    // The way back from the identity provider begins on its site: a strict cookie would stay away.
    signOn: (sealed, maxAgeS) => set(`${name}-sso`, sealed, maxAgeS, 'Lax'),
    noSignOn: () => set(`${name}-sso`, '', 0, 'Lax'),
  };
}

/** The value of the cookie of that name, if there is exactly one. */
function read(header: string | undefined, name: string): string | undefined {
  if (header === undefined || header.length > LONGEST_HEADER) return undefined;
  const values = header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  // Somebody who can set a second one (another port of this host) may push it in front: none is taken.
  return values.length === 1 && VALUE.test(values[0] ?? '') ? values[0] : undefined;
}
