import { isIP } from 'node:net';
import { DownloadError, printable } from './errors.ts';

/** Where the redirects of one download may lead. */
export interface RedirectRules {
  /** Hosts, IPv6 without brackets. */
  hosts: ReadonlySet<string>;
  ports: ReadonlySet<number>;
}

const NAME = /^(?=.{3,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$/;

/**
 * Reads an address of a file. The URL parser brings other forms of IP addresses (decimal, hexadecimal, octal, short) into the
 * usual one, so that what is judged is what is connected to.
 * @throws DownloadError DOWNLOADER_URL_REFUSED, DOWNLOADER_HOST_REFUSED
 */
export function readUrl(text: string, base?: URL): URL {
  if (text.length > 4096 || !URL.canParse(text, base?.href)) {
    throw new DownloadError('DOWNLOADER_URL_REFUSED', 'What should be an address of a file is none.');
  }
  const url = new URL(text, base);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    const scheme = printable(url.protocol.slice(0, -1), 20);
    throw new DownloadError('DOWNLOADER_URL_REFUSED', `"${scheme}" is neither https nor http.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new DownloadError('DOWNLOADER_URL_REFUSED', 'An address with a user or a password is not taken.');
  }
  const host = hostOf(url);
  // localhost and other names of one label would mean something of the local network.
  if (isIP(host) === 0 && !NAME.test(host)) {
    throw new DownloadError(
      'DOWNLOADER_HOST_REFUSED',
      `"${printable(host, 80)}" is neither a DNS name with a dot nor an IP address.`,
    );
  }
  return url;
}

/** Host of an address; IPv6 without brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Port of an address, also when it is the scheme's own. */
export function portOf(url: URL): number {
  return url.port !== '' ? Number(url.port) : url.protocol === 'https:' ? 443 : 80;
}

/** An address as it may be shown: queries can hold keys of subscribers. */
export function shownUrl(url: URL | string): string {
  const { protocol, host, pathname } = new URL(url);
  return printable(`${protocol}//${host}${pathname}`, 512);
}

/** The approved host with those that the operator added; ports are the approved one and that of https. */
export function redirectRules(start: URL, redirectHosts: readonly string[]): RedirectRules {
  return {
    hosts: new Set([hostOf(start), ...redirectHosts]),
    ports: new Set([portOf(start), 443]),
  };
}

/**
 * Where a redirect leads.
 * @throws DownloadError DOWNLOADER_REDIRECT_REFUSED, DOWNLOADER_URL_REFUSED, DOWNLOADER_HOST_REFUSED
 */
export function nextUrl(from: URL, location: string | undefined, rules: RedirectRules): URL {
  if (location === undefined) throw refused(`${hostOf(from)} redirects to nowhere.`);
  const url = readUrl(location, from);
  const host = hostOf(url);
  if (from.protocol === 'https:' && url.protocol !== 'https:') {
    throw refused(`${hostOf(from)} redirects from https to http.`);
  }
  if (!rules.hosts.has(host)) {
    throw refused(`${hostOf(from)} redirects to ${host}, which is not approved for this download.`);
  }
  if (!rules.ports.has(portOf(url))) {
    throw refused(`${hostOf(from)} redirects to port ${String(portOf(url))} of ${host}.`);
  }
  return url;
}

function refused(message: string): DownloadError {
  return new DownloadError('DOWNLOADER_REDIRECT_REFUSED', message);
}
