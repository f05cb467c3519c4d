import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { backoffMs, BulkheadError, describeError, waitFor, type Logger } from '@bulkhead/platform/kernel';
import { HUB_LIMITS, hubConfig, type HubCluster } from './hub-config.ts';
import {
  connectHub,
  freePort,
  hubUsers,
  reloadHub,
  type HubClients,
  type HubConnections,
} from './hub-connections.ts';
import { HubProcess } from './hub-process.ts';
import { isUplinkKey, readUplinkKeys, writeUplinkKeys } from './uplink-keys.ts';

const READY_MS = 60_000;
const RESTART = { firstMs: 200, maxMs: 10_000, holdAfter: Number.POSITIVE_INFINITY, healthyAfterMs: 60_000 };

/** What a hub is opened with. */
export interface HubOptions {
  /** Folder of its own, `stateDir/nats`. */
  dir: string;
  /** Path of nats-server, 2.12 or later. */
  natsServer: string;
  log: Logger;
  cluster?: HubCluster | undefined;
}

/**
 * The NATS server of the fleet, where sensors bring their events.
 *
 * INVARIANTS: everything that changes the server or the list of sensors runs one at a time through `#exclusive`; changes that come
 * while one is at work are made together by the next. The list is on disk before the server is told. `#connected` is set
 * exactly while the fleet's users are connected or reconnecting to a server that was ready once. After `close` nothing starts.
 */
export class Hub {
  readonly #options: HubOptions;
  readonly #process: HubProcess;
  readonly #file: string;
  readonly #users = hubUsers();
  readonly #sockets = new Map<string, Set<Socket>>();
  readonly #closing = new AbortController();
  #sensors = new Map<string, string>();
  /** Accounts that the running server has with their import, and the keys that it lets in. */
  #complete: ReadonlyMap<string, string> = new Map();
  #ports = { client: 0, leaf: 0 };
  #connected: HubConnections | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #pending: Promise<void> | undefined;
  #failures = 0;
  #startedAt = 0;
  #fault: string | undefined;

  private constructor(options: HubOptions) {
    this.#options = options;
    this.#process = new HubProcess({ program: options.natsServer, dir: options.dir });
    this.#file = join(options.dir, 'uplinks.json');
  }

  /**
   * Starts the hub with the sensors that it knows.
   * @throws BulkheadError FLEET_HUB_START_FAILED, FLEET_HUB_CONFIG_REFUSED, FLEET_HUB_UPLINKS_INVALID
   */
  static async open(options: HubOptions): Promise<Hub> {
    const hub = new Hub(options);
    hub.#sensors = readUplinkKeys(hub.#file);
    await hub.#exclusive(() => hub.#boot());
    return hub;
  }

  /** Why sensors cannot bring anything now; undefined while they can. */
  get fault(): string | undefined {
    return this.#fault;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Loopback ports: of fleetd's own clients, and of the sensors' leaf links. */
  get ports(): { client: number; leaf: number } {
    return { ...this.#ports };
  }

  /** Sensors whose uplink is open now. */
  get linked(): string[] {
    return [...this.#sockets.keys()];
  }

  /** Sensors that may bring events, with the public keys of their uplinks. */
  get sensors(): ReadonlyMap<string, string> {
    return this.#sensors;
  }

  /**
   * One connection of a sensor's uplink, for the bytes of its tunnel. That the sensor is who it says was proved by its
   * certificate before; here its key is let in, and nobody else's.
   * @throws BulkheadError FLEET_HUB_KEY_REFUSED, FLEET_HUB_UNAVAILABLE
   */
  async connect(sensor: string, publicKey: string): Promise<Socket> {
    const open = this.#sockets.get(sensor)?.size ?? 0;
    if (open >= HUB_LIMITS.linksPerSensor) throw refused(sensor, 'it has its two uplinks open already');
    await this.allow(sensor, publicKey);
    if (this.#connected === undefined) throw unavailable();
    const socket = connectTcp({ host: '127.0.0.1', port: this.#ports.leaf });
    const sockets = this.#sockets.get(sensor) ?? new Set();
    this.#sockets.set(sensor, sockets.add(socket));
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) this.#sockets.delete(sensor);
    });
    try {
      await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    } catch (cause) {
      socket.destroy();
      throw unavailable(cause);
    }
    // A later fault ends the connection, and its end is all that anybody needs to know.
    socket.on('error', () => undefined);
    return socket;
  }

  /** Lets a sensor's key in. Resolves when the server has it. @throws BulkheadError FLEET_HUB_KEY_REFUSED */
  async allow(sensor: string, publicKey: string): Promise<void> {
    if (!isUplinkKey(sensor, publicKey)) throw refused(sensor, 'its key is none of a user');
    for (const [other, key] of this.#sensors) {
      if (key === publicKey && other !== sensor) throw refused(sensor, 'another sensor has the same key');
    }
    if (this.#sensors.get(sensor) === publicKey && this.#complete.get(sensor) === publicKey) return;
    this.#sensors.set(sensor, publicKey);
    await this.#changed();
  }

  /** Shuts sensors out; open uplinks end at once. */
  async forget(sensors: readonly string[]): Promise<void> {
    const known = sensors.filter((sensor) => this.#sensors.delete(sensor));
    for (const sensor of sensors) {
      for (const socket of this.#sockets.get(sensor) ?? []) socket.destroy();
    }
    if (known.length > 0) await this.#changed();
  }

  /** The fleet's own clients; waits while the server starts. */
  async clients(signal: AbortSignal): Promise<HubClients> {
    return waitFor('the hub', 3_600_000, () => this.#connected, {
      intervalMs: 100,
      signal: AbortSignal.any([signal, this.#closing.signal]),
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#exclusive(async () => {
      for (const sockets of this.#sockets.values()) for (const socket of sockets) socket.destroy();
      await this.#disconnect();
      await this.#process.stop();
    });
  }

  /** One change of the server for all changes of the list that came meanwhile. */
  async #changed(): Promise<void> {
    this.#pending ??= this.#exclusive(async () => {
      this.#pending = undefined;
      await writeUplinkKeys(this.#file, this.#sensors);
      if (this.#connected === undefined) return;
      await this.#reload().catch(async (error: unknown) => {
        if (this.#closing.signal.aborted) throw error;
        this.#options.log.warn({ reason: describeError(error) }, 'the hub is restarted to take its sensors');
        await this.#process.stop();
        await this.#boot();
      });
    });
    await this.#pending;
  }

  async #reload(): Promise<void> {
    // Whoever comes while the server is told is the matter of the next change.
    const sensors = new Map(this.#sensors);
    // The server does not make the import of an account work in the reload in which the account appears (seen with 2.15.1).
    const bare = new Set([...sensors.keys()].filter((sensor) => !this.#complete.has(sensor)));
    if (bare.size > 0) await this.#tell(sensors, bare);
    await this.#tell(sensors, new Set());
    this.#complete = sensors;
  }

  async #tell(sensors: ReadonlyMap<string, string>, bare: ReadonlySet<string>): Promise<void> {
    const digest = await this.#process.writeConfig(this.#config(sensors, bare));
    if (this.#connected === undefined) throw unavailable();
    await reloadHub(this.#connected.system, digest).catch((error: unknown) => {
      throw unavailable(error);
    });
  }

  async #boot(): Promise<void> {
    await this.#disconnect();
    if (this.#ports.client === 0) this.#ports = { client: await freePort(), leaf: await freePort() };
    const sensors = new Map(this.#sensors);
    await this.#process.writeConfig(this.#config(sensors, new Set()));
    this.#startedAt = performance.now();
    await this.#process.start(() => {
      this.#lost();
    });
    await waitFor('the hub to answer', READY_MS, async () => {
      if (!this.#process.running) {
        this.#ports.client = 0; // perhaps somebody took one of them
        throw await this.#process.startFailure('it ended while starting');
      }
      return this.#connectIfAnswering();
    });
    this.#complete = sensors;
    this.#fault = undefined;
  }

  #lost(): void {
    if (this.#closing.signal.aborted) return;
    this.#fault = 'the hub of the fleet is down and is being started';
    this.#options.log.error('the nats-server of the hub ended; it is started again');
    if (performance.now() - this.#startedAt > RESTART.healthyAfterMs) this.#failures = 0;
    this.#again();
  }

  #again(): void {
    const waitMs = backoffMs(RESTART, this.#failures);
    this.#failures += 1;
    setTimeout(() => {
      void this.#exclusive(async () => {
        if (this.#closing.signal.aborted || this.#process.running) return;
        try {
          await this.#boot();
          this.#options.log.info('the hub runs again');
        } catch (error) {
          this.#fault = `the hub of the fleet does not start: ${describeError(error)}`;
          this.#options.log.error({ reason: describeError(error) }, 'the hub does not start');
          await this.#process.stop();
          this.#again();
        }
      });
    }, waitMs).unref();
  }

  async #connectIfAnswering(): Promise<boolean> {
    try {
      this.#connected = await connectHub(this.#users, this.#ports.client);
      return true;
    } catch (error) {
      this.#options.log.debug({ reason: describeError(error) }, 'the hub does not answer yet');
      return false;
    }
  }

  async #disconnect(): Promise<void> {
    const connected = this.#connected;
    this.#connected = undefined;
    await Promise.all([connected?.system.close(), connected?.fleet.close()]);
  }

  #config(sensors: ReadonlyMap<string, string>, bare: ReadonlySet<string>): string {
    const { cluster } = this.#options;
    return hubConfig({
      serverName: cluster?.serverName ?? 'fleet-hub',
      clientPort: this.#ports.client,
      leafPort: this.#ports.leaf,
      storeDir: this.#process.storeDir,
      logFile: this.#process.logFile,
      keys: { system: this.#users.system.getPublicKey(), fleet: this.#users.fleet.getPublicKey() },
      sensors,
      bare,
      cluster,
    });
  }

  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

function refused(sensor: string, why: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_HUB_KEY_REFUSED',
    message: `The uplink of the sensor ${sensor} is refused: ${why}.`,
    fields: { sensor },
  });
}

function unavailable(cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_HUB_UNAVAILABLE',
    message: 'The hub of the fleet cannot take uplinks now.',
    cause,
  });
}
