import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { checkServerIdentity, connect as tlsConnect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { FLEET_SERVER_NAME } from '../contracts/index.ts';
import { BulkheadError, describeError } from '../kernel/index.ts';
import { hostPort, type Endpoint, type Proxy } from './endpoint.ts';

/** What is shown and what is believed in a TLS connection to the fleet. */
export interface TlsParts {
  /** PEM; the only authority that is believed. Absent = nobody is checked: for reading what is compared otherwise. */
  ca?: string | undefined;
  /** PEM. */
  key?: string | undefined;
  /** PEM, the leaf first. */
  chain?: string | undefined;
}

/**
 * A TCP connection, through the proxy where there is one.
 * @throws BulkheadError FLEET_LINK_UNREACHABLE, FLEET_LINK_PROXY_REFUSED
 */
export async function dial(to: Endpoint, proxy: Proxy | undefined, timeoutMs: number): Promise<Socket> {
  return proxy === undefined ? dialDirectly(to, timeoutMs) : dialThrough(proxy, to, timeoutMs);
}

/**
 * TLS over a connection that stands. The certificate of the other side must be of the fleet's authority and of its servers, by
 * whatever name they are reached: the same authority also issues certificates to sensors, one of which could be in hostile hands.
 * @throws BulkheadError FLEET_LINK_SERVER_UNTRUSTED, FLEET_LINK_CLOCK_WRONG, FLEET_LINK_UNREACHABLE
 */
export async function secure(
  socket: Socket,
  to: Endpoint,
  { ca, key, chain }: TlsParts,
  timeoutMs: number,
  protocols: string[] = ['http/1.1'],
): Promise<TLSSocket> {
  const secured = tlsConnect({
    socket,
    servername: FLEET_SERVER_NAME,
    minVersion: 'TLSv1.2',
    ALPNProtocols: protocols,
    ...(ca === undefined ? { rejectUnauthorized: false } : { ca, checkServerIdentity: refusesServer }),
    ...(key === undefined || chain === undefined ? {} : { key, cert: chain }),
  });
  await settled(secured, 'secureConnect', timeoutMs, to).catch((error: unknown) => {
    secured.destroy();
    throw tlsError(error, to);
  });
  return secured;
}

/** For `checkServerIdentity` of TLS: why this is not the fleet, if it is not. */
export function refusesServer(_name: string, certificate: PeerCertificate): Error | undefined {
  if (/(?:^|, )URI:"?bulkhead:sensor:/.test(certificate.subjectaltname ?? '')) {
    return Object.assign(new Error('it is the certificate of a sensor'), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  }
  return checkServerIdentity(FLEET_SERVER_NAME, certificate);
}

/** A failure of TLS in words that a person can act on. */
export function tlsError(error: unknown, to: Endpoint): BulkheadError {
  if (error instanceof BulkheadError) return error;
  const code = (error as { code?: string }).code ?? '';
  const where = hostPort(to);
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') {
    const when = code === 'CERT_NOT_YET_VALID' ? 'not valid yet' : 'not valid any more';
    return new BulkheadError({
      code: 'FLEET_LINK_CLOCK_WRONG',
      message: `By the clock of this sensor (${new Date().toISOString()}) the certificate of ${where} is ${when}.`,
      hint: 'If the clock is wrong, set it; if it is right, the fleet has to renew its certificate.',
      fields: { fleet: where, clock: new Date().toISOString() },
      cause: error,
    });
  }
  if (UNTRUSTED.test(code)) {
    return new BulkheadError({
      code: 'FLEET_LINK_SERVER_UNTRUSTED',
      message: `${where} is not the fleet: ${describeError(error)}`,
      hint: 'Somebody stands between, or the fleet was set up anew. Nothing was sent.',
      fields: { fleet: where, reason: code },
      cause: error,
    });
  }
  return unreachable(where, describeError(error), error);
}

const UNTRUSTED =
  /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT_ALTNAME|CERT_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH)/;

export function unreachable(where: string, why: string, cause: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINK_UNREACHABLE',
    message: `The fleet at ${where} cannot be reached: ${why}`,
    hint: 'Check name, port and firewall. The sensor works on without its fleet.',
    fields: { fleet: where },
    cause,
  });
}

async function dialDirectly(to: Endpoint, timeoutMs: number): Promise<Socket> {
  const socket = connect({ host: to.host, port: to.port });
  await settled(socket, 'connect', timeoutMs, to).catch((error: unknown) => {
    socket.destroy();
    throw unreachable(hostPort(to), describeError(error), error);
  });
  return socket;
}

async function dialThrough(proxy: Proxy, to: Endpoint, timeoutMs: number): Promise<Socket> {
  const where = hostPort(proxy);
  const refused = (why: string, cause?: unknown) =>
    new BulkheadError({
      code: 'FLEET_LINK_PROXY_REFUSED',
      message: `The proxy ${where} does not connect to ${hostPort(to)}: ${why}`,
      hint: 'Allow CONNECT to both ports of the fleet, and check user and password of the proxy.',
      fields: { proxy: where, fleet: hostPort(to) },
      cause,
    });
  return new Promise((resolve, reject) => {
    const asked = request({
      method: 'CONNECT',
      host: proxy.host,
      port: proxy.port,
      path: hostPort(to),
      agent: false,
      timeout: timeoutMs,
      headers: {
        host: hostPort(to),
        ...(proxy.credentials === undefined
          ? {}
          : { 'proxy-authorization': `Basic ${Buffer.from(proxy.credentials).toString('base64')}` }),
      },
    });
    const timer = setTimeout(() => {
      asked.destroy(new Error(`no answer within ${String(timeoutMs / 1000)} s`));
    }, timeoutMs);
    asked.once('connect', (response, socket, head) => {
      clearTimeout(timer);
      asked.removeAllListeners();
      asked.on('error', () => undefined);
      const { statusCode = 0 } = response;
      if (statusCode < 200 || statusCode > 299) {
        socket.destroy();
        reject(refused(`it answered ${String(statusCode)}`));
        return;
      }
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    asked.once('response', (response) => {
      asked.destroy();
      reject(refused(`it answered ${String(response.statusCode ?? 0)}`));
    });
    asked.once('error', (error) => {
      clearTimeout(timer);
      reject(refused(describeError(error), error));
    });
    asked.end();
  });
}

async function settled(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  timeoutMs: number,
  to: Endpoint,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no answer from ${hostPort(to)} within ${String(timeoutMs / 1000)} s`));
    }, timeoutMs);
    const done = (): void => {
      clearTimeout(timer);
      socket.off('error', failed);
      socket.off('close', closed);
    };
    const failed = (error: Error): void => {
      done();
      reject(error);
    };
    const closed = (): void => {
      failed(new Error('the connection was closed'));
    };
    socket.once('error', failed);
    socket.once('close', closed);
    socket.once(event, () => {
      done();
      resolve();
    });
  });
}
