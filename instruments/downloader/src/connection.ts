import { request as httpRequest } from 'node:http';
import { connect as tcpConnect, isIP, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { reachable } from './address-rules.ts';
import { DownloadError, printable, reasonOf } from './errors.ts';
import type { TransferLimits } from './limits.ts';
import { hostOf, portOf } from './redirects.ts';
import { trustOf } from './trust.ts';

/** Addresses of a name, as the platform says them. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** Everything goes through it when there is one. */
export interface Proxy {
  host: string;
  port: number;
  /** Absent = what the platform's resolver says is believed. */
  privateAddress?: boolean | undefined;
}

/** How one download reaches its hosts. */
export interface Way {
  resolve: Resolve;
  proxy?: Proxy | undefined;
  /** Hosts that the operator wrote as addresses. */
  writtenHosts: ReadonlySet<string>;
  privateAddresses: boolean;
  /** Certificate authorities instead of the public ones: PEM. */
  ca?: string | undefined;
  limits: TransferLimits;
  signal: AbortSignal;
}

/**
 * Connects to the host of an address. No name is ever looked up by the socket: it gets one of the addresses that were judged, so
 * a name that points elsewhere a moment later gets nowhere.
 * @returns the connection (TLS is done), and whether requests on it name the whole address, as a proxy wants it
 * @throws DownloadError DOWNLOADER_ADDRESS_REFUSED, DOWNLOADER_NOT_RESOLVED, DOWNLOADER_CONNECT_FAILED, DOWNLOADER_PROXY_REFUSED,
 *         DOWNLOADER_TLS_REFUSED, DOWNLOADER_TIMEOUT, DOWNLOADER_CA_INVALID
 */
export async function connectTo(url: URL, way: Way): Promise<{ socket: Socket; absolute: boolean }> {
  const host = hostOf(url);
  const secure = url.protocol === 'https:';
  if (way.proxy === undefined) {
    const socket = await openTcp(host, portOf(url), await addressesOf(host, approvalOf(host, way), way), way);
    return { socket: secure ? await overTls(socket, host, way) : socket, absolute: false };
  }
  // Names behind a proxy are resolved by the proxy; an address in the place of a name is judged here.
  if (isIP(host) !== 0) reachable(host, [host], approvalOf(host, way));
  const { proxy } = way;
  const approval = {
    // An address that the operator wrote is meant; a name may turn out to be anything.
    privateAddresses: isIP(proxy.host) !== 0 || (proxy.privateAddress ?? true),
    written: isIP(proxy.host) !== 0,
  };
  const socket = await openTcp(proxy.host, proxy.port, await addressesOf(proxy.host, approval, way), way);
  if (!secure) return { socket, absolute: true };
  await throughProxy(socket, `${url.hostname}:${String(portOf(url))}`, way);
  return { socket: await overTls(socket, host, way), absolute: false };
}

function approvalOf(host: string, way: Way): { privateAddresses: boolean; written: boolean } {
  return { privateAddresses: way.privateAddresses, written: way.writtenHosts.has(host) };
}

async function addressesOf(
  host: string,
  approval: { privateAddresses: boolean; written: boolean },
  { resolve, signal }: Way,
): Promise<string[]> {
  if (isIP(host) !== 0) return reachable(host, [host], approval);
  let addresses: readonly string[];
  try {
    addresses = await resolve(host);
  } catch (cause) {
    if (cause instanceof DownloadError) throw cause;
    throw new DownloadError('DOWNLOADER_NOT_RESOLVED', `${host} was not resolved: ${reasonOf(cause)}`, {
      cause,
    });
  }
  signal.throwIfAborted();
  return reachable(host, addresses, { ...approval, written: false });
}

/** The first of some addresses that takes the connection. */
async function openTcp(host: string, port: number, addresses: readonly string[], way: Way): Promise<Socket> {
  let last: unknown;
  for (const address of addresses) {
    const socket = tcpConnect({ host: address, port, family: isIP(address), autoSelectFamily: false });
    try {
      await within(socket, 'connect', way.limits.connectMs, way.signal);
      socket.setNoDelay(true);
      return socket;
    } catch (error) {
      way.signal.throwIfAborted();
      last = error;
    }
  }
  throw new DownloadError(
    'DOWNLOADER_CONNECT_FAILED',
    `${host}:${String(port)} (${addresses.join(', ')}) takes no connection: ${reasonOf(last)}.`,
    { cause: last },
  );
}

/** TLS on an open connection. The certificate must be of this host, valid now, and by an authority that is believed. */
async function overTls(socket: Socket, host: string, way: Way): Promise<Socket> {
  const trust = trustOf(way.ca);
  const secured = tlsConnect({
    socket,
    secureContext: trust.context,
    // Stated, so that no variable of the environment can switch it off.
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => trust.checkHost(host, certificate),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ['http/1.1'],
  });
  try {
    await within(secured, 'secureConnect', way.limits.connectMs, way.signal);
    return secured;
  } catch (cause) {
    way.signal.throwIfAborted();
    socket.destroy();
    if (cause instanceof DownloadError) throw cause;
    throw new DownloadError('DOWNLOADER_TLS_REFUSED', `TLS with ${host} is refused: ${reasonOf(cause)}.`, {
      cause,
    });
  }
}

/** Asks the proxy for a tunnel: CONNECT, RFC 9110 section 9.3.6. */
async function throughProxy(socket: Socket, authority: string, way: Way): Promise<void> {
  const request = httpRequest({
    method: 'CONNECT',
    path: authority,
    headers: { host: authority },
    setHost: false,
    maxHeaderSize: way.limits.headBytes,
    createConnection: () => socket,
  });
  const timer = setTimeout(() => {
    request.destroy(new Error('no answer in time'));
  }, way.limits.connectMs);
  const abort = (): void => void request.destroy(new Error('stopped'));
  way.signal.addEventListener('abort', abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      request.on('error', reject);
      request.once('connect', ({ statusCode = 0 }, _socket, early) => {
        if (statusCode < 200 || statusCode > 299) reject(new Error(`it answers ${String(statusCode)}`));
        // Nobody speaks before TLS does.
        else if (early.length > 0) reject(new Error('it sends bytes of its own'));
        else resolve();
      });
      request.end();
    });
  } catch (cause) {
    socket.destroy();
    way.signal.throwIfAborted();
    throw new DownloadError(
      'DOWNLOADER_PROXY_REFUSED',
      `The proxy opens no tunnel to ${printable(authority, 100)}: ${reasonOf(cause)}.`,
      { cause },
    );
  } finally {
    clearTimeout(timer);
    way.signal.removeEventListener('abort', abort);
  }
}

/** Waits for an event of a socket; destroys the socket when it errs, is late, or is wanted no more. */
async function within(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      abort = () => {
        reject(new Error('stopped'));
      };
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      timer = setTimeout(() => {
        reject(new DownloadError('DOWNLOADER_TIMEOUT', 'The connection was not made in time.'));
      }, timeoutMs);
      socket.once('error', reject);
      socket.once('close', () => {
        reject(new Error('the connection was closed'));
      });
      socket.once(event, () => {
        resolve();
      });
    });
    // An error between here and the next reader must not end the process.
    socket.on('error', () => undefined);
  } catch (error) {
    socket.on('error', () => undefined);
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    if (abort !== undefined) signal.removeEventListener('abort', abort);
  }
}
