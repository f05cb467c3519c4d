import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describeError, type Logger } from '../kernel/index.ts';

/** The sensor's server dials one connection; a second one while the first is being given up. */
const CONNECTIONS_MOST = 2;

/**
 * The loopback port that the sensor's own server dials: each connection goes on through a tunnel to the fleet's hub. There is
 * nothing to be had here without the key of the bus, which the hub asks for.
 *
 * INVARIANTS: it listens only between `open` and `close`; `close` ends what passes.
 */
export class UplinkForwarder {
  readonly #dial: () => Promise<Duplex>;
  readonly #log: Logger;
  readonly #passing = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: { dial: () => Promise<Duplex>; log: Logger }) {
    this.#dial = options.dial;
    this.#log = options.log;
  }

  get listening(): boolean {
    return this.#server !== undefined;
  }

  /**
   * Listens.
   * @param wanted the port of the last time, so that the server need not be told another
   * @returns the port that it is
   */
  async open(wanted: number | undefined): Promise<number> {
    const server =
      wanted === undefined ? await this.#listen(0) : await this.#listen(wanted).catch(() => this.#listen(0));
    this.#server = server;
    return (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#passing) socket.destroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  async #listen(port: number): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = createServer((socket) => {
        void this.#pass(socket);
      });
      server.maxConnections = CONNECTIONS_MOST;
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        server.on('error', (error) => {
          this.#log.warn({ err: error }, 'the way to the fleet for events failed');
        });
        resolve(server);
      });
    });
  }

  async #pass(near: Socket): Promise<void> {
    this.#passing.add(near);
    near.once('close', () => this.#passing.delete(near));
    near.on('error', () => undefined);
    let far: Duplex;
    try {
      far = await this.#dial();
    } catch (error) {
      this.#log.debug({ reason: describeError(error) }, 'no uplink could be opened');
      near.destroy();
      return;
    }
    far.on('error', () => undefined);
    // Both ends end together: half of a connection is of no use to either server.
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
    if (near.destroyed) far.destroy();
    near.pipe(far).pipe(near);
  }
}
