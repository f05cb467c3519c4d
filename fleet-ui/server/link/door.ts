import { constants } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { BulkheadError, type Logger } from '@bulkhead/platform/kernel';
import { Admission, type Turn } from './admission.ts';
import { peerIdentity, type PeerIdentity } from './identity.ts';
import type { LinkLimits, LinkTimes } from './limits.ts';

/** What the fleet proves itself with, and whose certificates it accepts. PEM. */
export interface LinkTls {
  /** The fleet's own CA: nobody else's certificates count. */
  ca: string;
  /** The leaf first. */
  certificate: string;
  key: string;
}

/** A connection of somebody who proved to be a sensor. */
export interface Visitor {
  readonly identity: PeerIdentity;
  readonly address: string;
  /** Calls that are open on it. */
  calls: number;
  /** Monotonic milliseconds: when it was last left without a call. */
  idleSinceMs: number;
  /** Calls begun in the second that began at `secondMs`. */
  begun: number;
  secondMs: number;
  /** Cuts it off at once. */
  cut: () => void;
}

/** A connection that was not let in, for people to see. */
export interface TurnedAway {
  address: string;
  /** In words, or the code of TLS: `CERT_HAS_EXPIRED`, ... */
  reason: string;
  sensor?: string;
}

export interface DoorOptions {
  tls: LinkTls;
  limits: LinkLimits;
  times: LinkTimes;
  log: Logger;
  /** A connection that carries HTTP/2 from now on. */
  enter: (socket: TLSSocket) => void;
  turnedAway: (who: TurnedAway) => void;
}

/**
 * The listener of the link: TCP, then TLS 1.3 with certificates of the fleet's CA on both sides, and only then gRPC.
 * gRPC never sees a byte of anybody who is not a sensor, and a connection can be cut off at any time.
 *
 * INVARIANTS: every accepted socket is in `#sockets` until it is closed. Turns and visitors are known by address and port, which
 * are those of a call's peer, for as long as their socket is open.
 */
export class Door {
  readonly #options: DoorOptions;
  readonly #listener: Server;
  readonly #tls: TlsServer;
  readonly #admission: Admission;
  readonly #sockets = new Set<Socket>();
  readonly #turns = new Map<string, Turn>();
  readonly #visitors = new Map<string, Visitor>();
  readonly #perSensor = new Map<string, Set<Visitor>>();

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#admission = new Admission(options.limits);
    this.#tls = createTlsServer({
      ...secureContext(options.tls),
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['h2'],
      handshakeTimeout: options.times.handshakeMs,
    });
    this.#tls.on('secureConnection', (socket) => {
      this.#proved(socket);
    });
    this.#tls.on('tlsClientError', (error, socket) => {
      // The reason stands there when the certificate was the reason.
      const { authorizationError } = socket as { authorizationError?: Error | string | null };
      const reason = authorizationError ?? (error as { code?: string }).code ?? error.message;
      this.#turnAway(socket.remoteAddress ?? '', typeof reason === 'string' ? reason : reason.message);
      socket.destroy();
    });
    // Nothing is read of a connection before its turn.
    this.#listener = createServer({ pauseOnConnect: true, noDelay: true, keepAlive: true }, (socket) => {
      this.#accept(socket);
    });
  }

  /** @throws BulkheadError FLEET_LINKS_LISTEN_FAILED */
  async listen(host: string, port: number): Promise<{ host: string; port: number }> {
    await new Promise<void>((resolve, reject) => {
      this.#listener.once('error', (cause: NodeJS.ErrnoException) => {
        reject(
          new BulkheadError({
            code: 'FLEET_LINKS_LISTEN_FAILED',
            message: `The link cannot listen on ${host} port ${String(port)}: ${cause.code ?? cause.message}.`,
            hint: 'See what else uses that port, or set another one for the link.',
            fields: { host, port },
            cause,
          }),
        );
      });
      this.#listener.listen({ host, port, backlog: 1024 }, resolve);
    });
    this.#listener.on('error', (error) => {
      this.#options.log.error({ err: error }, 'the listener of the link reports an error');
    });
    const address = this.#listener.address() as AddressInfo;
    return { host: address.address, port: address.port };
  }

  /** New certificates count from the next connection on; those that are open stay. */
  renew(tls: LinkTls): void {
    this.#tls.setSecureContext(secureContext(tls));
  }

  /** Whose call it is that comes from there (`address:port`, as gRPC names a peer). */
  visitor(peer: string): Visitor | undefined {
    return this.#visitors.get(peer);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Cuts connections that nobody uses. */
  sweep(nowMs: number): void {
    for (const visitor of this.#visitors.values()) {
      if (visitor.calls === 0 && nowMs - visitor.idleSinceMs > this.#options.times.idleMs) visitor.cut();
    }
  }

  /** Cuts off the connections that a sensor has now, once the last words had time to leave. */
  cut(sensor: string, lingerMs: number): void {
    const now = [...(this.#perSensor.get(sensor) ?? [])];
    if (now.length === 0) return;
    setTimeout(() => {
      for (const visitor of now) visitor.cut();
    }, lingerMs).unref();
  }

  /** Lets nobody in any more. */
  shut(): void {
    if (this.#listener.listening) this.#listener.close();
  }

  /** Cuts everybody off. Resolves when nothing is open. */
  async close(): Promise<void> {
    this.shut();
    for (const visitor of this.#visitors.values()) visitor.cut();
    const closed = [...this.#sockets].map(
      (socket) => new Promise((resolve) => socket.once('close', resolve)),
    );
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    socket.on('error', () => undefined); // 'close' follows
    if (this.#sockets.size >= this.#options.limits.connections) {
      this.#turnAway(address, 'too many connections');
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    const waited = setTimeout(() => socket.destroy(), this.#options.times.waitMs);
    waited.unref();
    const turn = this.#admission.enter(address, () => {
      clearTimeout(waited);
      this.#tls.emit('connection', socket);
    });
    if (turn === undefined) {
      this.#turnAway(address, 'too many connections wait');
      clearTimeout(waited);
      this.#sockets.delete(socket);
      socket.destroy();
      return;
    }
    const key = `${address}:${String(socket.remotePort)}`;
    this.#turns.set(key, turn);
    socket.once('close', () => {
      clearTimeout(waited);
      this.#sockets.delete(socket);
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
      turn.done();
    });
  }

  #proved(socket: TLSSocket): void {
    socket.on('error', () => undefined); // 'close' follows
    const { remoteAddress: address, remotePort: port } = socket;
    const key = `${address ?? ''}:${String(port)}`;
    this.#turns.get(key)?.done();
    const identity = socket.authorized ? peerIdentity(socket.getPeerCertificate()) : undefined;
    if (address === undefined || identity === undefined || socket.alpnProtocol !== 'h2') {
      const reason = identity === undefined ? 'the certificate is no sensor’s' : 'it does not speak HTTP/2';
      this.#turnAway(address ?? '', reason, identity?.sensor);
      socket.destroy();
      return;
    }
    if (!this.#mayBeOneMore(identity.sensor)) {
      this.#turnAway(address, 'too many connections of this sensor', identity.sensor);
      socket.destroy();
      return;
    }
    const { sensor } = identity;
    const now = performance.now();
    const cut = () => {
      socket.destroy();
    };
    const visitor: Visitor = { identity, address, calls: 0, idleSinceMs: now, begun: 0, secondMs: now, cut };
    this.#visitors.set(key, visitor);
    const all = this.#perSensor.get(sensor) ?? new Set();
    this.#perSensor.set(sensor, all.add(visitor));
    socket.once('close', () => {
      if (this.#visitors.get(key) === visitor) this.#visitors.delete(key);
      all.delete(visitor);
      if (all.size === 0 && this.#perSensor.get(sensor) === all) this.#perSensor.delete(sensor);
    });
    this.#options.enter(socket);
  }

  /** At the limit, one that is left over from before makes room. */
  #mayBeOneMore(sensor: string): boolean {
    const all = this.#perSensor.get(sensor);
    if (all === undefined || all.size < this.#options.limits.connectionsPerSensor) return true;
    const idle = [...all].find(({ calls }) => calls === 0);
    if (idle === undefined) return false;
    all.delete(idle);
    idle.cut();
    return true;
  }

  #turnAway(address: string, reason: string, sensor?: string): void {
    this.#options.turnedAway({ address, reason, ...(sensor === undefined ? {} : { sensor }) });
  }
}

function secureContext({ ca, certificate, key }: LinkTls) {
  return {
    ca,
    cert: certificate,
    key,
    minVersion: 'TLSv1.3' as const,
    // Nothing is resumed: each connection shows its certificate, and it is checked as of now.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}
