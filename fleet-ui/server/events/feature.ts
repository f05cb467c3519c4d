import type { Database } from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline, type Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttentionItem, EventStatus, FleetEvent } from '@bulkhead/fleet-api';
import { BulkheadError, describeError, type Logger } from '@bulkhead/platform/kernel';
import type { FleetFeature } from '../web/index.ts';
import { contextRoutes } from './context-routes.ts';
import { suppressionRoutes } from './desk/routes-suppressions.ts';
import { viewRoutes } from './desk/routes-views.ts';
import { Suppressions } from './desk/suppressions.ts';
import { Views } from './desk/views.ts';
import { FairShare } from './hub/fair-share.ts';
import { Hub } from './hub/hub.ts';
import { HUB_NAMES, type HubCluster } from './hub/hub-config.ts';
import { Ingest } from './ingest/ingest.ts';
import { LiveEvents } from './live.ts';
import { eventRoutes } from './routes.ts';
import type { RuleManagers } from './rule-text.ts';
import type { FleetEventStore } from './store/event-store.ts';
import type { IncomingMessage } from './store/message.ts';
import type { StoreReport } from './store/reader.ts';
import { SqliteEventStore } from './store/sqlite-store.ts';
import { WORKER_FILE } from './store/thread.ts';
import { Throttle, type Gate } from './throttle.ts';

/** What the events of a fleet need. */
export interface FleetEventsParts {
  stateDir: string;
  /** Path of nats-server, 2.12 or later. */
  natsServer: string;
  /** Folder of the program, where the store's thread lies beside it. */
  programDir: string;
  /** Read again at each use: it may change while the fleet runs. */
  keeping: Readonly<{ retentionDays: number; storeMib: number }>;
  /** Copies of what the hub holds (1, or 3 with three servers), and how much it may hold. */
  replicas: number;
  bufferMib: number;
  cluster?: HubCluster | undefined;
  log: Logger;
  /** The fleet's database, with EVENTS_MIGRATIONS: what people made. */
  db: Database;
  /** For the text of rules: the sensors' instruments, and the way to them. */
  ruleManagers: RuleManagers;
  /** How people call a sensor. */
  nameOf: (sensor: string) => string | undefined;
  /** Another store than the one on this machine. */
  openStore?: (() => Promise<FleetEventStore>) | undefined;
  /** Called when anybody's rights or sessions changed. */
  onRightsChange?: ((listener: () => void) => void) | undefined;
}

/** The events of a fleet, for its composition root. */
export interface FleetEvents {
  feature: FleetFeature;
  /** Bytes of a sensor's leaf connection; who the sensor is was proved by its certificate. */
  uplink(sensor: string, stream: Duplex, publicKey: string): void;
  /** Shuts sensors out that are no more, or are revoked. */
  forget(sensors: readonly string[]): Promise<void>;
  /** Called with every event of a wanted message that comes in (for notifications). Returns how to stop. */
  onEvent(listener: (event: FleetEvent) => void, wants?: (message: IncomingMessage) => boolean): () => void;
  status(): Promise<EventStatus>;
  /** Where events lie. @throws BulkheadError FLEET_EVENTS_STORE_UNAVAILABLE while it is not open */
  store(): FleetEventStore;
  /** What has arrived and is not in the store yet. @throws while the hub does not answer */
  buffer(): Promise<{ messages: number; bytes: number; oldestMs: number | undefined }>;
}

const UPKEEP_MS = 30_000;
const BUFFER_MS = 3_000;
const MEASURE_MS = 1_000;
/** Of one sensor: about 10,000 events, and far less than the store takes in. */
const UPLINK_BYTES_PER_S = 8 * 1024 * 1024;
/** What is missing may still be on its way. */
const HOLE_SHOWN_MS = 10 * 60_000;

/** Hub, ingestion, store and routes, joined. Nothing is started. */
export function fleetEvents(parts: FleetEventsParts): FleetEvents {
  return new Events(parts);
}

/**
 * INVARIANTS: `start` once, then `stop` once, also when `start` failed half way. The store is open before anything is taken in, and
 * is closed after the last batch was stored.
 */
class Events implements FleetEvents {
  readonly feature: FleetFeature;
  readonly #parts: FleetEventsParts;
  readonly #suppressions: Suppressions;
  readonly #live: LiveEvents;
  readonly #ending = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #shares: FairShare;
  #store: FleetEventStore | undefined;
  #hub: Hub | undefined;
  #ingest: Ingest | undefined;
  #report: StoreReport | undefined;
  #doubtedDays = 0;
  #upkeepFault: string | undefined;

  constructor(parts: FleetEventsParts) {
    this.#parts = parts;
    this.#shares = new FairShare(parts.bufferMib * 1024 * 1024);
    this.#suppressions = new Suppressions(parts.db);
    this.#live = new LiveEvents(this.#suppressions);
    const suppressions = this.#suppressions;
    const store = (): FleetEventStore => this.#opened();
    this.feature = {
      name: 'events',
      start: () => this.#start(),
      stop: () => this.#stop(),
      attention: () => this.#attention(),
      routes: (app) => {
        const [status, acceptClock] = [() => this.status(), () => this.#acceptClock()];
        eventRoutes(app, { store, live: this.#live, status, acceptClock, suppressions });
        contextRoutes(app, { store, suppressions, ruleManagers: parts.ruleManagers });
        suppressionRoutes(app, { store, suppressions });
        viewRoutes(app, new Views(parts.db));
      },
    };
  }

  uplink(sensor: string, stream: Duplex, publicKey: string): void {
    const { log } = this.#parts;
    stream.on('error', () => undefined);
    const connecting =
      this.#hub?.connect(sensor, publicKey) ?? Promise.reject(new Error('the hub is not open'));
    connecting.then(
      (socket) => {
        stream.once('close', () => socket.destroy());
        socket.once('close', () => stream.destroy());
        const ignore = (): void => undefined;
        const gate: Gate = (bytes, go) => this.#shares.enter(sensor, bytes, go);
        pipeline(stream, new Throttle(UPLINK_BYTES_PER_S, gate), socket, ignore);
        pipeline(socket, stream, ignore);
      },
      (error: unknown) => {
        log.info({ sensor, reason: describeError(error) }, 'an uplink is not let in');
        stream.destroy();
      },
    );
  }

  async forget(sensors: readonly string[]): Promise<void> {
    await this.#hub?.forget(sensors);
  }

  onEvent(listener: (event: FleetEvent) => void, wants?: (message: IncomingMessage) => boolean): () => void {
    return this.#live.onEvent(listener, wants);
  }

  store(): FleetEventStore {
    return this.#opened();
  }

  async buffer(): Promise<{ messages: number; bytes: number; oldestMs: number | undefined }> {
    if (this.#hub === undefined) throw new Error('the hub is not open');
    const { manager } = await this.#hub.clients(AbortSignal.timeout(BUFFER_MS));
    const { messages, bytes, first_ts: first } = (await manager.streams.info(HUB_NAMES.stream)).state;
    return { messages, bytes, oldestMs: messages === 0 ? undefined : Date.parse(first) };
  }

  async status(): Promise<EventStatus> {
    const report = await this.#opened().report();
    const linked = new Set(this.#hub?.linked);
    const time = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
    const known = report.sensors.map(({ sensor, records, newestMs, holes, droppedBySensor }) => ({
      ...{ sensor, linked: linked.has(sensor), records, newest: time(newestMs), holes, droppedBySensor },
    }));
    const silent = [...linked]
      .filter((sensor) => known.every((one) => one.sensor !== sensor))
      .map((sensor) => ({
        sensor,
        linked: true,
        records: 0,
        newest: undefined,
        holes: 0,
        droppedBySensor: 0,
      }));
    return {
      records: report.records,
      bytes: report.bytes,
      ...this.#parts.keeping,
      oldest: time(report.oldestMs),
      newest: time(report.newestMs),
      ...(this.#doubtedDays >= 1 ? { doubtedDays: Math.round(this.#doubtedDays) } : {}),
      dropped: { ...report.dropped, ...this.#ingest?.faults() },
      sensors: [...known, ...silent],
    };
  }

  async #acceptClock(): Promise<void> {
    await this.#opened().believeClock();
    this.#doubtedDays = 0;
  }

  async #start(): Promise<void> {
    const { stateDir, natsServer, log, cluster, replicas, bufferMib, onRightsChange } = this.#parts;
    this.#store = await (this.#parts.openStore ?? (() => this.#openSqlite()))();
    this.#hub = await Hub.open({ dir: join(stateDir, 'nats'), natsServer, log, cluster });
    this.#ingest = new Ingest({
      ...{ hub: this.#hub, store: this.#store, replicas, bufferMib, log },
      onStored: (messages, ids) => {
        this.#live.stored(messages, ids);
      },
      onTaken: (sensor, bytes) => {
        this.#shares.taken(sensor, bytes);
      },
    });
    this.#live.start();
    onRightsChange?.(() => {
      this.#live.judgeAgain();
    });
    const { signal } = this.#ending;
    this.#running.push(this.#ingest.run(signal), this.#keep(signal), this.#measure(this.#hub, signal));
  }

  /** How full the hub is, for the shares of sensors. Not while it does not answer: then nobody brings anything either. */
  async #measure(hub: Hub, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const { manager } = await hub.clients(signal);
        this.#shares.measured((await manager.streams.info(HUB_NAMES.stream)).state.bytes);
      } catch (error) {
        this.#parts.log.debug({ reason: describeError(error) }, 'the hub does not say how full it is');
      }
      await sleep(MEASURE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #stop(): Promise<void> {
    this.#ending.abort();
    this.#live.stop();
    await Promise.all(this.#running);
    this.#suppressions.flush();
    await this.#hub?.close();
    await this.#store?.close();
    this.#store = undefined;
  }

  async #openSqlite(): Promise<FleetEventStore> {
    const { stateDir, programDir, keeping, log } = this.#parts;
    const binding = join(programDir, 'better_sqlite3.node');
    return SqliteEventStore.open({
      dir: join(stateDir, 'events'),
      workerFile: join(programDir, WORKER_FILE),
      nativeBinding: existsSync(binding) ? binding : undefined,
      keeping: () => ({ retentionDays: keeping.retentionDays, storeMib: keeping.storeMib }),
      log,
    });
  }

  async #keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const store = this.#opened();
        this.#doubtedDays = (await store.upkeep()).doubtedDays;
        this.#report = await store.report();
        this.#suppressions.flush();
        this.#upkeepFault = undefined;
      } catch (error) {
        this.#upkeepFault = describeError(error);
        this.#parts.log.warn({ reason: this.#upkeepFault }, 'upkeep of the event store did not succeed');
      }
      await sleep(UPKEEP_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #opened(): FleetEventStore {
    if (this.#store !== undefined) return this.#store;
    throw new BulkheadError({
      code: 'FLEET_EVENTS_STORE_UNAVAILABLE',
      message: 'The event store is not open.',
    });
  }

  #attention(): AttentionItem[] {
    const items: AttentionItem[] = [];
    const add = (id: string, severity: AttentionItem['severity'], title: string, text: string): void => {
      items.push({ id: `events:${id}`, severity, title, text, link: '/settings' });
    };
    const fault = this.#hub?.fault ?? this.#ingest?.fault ?? this.#upkeepFault;
    if (fault !== undefined) {
      const text = `${fault}. Sensors keep their events meanwhile and bring them when it works again.`;
      add('fault', 'critical', 'Events are not taken in', text.slice(0, 1000));
    }
    for (const sensor of this.#shares.held) {
      const text =
        'The fleet takes in less than it sends, so it waits and keeps its events meanwhile; the others are not held up. If that lasts, see what it sends so much of, and choose what it sends to the fleet.';
      items.push({
        ...{ id: `events:held:${sensor}`, severity: 'info', sensor, link: `/sensors/${sensor}`, text },
        title: `${this.#parts.nameOf(sensor) ?? sensor} sends more events than its share`,
      });
    }
    if (this.#doubtedDays >= 1) {
      const days = String(Math.round(this.#doubtedDays));
      const text = `It says ${days} days more than is believed: events do not grow old by them. Set the clock; if it is right, confirm it.`;
      add('clock', 'warning', 'The clock of the fleet is in doubt', text);
    }
    const now = Date.now();
    for (const { sensor, holes, holeSince, droppedBySensor } of this.#report?.sensors ?? []) {
      const name = this.#parts.nameOf(sensor) ?? sensor;
      if (holes > 0 && holeSince !== undefined && now - holeSince > HOLE_SHOWN_MS) {
        items.push({
          ...{ id: `events:holes:${sensor}`, severity: 'warning', sensor, link: `/sensors/${sensor}` },
          title: `Events of ${name} are missing`,
          text: `${String(holes)} parts of what it sent have not arrived. They may still be on the sensor: search there.`,
        });
      }
      if (droppedBySensor > 0) {
        items.push({
          ...{ id: `events:dropped:${sensor}`, severity: 'info', sensor, link: `/sensors/${sensor}` },
          title: `${name} dropped events before the fleet had them`,
          text: `${String(droppedBySensor)} messages, because it was away for too long or has too little room. The sensor's own store may still hold them.`,
        });
      }
    }
    return items;
  }
}
