import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, hasCode, sitePaths, waitFor, type Logger, type Site } from '../kernel/index.ts';
import { compileAccounts } from './accounts.ts';
import { reload, runningDigest } from './admin.ts';
import type { Bus, BusOptions, EventFeed, EventFilter } from './bus.ts';
import { connectPlatform, type Connected } from './connections.ts';
import type { BusMessage } from './event-feed.ts';
import { openEventFeed } from './event-subscription.ts';
import { Identities, type BusIdentity } from './identities.ts';
import { listen } from './listeners.ts';
import { parseBusModel, type BusModel } from './model.ts';
import { accountsIn, withBareNewcomers } from './newcomers.ts';
import type { CommandReply } from './platform-client.ts';
import { notReady, publishEvent } from './platform-client.ts';
import { serverConfig, storeCipher, type StoreCipher } from './server-config.ts';
import { ServerProcess } from './server-process.ts';
import { ServerWatch } from './server-watch.ts';
import type { ServiceHandler } from './services.ts';
import { StoreDuty } from './store-duty.ts';
import { StoreIncidents } from './store-incidents.ts';
import { StoreKeeper } from './store-keeper.ts';
import {
  ensureConsumers,
  ensureStreams,
  ourStreams,
  removeRevokedConsumers,
  statesOf,
  streamStates,
  takeInventory,
  type Inventory,
  type StreamState,
} from './streams.ts';
import { Traffic } from './traffic.ts';
import { trimStream } from './trim.ts';
import { Uplink } from './uplink.ts';

/** Opens the bus without starting anything. */
export function openBus(options: BusOptions): Bus {
  return new SensorBus(options);
}

const READY_MS = 60_000;

/**
 * INVARIANTS: everything that changes the server (`ensure`, restart by the watch, `stop`, `close`) runs one at a time
 * through `#exclusive`. `#connected` is set exactly while both users are connected or reconnecting to a server that was
 * ready once. The watch acts only between those works. After `close` or `stop` nothing is started any more.
 */
class SensorBus implements Bus {
  readonly #options: BusOptions;
  readonly #log: Logger;
  readonly #identities: Identities;
  readonly #keeper: StoreKeeper;
  readonly store: StoreDuty;
  readonly #process: ServerProcess;
  readonly #watch: ServerWatch;
  readonly traffic: Traffic;
  readonly uplink: Uplink;
  readonly #cipher: StoreCipher = storeCipher(readFileSync('/proc/cpuinfo', 'utf8'));
  readonly #down = new Set<(reason: string) => void>();
  readonly #up = new Set<() => void>();
  readonly #newStream = new Set<(stream: string) => void>();
  readonly #closing = new AbortController();
  #queue: Promise<unknown> = Promise.resolve();
  #model: BusModel | undefined;
  #connected: Connected | undefined;

  constructor(options: BusOptions) {
    this.#options = options;
    this.#log = options.log;
    const stateDir = sitePaths(options.site as Site).busDir;
    this.#identities = new Identities(join(stateDir, 'identities.json'), options.secret);
    this.#process = new ServerProcess(
      { program: options.natsServer, runDir: join(options.site.runDir, 'bus'), stateDir },
      options.log,
    );
    this.traffic = new Traffic({
      ...{ log: options.log, logFile: this.#process.logFile, identities: this.#identities },
      journalSecret: () => options.secret('bus/journal').toString('hex').slice(0, 32),
    });
    this.uplink = new Uplink({
      ...{ file: join(stateDir, 'uplink.json'), identities: this.#identities, port: options.site.natsPort },
      apply: () => this.#exclusive(() => this.#applyUplink()),
    });
    this.#watch = new ServerWatch({
      log: options.log,
      gone: async () =>
        this.#model !== undefined && !this.#closing.signal.aborted && !(await this.#process.alive()),
      restart: async () => {
        if (this.#model !== undefined) await this.#boot(this.#model);
      },
      exclusive: (work) => this.#exclusive(work),
      onDown: (reason) => {
        for (const listener of this.#down) listener(reason);
      },
      onUp: () => {
        for (const listener of this.#up) listener();
      },
    });
    const incidents = new StoreIncidents();
    this.#keeper = new StoreKeeper(stateDir, incidents, options.log);
    this.store = new StoreDuty({
      ...{ keeper: this.#keeper, incidents, log: options.log, places: this.#process },
      connected: () => this.#connected,
      exclusive: (work) => this.#exclusive(work),
      restart: () => this.#restart(),
    });
  }

  async ensure(value: BusModel): Promise<{ restarted: boolean; reloaded: boolean }> {
    const model = parseBusModel(value);
    return this.#exclusive(async () => {
      await this.#process.prepare();
      await this.traffic.begin();
      await this.#keeper.claim(this.#storeKey(model));
      // On disk before the server is told: a key of somebody who left must not come back to life after a crash.
      await this.#identities.keepOnly(model.instruments.map(({ name }) => name));
      const running = (await this.#process.alive()) || (await this.#process.adopt());
      if (running && (await this.#connectIfAnswering())) {
        const result = await this.#change(model);
        this.#begin(model);
        return result;
      }
      await this.#process.stop();
      await this.#boot(model);
      this.#begin(model);
      return { restarted: true, reloaded: false };
    });
  }

  identity(instrument: string): BusIdentity {
    return this.#identities.instrument(instrument);
  }

  async request(...request: Parameters<Bus['request']>): Promise<unknown> {
    return this.traffic.request(this.#ready().platform, ...request);
  }

  async send(...command: Parameters<Bus['send']>): Promise<CommandReply> {
    return this.traffic.send(this.#ready().platform, ...command);
  }

  serve(service: string, handler: ServiceHandler): () => void {
    return this.traffic.serve(service, handler);
  }

  async publishPlatform(type: string, record: Readonly<Record<string, unknown>>): Promise<void> {
    const { sensor } = this.#ready().model;
    await publishEvent(() => this.#ready().client, { sensor, type, record });
  }

  async subscribeEvents(
    filter: EventFilter,
    onEvent: (message: BusMessage) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<EventFeed> {
    this.#ready();
    const source = {
      jetstream: (waiting: AbortSignal) => this.#whenConnected(waiting),
      listStreams: async () => (await ourStreams(this.#ready().manager)).map((info) => info.config.name),
      onNewStream: (listener: (stream: string) => void) => listen(this.#newStream, listener),
    };
    return openEventFeed(source, filter, onEvent, AbortSignal.any([signal, this.#closing.signal]), this.#log);
  }

  async streams(): Promise<StreamState[]> {
    return streamStates(this.#ready().manager);
  }

  async trim(stream: string, upTo: number): Promise<number> {
    return trimStream(this.#ready().manager, stream, upTo);
  }

  onDown(listener: (reason: string) => void): () => void {
    return listen(this.#down, listener);
  }

  onRestarted(listener: () => void): () => void {
    return listen(this.#up, listener);
  }

  serverPid(): number | undefined {
    return this.#process.pid;
  }

  serverVersion(): string | undefined {
    return this.#connected?.platform.info?.version;
  }

  async stop(): Promise<void> {
    await this.#end(async () => {
      const running = (await this.#process.alive()) || (await this.#process.adopt());
      const manager = running ? this.#connected?.manager : undefined;
      const found = manager && (await takeInventory(manager).then(statesOf, () => undefined));
      await this.#halt();
      if (found !== undefined) await this.#keeper.settle(found);
    });
  }

  async close(): Promise<void> {
    await this.#end(() => this.#disconnect());
  }

  /** Changes a running server without disconnecting anybody who keeps the right to be there. */
  async #change(model: BusModel): Promise<{ restarted: boolean; reloaded: boolean }> {
    const { system, manager } = this.#connection();
    await this.#complete(model, await takeInventory(manager), false);
    const bare = withBareNewcomers(model, accountsIn(await this.#process.readConfig()));
    try {
      if (bare !== undefined) await reload(system, await this.#process.writeConfig(this.#config(bare)));
      const digest = await this.#process.writeConfig(this.#config(model));
      if ((await runningDigest(system)) === digest) return { restarted: false, reloaded: false };
      await reload(system, digest);
      return { restarted: false, reloaded: true };
    } catch (error) {
      if (!hasCode(error, 'BUS_RELOAD_REFUSED')) throw error;
      this.#log.warn({ reason: describeError(error) }, 'the server is restarted to take its configuration');
      await this.#process.stop();
      await this.#boot(model);
      return { restarted: true, reloaded: false };
    }
  }

  /** Starts the server and sees to it that nothing of the store is missing; what is damaged is repaired or set aside. */
  async #boot(model: BusModel): Promise<void> {
    await this.#startServer(model);
    const look = async () => statesOf(await takeInventory(this.#connection().manager));
    const halt = () => this.#halt();
    await this.#keeper.bringInOrder({ look, halt, start: () => this.#startServer(model) });
    await this.#complete(model, await takeInventory(this.#connection().manager), true);
  }

  async #halt(): Promise<void> {
    await this.#disconnect();
    await this.#process.stop();
  }

  /** Starts the server anew, because it does not store any more although it could. */
  async #restart(): Promise<void> {
    const model = this.#model;
    if (model === undefined || this.#closing.signal.aborted) return;
    await this.#halt();
    await this.#boot(model);
    for (const listener of this.#up) listener();
  }

  async #startServer(model: BusModel): Promise<void> {
    await this.#disconnect();
    await this.#process.writeConfig(this.#config(model));
    await this.#keeper.prepare();
    await this.#process.start();
    this.#watch.started();
    await waitFor('nats-server to answer', READY_MS, async () => {
      if (!(await this.#process.alive())) throw await this.#process.startFailure('it ended while starting');
      return this.#connectIfAnswering();
    });
  }

  async #complete(model: BusModel, inventory: Inventory, fromDisk: boolean): Promise<void> {
    const { manager } = this.#connection();
    // First these: taking an import away alone would leave an outstanding pull being served.
    const revoked = await removeRevokedConsumers(manager, model, inventory);
    if (revoked.length > 0) this.#log.info({ revoked }, 'rights to read revoked');
    const created = await ensureStreams(manager, model, inventory, await this.#keeper.firstSequences());
    await this.#keeper.accept(created, statesOf(inventory), fromDisk);
    await ensureConsumers(manager, model, inventory);
    await this.traffic.follow(this.#connection(), model);
    for (const stream of created) for (const listener of this.#newStream) listener(stream);
  }

  #config(model: BusModel): string {
    const key = this.#storeKey(model);
    return serverConfig({
      serverName: `${this.#options.site.prefix}-bus`,
      port: this.#options.site.natsPort,
      storeDir: this.#process.storeDir,
      logFile: this.#process.logFile,
      encryption: key === undefined ? undefined : { key, cipher: this.#cipher },
      accounts: compileAccounts(
        model,
        this.#identities.publicKeys(model.instruments.map(({ name }) => name)),
        this.traffic.journalSecret(),
        this.uplink.accountLines(),
      ),
      leaf: this.uplink.leafLines(),
    });
  }

  async #applyUplink(): Promise<void> {
    if (this.#model !== undefined && this.#connected !== undefined) await this.#change(this.#model);
  }

  #storeKey(model: BusModel): string | undefined {
    return model.encrypt ? this.#options.secret('bus/store').toString('hex') : undefined;
  }

  /** False when nobody answers yet. */
  async #connectIfAnswering(): Promise<boolean> {
    const { natsPort } = this.#options.site;
    this.#connected ??= await connectPlatform(this.#identities, natsPort, this.#log);
    return this.#connected !== undefined;
  }

  async #disconnect(): Promise<void> {
    const connected = this.#connected;
    this.#connected = undefined;
    await Promise.all([connected?.system.close(), connected?.platform.close()]);
  }

  #begin(model: BusModel): void {
    this.#model = model;
    this.store.begin();
    this.#watch.begin();
  }

  async #end(last: () => Promise<void>): Promise<void> {
    this.#closing.abort();
    this.store.end();
    this.#watch.end();
    await Promise.all([this.traffic.end(), this.uplink.end()]);
    await this.#exclusive(async () => {
      this.#model = undefined;
      await last();
    });
  }

  async #whenConnected(signal: AbortSignal): Promise<Connected> {
    return waitFor('the bus', 3_600_000, () => this.#connected, { intervalMs: 100, signal });
  }

  #connection(): Connected {
    if (this.#connected === undefined) throw notReady();
    return this.#connected;
  }

  #ready(): Connected & { model: BusModel } {
    if (this.#model === undefined) throw notReady();
    return { ...this.#connection(), model: this.#model };
  }

  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}
