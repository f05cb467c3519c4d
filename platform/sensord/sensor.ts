import { describeError, type Logger, type Site } from '../kernel/index.ts';
import type { PlatformEventType } from '../contracts/index.ts';
import { Alive } from './alive.ts';
import { checkedRuntime } from './checked-runtime.ts';
import { foreseenChange, type ForeseenChange } from './config-plan.ts';
import type { Configuration } from './configuration.ts';
import { findInstrument, type DesiredInstrument, type DesiredState } from './desired.ts';
import { configureBus, execute, executors } from './executors.ts';
import { HealthPoller } from './health-poller.ts';
import { listContainers } from './list-containers.ts';
import { observed, portsOf, type Applied } from './observe.ts';
import type { ActualState, Step } from './plan.ts';
import { Reconciler } from './reconciler.ts';
import type {
  BusRoom,
  ContainerState,
  NetworkRoom,
  NetworkState,
  RuntimeRoom,
  StorageRoom,
} from './rooms.ts';
import { DevOverlay } from './dev-overlay.ts';
import { refreshResources } from './resource-refresh.ts';
import { RightsNotices } from './rights-notices.ts';
import { Supervisor } from './supervisor.ts';
import { takeDownRooms } from './take-down.ts';

/** What a sensor is made of. */
export interface SensorParts {
  site: Site;
  log: Logger;
  configuration: Configuration;
  runtime: RuntimeRoom;
  storage: StorageRoom;
  bus: BusRoom;
  network: NetworkRoom;
  /** Checks an image archive entry by entry and gives its fingerprint; done before LXD sees the file. */
  checkImage: (file: string) => Promise<{ fingerprint: string }>;
  /** Starts the LXD daemon when it does not answer. */
  ensureDaemon: () => Promise<{ started: boolean }>;
}

const RECONCILE_EVERY_MS = 10_000;
const HEALTH_EVERY_MS = 2_000;
const HEALTH_TIMEOUT_MS = 1_800;
/** An instrument that says nothing for this long is treated as crashed. Suricata with many rules needs a while to start. */
const SILENCE_MS = 90_000;

/**
 * Keeps one sensor as its configuration says.
 *
 * INVARIANTS: everything that changes the machine goes through the reconciler, one step at a time; `start` once, then
 * `leave` (all goes on without us) or `takeDown` (nothing is left), once.
 */
export class Sensor {
  readonly overlay = new DevOverlay();
  /** Tells running instruments of changed rights. */
  readonly notices: RightsNotices;
  readonly #parts: SensorParts;
  readonly #log: Logger;
  readonly #supervisor = new Supervisor();
  readonly #applied: Applied = {
    busDigest: undefined,
    fanouts: new Map(),
    openingPages: new Map(),
    rights: new Map(),
  };
  readonly #reconciler: Reconciler;
  readonly #poller: HealthPoller;
  readonly #watching = new AbortController();
  readonly #alive = new Alive();
  readonly #restarting = new Map<string, Promise<void>>();
  #containers: ContainerState[] = [];
  #served: ReadonlySet<string> = new Set();
  #busRestarts = 0;
  #background: Promise<unknown>[] = [];

  constructor(parts: SensorParts) {
    this.#parts = parts;
    this.#log = parts.log;
    this.notices = new RightsNotices(parts);
    const steps = executors({
      site: parts.site,
      log: parts.log,
      runtime: checkedRuntime(parts.runtime, parts.checkImage),
      storage: parts.storage,
      network: parts.network,
      bus: parts.bus,
      pages: parts.runtime.pages,
      desired: () => this.desired,
      applied: this.#applied,
      notices: this.notices,
      publish: (type, record) => {
        this.publish(type, record);
      },
      portsOf: async (name) => {
        const container = (await parts.runtime.list()).find((one) => one.name === name);
        return container === undefined ? [] : portsOf(container);
      },
      onStarted: (name) => {
        this.#alive.add(name);
        this.#supervisor.started(name);
        this.#poller.started(name);
      },
      onStopped: (name) => {
        this.#alive.delete(name);
      },
    });
    this.#poller = new HealthPoller({
      log: parts.log,
      running: () => this.#containers.filter(({ status }) => status === 'running').map(({ name }) => name),
      ask: (name) => parts.bus.request(name, 'health', {}, HEALTH_TIMEOUT_MS),
      busUp: () => parts.bus.serverPid() !== undefined,
      onUnhealthy: (name, reason) => this.#onUnhealthy(name, reason),
      everyMs: HEALTH_EVERY_MS,
      silenceMs: SILENCE_MS,
    });
    this.#reconciler = new Reconciler({
      log: parts.log,
      desired: () => this.desired,
      observe: () => this.#observe(),
      execute: (step) => execute(steps, step),
      verdict: (name) => this.#supervisor.verdict(name),
      onStepFailed: (step, error) => {
        this.#onStepFailed(step, error);
      },
      nextWakeMs: () => this.#supervisor.nextRetryMs(),
      everyMs: RECONCILE_EVERY_MS,
    });
  }

  /** What the sensor should be: the configuration in force, and instruments that run beside it. */
  get desired(): DesiredState {
    return this.overlay.merge(this.#parts.configuration.desired);
  }

  get busRestarts(): number {
    return this.#busRestarts;
  }

  /** Host ends of mirror ports that got copies when the machine was last looked at. */
  get served(): ReadonlySet<string> {
    return this.#served;
  }

  get containers(): readonly ContainerState[] {
    return this.#containers;
  }

  get supervisor(): Pick<Supervisor, 'standing'> {
    return this.#supervisor;
  }

  get poller(): Pick<HealthPoller, 'health'> {
    return this.#poller;
  }

  /** Brings everything up as far as it goes, then keeps it so. Adopts what stands. */
  async start(): Promise<void> {
    const { runtime, bus, network } = this.#parts;
    const { repaired } = await runtime.prepare();
    if (repaired.length > 0)
      this.#log.warn({ repaired }, 'the LXD project had been changed and was set back');
    for (const container of await runtime.list())
      if (container.status === 'running') this.#alive.seen(container.name);
    bus.onDown((reason) => {
      this.#log.error({ reason }, 'nats-server is down; restarting it');
    });
    bus.onRestarted(() => {
      this.#busRestarts += 1;
      this.publish('bus.restarted', {});
    });
    await this.#reconciler.settle();
    this.#poller.start();
    const { signal } = this.#watching;
    this.#background = [
      runtime.watch(() => {
        this.#reconciler.poke();
      }, signal),
      network.guard(signal, ({ kind, device, faults }) => {
        const what =
          kind === 'guard' ? 'a guard rule was lost; the link was taken down' : 'a fan-out was lost';
        this.#log.error({ device, faults }, what);
        this.publish('monitor.lost', { device, faults });
        this.#reconciler.poke();
      }),
    ].map((work) =>
      work.catch((error: unknown) => {
        if (!signal.aborted) this.#log.error({ err: error }, `a watcher ended: ${describeError(error)}`);
      }),
    );
  }

  /** Brings what is to what the configuration says, as far as it goes now. */
  async settle(): Promise<void> {
    await this.#reconciler.settle();
    await refreshResources(this.#parts, this.desired.instruments, this.#containers);
  }

  /** What another configuration would change, from one look at the machine; changes nothing. */
  async foresee(desired: DesiredState): Promise<ForeseenChange> {
    const { runtime, network } = this.#parts;
    const [containers, standing] = await Promise.all([runtime.list(), network.inspect()]);
    const whole = this.overlay.merge(desired);
    return foreseenChange(whole, this.#compared(whole, containers, standing));
  }

  /** Subjects whose last step failed, with the reason. */
  failing(): ReadonlyMap<string, string> {
    return this.#reconciler.failing();
  }

  /** Forgets an instrument's failures: it is tried again at once. */
  release(name: string): void {
    this.#supervisor.release(name);
  }

  /**
   * Stops and starts one instrument; releases it when it is held. Who asks while it is being restarted gets the end of that.
   * @throws BulkheadError SENSORD_INSTRUMENT_UNKNOWN
   */
  async restart(name: string): Promise<void> {
    this.instrument(name);
    const restarting =
      this.#restarting.get(name) ?? this.#restart(name).finally(() => this.#restarting.delete(name));
    this.#restarting.set(name, restarting);
    await restarting;
  }

  async #restart(name: string): Promise<void> {
    this.#supervisor.release(name);
    // Looked up now: right after a start of sensord nobody has looked yet.
    const containers = await this.#parts.runtime.list().catch(() => this.#containers);
    if (containers.some((one) => one.name === name && one.status === 'running')) {
      await this.#alive.stopping(name, () => this.#parts.runtime.stop(name, { graceMs: 15_000 }));
    }
    await this.#reconciler.settle();
  }

  /** @throws BulkheadError SENSORD_INSTRUMENT_UNKNOWN */
  instrument(name: string): DesiredInstrument {
    return findInstrument(this.desired, name);
  }

  /** Brings the bus to what is desired, at once: whatever else is being done. The rest follows. */
  async enforceRights(): Promise<void> {
    await configureBus({ bus: this.#parts.bus, desired: () => this.desired, applied: this.#applied });
    this.#reconciler.poke();
  }

  /** Stores an event of the platform's own, in the background; a fault goes to the log. */
  publish(type: PlatformEventType, record: Record<string, unknown>): void {
    this.#parts.bus.publishPlatform(type, record).catch((error: unknown) => {
      this.#log.warn({ err: error, type }, `could not store a platform event: ${describeError(error)}`);
    });
  }

  /** Lets go: instruments, mirroring and bus go on, and the next sensord adopts them. */
  async leave(): Promise<void> {
    await this.#quiet();
    await this.#parts.bus.close();
    await this.#parts.storage.close();
  }

  /** Takes everything down. Volumes, keys and events stay on disk, locked; images stay for the next start. */
  async takeDown(): Promise<void> {
    await this.#quiet();
    await takeDownRooms(this.#parts);
  }

  async #quiet(): Promise<void> {
    this.notices.stop();
    await this.#poller.stop();
    await this.#reconciler.stop();
    this.#watching.abort();
    await Promise.all(this.#background);
  }

  async #observe(): Promise<ActualState> {
    const { runtime, network } = this.#parts;
    const looked = this.#alive.look();
    this.#containers = await listContainers(this.#parts, () => {
      this.publish('runtime.restarted', {});
    });
    if (this.#containers.some(({ status, busProxy }) => status === 'running' && !busProxy)) {
      await runtime.repairBusProxies();
    }
    const standing = await network.inspect();
    this.#served = new Set(standing.monitors.flatMap(({ fanout }) => fanout?.hostEnds ?? []));
    const actual = this.#compared(this.desired, this.#containers, standing);
    for (const [name, container] of actual.containers) this.#notice(name, container);
    looked();
    return actual;
  }

  #compared(
    desired: DesiredState,
    containers: readonly ContainerState[],
    network: NetworkState,
  ): ActualState {
    const { site, bus } = this.#parts;
    const busUp = bus.serverPid() !== undefined;
    return observed({ site, desired, containers, network, busUp, applied: this.#applied });
  }

  /** Tells the supervisor and the world about an instrument that ended, or was changed, without us. */
  #notice(name: string, container: { running: boolean; drift: readonly string[] }): void {
    if (!this.#alive.has(name)) {
      if (container.running) this.#alive.seen(name);
      return;
    }
    if (container.drift.length > 0) {
      this.#alive.delete(name);
      this.publish('instrument.drift', { instrument: name, changes: container.drift });
      this.#fail(name, `it was changed behind the sensor's back: ${container.drift.join('; ')}`);
    } else if (!container.running) {
      this.#alive.delete(name);
      this.#fail(name, 'it ended by itself');
    }
  }

  #fail(name: string, reason: string): void {
    this.#log.error({ instrument: name, reason }, 'an instrument failed');
    const held = this.#supervisor.failed(name, reason);
    this.publish(held ? 'instrument.held' : 'instrument.failed', { instrument: name, reason });
  }

  async #onUnhealthy(name: string, reason: string): Promise<void> {
    if (!this.#alive.delete(name)) return;
    this.#fail(name, reason);
    const stop = () => this.#parts.runtime.stop(name, { graceMs: 5_000 });
    await this.#alive.stopping(name, stop).catch((error: unknown) => {
      this.#log.error({ err: error, instrument: name }, 'a silent instrument could not be stopped');
    });
    this.#reconciler.poke();
  }

  #onStepFailed(step: Step, error: unknown): void {
    if (step.kind === 'startInstrument') this.#fail(step.name, describeError(error));
  }
}
