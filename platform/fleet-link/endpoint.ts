import { isIPv6 } from 'node:net';
import { parseJoinToken as parseToken, type JoinToken } from '../contracts/index.ts';
import { BulkheadError } from '../kernel/index.ts';

/** A TCP address; IPv6 without brackets. */
export interface Endpoint {
  host: string;
  port: number;
}

/** An HTTP proxy that is asked to CONNECT. */
export interface Proxy extends Endpoint {
  /** `user:password`, for basic authentication. Secret. */
  credentials?: string | undefined;
}

const ADDRESS = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9][A-Za-z0-9.-]{0,252})):([0-9]{1,5})$/;

/**
 * `CODE@HOST:PORT#FINGERPRINT`. The message of the error never repeats what was given: it may hold the code.
 * @throws BulkheadError FLEET_LINK_TOKEN_INVALID
 */
export function readJoinToken(text: string): JoinToken {
  const token = parseToken(text);
  if (token !== undefined) return token;
  throw new BulkheadError({
    code: 'FLEET_LINK_TOKEN_INVALID',
    message: 'The join token is not of the form CODE@HOST:PORT#FINGERPRINT.',
    hint: 'Copy the whole token from the page of the fleet that made it, with quotes around it in a shell.',
  });
}

/** `host:port`, `[address]:port`. @returns undefined for anything else. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, six, name = '', portText = ''] = ADDRESS.exec(text) ?? [];
  const port = Number(portText);
  if (port < 1 || port > 65_535 || (six === undefined ? name === '' : !isIPv6(six))) return undefined;
  return { host: six ?? name, port };
}

/**
 * `http://[user:password@]host:port`. The message never repeats what was given: it may hold a password.
 * @throws BulkheadError FLEET_LINK_PROXY_INVALID
 */
export function parseProxy(text: string): Proxy {
  const refuse = (): BulkheadError =>
    new BulkheadError({
      code: 'FLEET_LINK_PROXY_INVALID',
      message: 'The proxy is not of the form http://host:port.',
      hint: 'Only HTTP proxies that allow CONNECT are used; what goes through them is encrypted to the fleet.',
    });
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw refuse();
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const plain = url.pathname === '/' && url.search === '' && url.hash === '';
  if (url.protocol !== 'http:' || host === '' || !plain || text.length > 1000) throw refuse();
  const proxy: Proxy = { host, port: url.port === '' ? 80 : Number(url.port) };
  if (url.username === '') return proxy;
  try {
    return { ...proxy, credentials: decodeURIComponent(`${url.username}:${url.password}`) };
  } catch {
    throw refuse();
  }
}

/** As it is written with its port. */
export function hostPort({ host, port }: Endpoint): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${String(port)}`;
}
