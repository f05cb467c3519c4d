import { release } from 'node:os';
import type { FastifyInstance } from 'fastify';
import { PLATFORM, type SensorStatus, type StoredEvent } from '../contracts/index.ts';
import { describeError, linkName, sitePaths, type Logger, type Site } from '../kernel/index.ts';
import { DataSources } from '../data/index.ts';
import { openEventQuery, type EventQuery } from '../events/index.ts';
import type { ApiParts, EventFilter } from './api.ts';
import { ConfigChanges, type ChangeTarget } from './config-change.ts';
import type { Configuration } from './configuration.ts';
import type { DesiredInstrument } from './desired.ts';
import { DetectionChecks } from './detection-checks.ts';
import { EventCounts, WATCHED_TYPES } from './event-counts.ts';
import { readEvents } from './event-stream.ts';
import { FeatureSet, openFeatures } from './features.ts';
import type { Rooms } from './open-rooms.ts';
import type { Loss, MonitorLedger } from './rooms.ts';
import type { Sensor } from './sensor.ts';
import { isServed, sensorStatus } from './status.ts';
import { SENSORD_VERSION } from './version.ts';

/** What the service joins. */
export interface ServiceParts {
  site: Site;
  log: Logger;
  rooms: Rooms;
  configuration: Configuration;
  sensor: Sensor;
}

/**
 * The running sensor with its checks and its counts, as the local API offers it.
 *
 * INVARIANTS: `start` once, then one of `leave` and `takeDown`; changes of the configuration run one after another.
 */
export class SensorService {
  readonly #parts: ServiceParts;
  readonly #startedAt = new Date();
  readonly #counts = new EventCounts();
  readonly #checks: DetectionChecks;
  readonly #query: EventQuery;
  readonly #features: FeatureSet;
  readonly #ending = new AbortController();
  /** Losses at the moment when every instrument on a monitor interface saw for the first time. */
  readonly #lostBefore = new Map<string, readonly Loss[]>();
  /** What each monitor interface had lost in all when that was more than before, and when. */
  readonly #lostLast = new Map<string, { packets: number; atMs: number }>();
  readonly #changes: ConfigChanges;
  /** Between start and end: a change of the configuration may be brought in force before and after. */
  #checking = false;
  #watching: Promise<void> | undefined;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    const { rooms, sensor, configuration, log } = parts;
    this.#query = openEventQuery({
      source: rooms.bus,
      onFault: (fault) => {
        log.warn({ fault }, 'a stored record could not be read and was left out');
      },
    });
    this.#checks = new DetectionChecks({
      settings: () => configuration.desired.detectionCheck,
      monitors: () => configuration.desired.monitors.map(({ name }) => name),
      inject: (monitor, frame) => rooms.network.inject(monitor, frame),
      publish: (type, record) => {
        sensor.publish(type, record);
      },
      ledger: async () => (await rooms.network.ledger()).monitors,
      ready: () => configuration.desired.monitors.every(({ name }) => this.#sees(name)),
    });
    this.#changes = new ConfigChanges({
      log,
      configuration,
      target: this.#changeTarget(),
      checkDevice: (device) => rooms.network.checkDevice(device),
      publish: (type, record) => {
        sensor.publish(type, record);
      },
      onChanged: () => {
        if (this.#checking) this.#checks.refresh();
      },
    });
    this.#features = new FeatureSet(
      openFeatures({
        ...parts,
        query: this.#query,
        publish: (type, record) => {
          sensor.publish(type, record);
        },
        status: () => this.status(),
        changes: this.#changes,
        data: new DataSources(),
      }),
      log,
    );
  }

  async start(): Promise<void> {
    const { sensor, configuration } = this.#parts;
    await sensor.start();
    sensor.publish('sensor.started', { sensor: configuration.desired.sensor, version: SENSORD_VERSION });
    const onEvent = (event: StoredEvent) => {
      this.#counts.count(event);
      this.#checks.onEvent(event);
    };
    this.#watching = this.#query
      .tail({ types: [...WATCHED_TYPES] }, onEvent, this.#ending.signal)
      .catch((error: unknown) => {
        this.#parts.log.error({ err: error }, `stored events cannot be watched: ${describeError(error)}`);
      });
    this.#checking = true;
    this.#checks.refresh();
    await this.#features.start();
  }

  async reload(): Promise<{ changed: boolean }> {
    return this.#changes.reload();
  }

  async leave(): Promise<void> {
    await this.#quiet();
    await this.#parts.sensor.leave();
  }

  async takeDown(): Promise<void> {
    await this.#quiet();
    await this.#parts.sensor.takeDown();
  }

  /** What the local API answers. */
  api(): Omit<ApiParts, 'log' | 'shutdown'> {
    const { sensor, rooms } = this.#parts;
    return {
      status: () => this.status(),
      instrumentLog: async (name, lines) => {
        sensor.instrument(name);
        const exists = (await rooms.runtime.list()).some((container) => container.name === name);
        return exists ? rooms.runtime.log(name, { lines }) : [];
      },
      restart: (name) => sensor.restart(name),
      reload: () => this.reload(),
      events: (filter, signal) => this.#events(filter, signal),
      routes: this.#features.all.flatMap((feature) =>
        feature.routes === undefined ? [] : [(app: FastifyInstance) => feature.routes?.(app)],
      ),
    };
  }

  async status(): Promise<SensorStatus> {
    const { sensor, rooms, configuration } = this.#parts;
    const busUp = rooms.bus.serverPid() !== undefined;
    const [ledger, network, streams] = await Promise.all([
      rooms.network.ledger(),
      rooms.network.inspect(),
      busUp ? rooms.bus.streams().catch(() => []) : [],
    ]);
    this.#noteFirstSight(ledger.monitors);
    this.#noteGrowth(ledger.monitors);
    return sensorStatus({
      version: SENSORD_VERSION,
      versions: {
        node: process.versions.node,
        kernel: release(),
        lxd: rooms.lxdVersion,
        ...configuration.versions,
      },
      startedAt: this.#startedAt,
      configuration: configuration.state,
      desired: sensor.desired,
      containers: sensor.containers,
      standing: (name) => sensor.supervisor.standing(name),
      health: (name) => sensor.poller.health(name),
      served: sensor.served,
      hostEnd: (instrument, port) => this.#hostEnd(instrument, port),
      pageSocket: sitePaths(this.#parts.site).pageSocket,
      bus: { up: busUp, version: rooms.bus.serverVersion(), restarts: sensor.busRestarts },
      ledgers: ledger.monitors,
      lostBefore: (monitor) => this.#lostBefore.get(monitor),
      lostAgoS: (monitor) => this.#lostAgoS(monitor),
      watching: new Set(
        network.monitors.filter(({ up, faults }) => up && faults.length === 0).map((m) => m.monitor),
      ),
      check: (monitor) => this.#checks.status(monitor),
      moreOfMonitor: (monitor) => this.#features.monitor(monitor),
      moreOfInstrument: (name) => this.#features.instrument(name),
      machine: this.#features.machine(),
      counts: this.#counts,
      moreAttention: this.#features.attention(),
      storedMessages: streams
        .filter(({ instrument }) => instrument !== PLATFORM)
        .reduce((sum, { messages }) => sum + messages, 0),
    });
  }

  #noteFirstSight(ledgers: readonly MonitorLedger[]): void {
    for (const { monitor, lost } of ledgers) {
      if (!this.#lostBefore.has(monitor) && this.#sees(monitor)) this.#lostBefore.set(monitor, lost);
    }
  }

  #noteGrowth(ledgers: readonly MonitorLedger[]): void {
    for (const { monitor, lost } of ledgers) {
      const packets = lost.reduce((sum, loss) => sum + loss.packets, 0);
      const known = this.#lostLast.get(monitor);
      if (packets > (known?.packets ?? 0)) this.#lostLast.set(monitor, { packets, atMs: performance.now() });
      else if (known !== undefined) this.#lostLast.set(monitor, { ...known, packets });
    }
  }

  #lostAgoS(monitor: string): number | undefined {
    const known = this.#lostLast.get(monitor);
    return known === undefined ? undefined : Math.round((performance.now() - known.atMs) / 1000);
  }

  /** Every enabled instrument on this monitor interface is healthy. */
  #sees(monitor: string): boolean {
    const { configuration, sensor } = this.#parts;
    return configuration.desired.instruments
      .filter(({ enabled, ports }) => enabled && ports.some((port) => port.monitor === monitor))
      .every(
        (instrument) => sensor.poller.health(instrument.name).state === 'ok' && this.#isServed(instrument),
      );
  }

  #isServed(instrument: DesiredInstrument): boolean {
    const { served } = this.#parts.sensor;
    return isServed({ served, hostEnd: (name, port) => this.#hostEnd(name, port) }, instrument);
  }

  #changeTarget(): ChangeTarget {
    const { sensor } = this.#parts;
    return {
      get containers() {
        return sensor.containers;
      },
      health: (name) => sensor.poller.health(name),
      standing: (name) => sensor.supervisor.standing(name),
      served: (instrument) => this.#isServed(instrument),
      failing: () => sensor.failing(),
      release: (name) => {
        sensor.release(name);
      },
      settle: () => sensor.settle(),
      foresee: (desired) => sensor.foresee(desired),
    };
  }

  #hostEnd(instrument: string, port: string): string {
    return linkName(this.#parts.site, 'm', `${instrument}/${port}`);
  }

  #events(filter: EventFilter, signal: AbortSignal): AsyncIterable<StoredEvent> {
    return readEvents(
      this.#parts.rooms.bus,
      this.#query,
      filter,
      AbortSignal.any([signal, this.#ending.signal]),
    );
  }

  async #quiet(): Promise<void> {
    this.#parts.sensor.publish('sensor.stopping', {});
    this.#checking = false;
    this.#checks.stop();
    this.#changes.stop();
    await this.#features.stop();
    this.#ending.abort();
    await this.#watching;
  }
}
