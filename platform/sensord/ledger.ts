import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  LedgerSettingsSchema,
  NameSchema,
  type LedgerLine,
  type LedgerReport,
  type LedgerSettings,
} from '../contracts/index.ts';
import { BulkheadError, describeError, linkName, parseStrict, writeFileAtomic } from '../kernel/index.ts';
import {
  advance,
  agedBy,
  deliveredTo,
  GAUGES,
  linesBetween,
  LossAgesSchema,
  LossWatch,
  NO_TOTALS,
  packetLines,
  publishLines,
  remember,
  snapshotBefore,
  SnapshotSchema,
  storeLines,
  streamLines,
  toolLines,
  TotalsSchema,
  withAge,
  type InstrumentCounts,
  type LossAges,
  type PortOwner,
  type Snapshot,
  type Totals,
} from '../network/index.ts';
import type { Feature, FeatureContext } from './feature.ts';

const LOOK_MS = 10_000;
const SNAPSHOT_MS = 60_000;
/** Snapshots lie a minute apart, so an answer may begin this much later than asked and be whole. */
const SLACK_MS = 90_000;
const DEFAULTS: LedgerSettings = LedgerSettingsSchema.parse({});

const QuerySchema = z.strictObject({
  monitor: NameSchema.optional(),
  lastS: z.coerce.number().int().min(1).max(86_400).optional(),
});

const KeptSchema = z.object({
  begunMs: z.number(),
  totals: TotalsSchema,
  history: z.array(SnapshotSchema).max(1000),
  ages: LossAgesSchema.default({}),
});

/** What the ledger needs. */
export type LedgerParts = Pick<
  FeatureContext,
  'site' | 'log' | 'rooms' | 'configuration' | 'sensor' | 'publish' | 'features'
>;

/**
 * The loss ledger: from the NIC to the stored event.
 *
 * INVARIANTS: one reading at a time; what is counted survives a restart of the sensor in the run folder, and is bounded there
 * and in memory; after `stop` nothing is read, published or written.
 */
export class LossLedger implements Feature {
  readonly name = 'loss ledger';
  readonly #parts: LedgerParts;
  readonly #watch = new LossWatch();
  /** Monitor interfaces on which every instrument saw at least once: before that, nothing can be expected. */
  readonly #seen = new Set<string>();
  readonly #counted = new Map<string, { read: number | undefined; delivered: number }>();
  #begunMs = Date.now();
  #totals: Totals = NO_TOTALS;
  #history: Snapshot[] = [];
  #ages: LossAges = {};
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #restored: Promise<void> | undefined;
  #lastSnapshotMs = -Infinity;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  routes(app: FastifyInstance): void {
    app.get('/v1/ledger', async (request) => {
      const query = parseStrict(QuerySchema, request.query, 'SENSORD_REQUEST_INVALID', 'The request');
      return this.report(query);
    });
  }

  async start(): Promise<void> {
    await this.#open();
    await this.#alone(() => this.#look());
    this.#timer = setInterval(() => {
      void this.#alone(() => this.#look());
    }, LOOK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#work;
  }

  attention(): string[] {
    return this.#watch.alarms.map(({ text }) => text);
  }

  /** What was counted in the last so many seconds, or since the monitor interfaces were attached. */
  async report(query: z.output<typeof QuerySchema>): Promise<LedgerReport> {
    this.#requireMonitor(query.monitor);
    await this.#open();
    const now = await this.#alone(() => this.#read());
    const wantedMs = query.lastS === undefined ? undefined : now.atMs - query.lastS * 1000;
    const then = wantedMs === undefined ? undefined : snapshotBefore(this.#history, wantedMs);
    const lines = then === undefined ? now.lines : linesBetween(then.lines, now.lines);
    const fromMs = then?.atMs ?? this.#begunMs;
    return {
      from: new Date(fromMs).toISOString(),
      to: new Date(now.atMs).toISOString(),
      shortened: wantedMs !== undefined && fromMs > wantedMs + SLACK_MS,
      lines: lines
        .filter(({ monitor }) => query.monitor === undefined || monitor === query.monitor)
        .map((line) => withAge(line, this.#ages, now.atMs, then === undefined && this.#hasSeen(line))),
      alarms: this.#watch.alarms.filter(
        ({ monitor }) => query.monitor === undefined || monitor === query.monitor,
      ),
    };
  }

  async #look(): Promise<void> {
    try {
      const snapshot = await this.#read();
      for (const { type, alarm } of this.#watch.look(snapshot, (line) => this.#settings(line))) {
        this.#parts.log.warn({ stage: alarm.stage, name: alarm.name, lost: alarm.lost, of: alarm.of }, type);
        this.#parts.publish(type, { ...alarm });
      }
      if (snapshot.atMs - this.#lastSnapshotMs < SNAPSHOT_MS - LOOK_MS / 2) return;
      this.#lastSnapshotMs = snapshot.atMs;
      this.#history = remember(this.#history, snapshot);
      await this.#keep();
    } catch (error) {
      this.#parts.log.warn({ err: error }, `the ledger could not be read: ${describeError(error)}`);
    }
  }

  async #read(): Promise<Snapshot> {
    const { rooms, features } = this.#parts;
    const [{ monitors }, streams] = await Promise.all([
      rooms.network.ledger(),
      rooms.bus.serverPid() === undefined ? [] : rooms.bus.streams().catch(() => []),
    ]);
    // A store that is being opened or is damaged has no lines; its feature says so under attention.
    const stores = await Promise.all(
      features().map(async (feature) => feature.storeCounts?.(streams).catch(() => []) ?? []),
    );
    const owners = this.#owners();
    const packets = monitors.flatMap((ledger) => packetLines(ledger, owners));
    const counts = this.#instrumentCounts();
    const snapshot: Snapshot = {
      atMs: Date.now(),
      lines: [
        ...packets,
        ...counts.flatMap((one) => toolLines(one, packets, this.#countedAt(one, packets))),
        ...counts.flatMap(publishLines),
        ...streamLines(streams),
        ...storeLines(stores.flat()),
      ],
    };
    // Before sight is noted: what was lost until an instrument saw for the first time is of the start.
    this.#ages = agedBy(this.#ages, snapshot, (line) => !this.#hasSeen(line));
    for (const { name } of this.#parts.configuration.desired.monitors) this.#noteSight(name);
    return snapshot;
  }

  /** Counters of `health` begin anew with every program; here they are summed up. */
  #instrumentCounts(): InstrumentCounts[] {
    const { configuration, sensor } = this.#parts;
    return configuration.desired.instruments.map(({ name: instrument }) => {
      const { counters } = sensor.poller.health(instrument);
      const raw = Object.entries(counters)
        .filter(([name]) => !GAUGES.includes(name))
        .map(([name, value]) => ({ source: instrument, name: `${instrument} ${name}`, value }));
      this.#totals = advance(this.#totals, raw);
      const mine = Object.entries(this.#totals.total).filter(([key]) => key.startsWith(`${instrument} `));
      return {
        instrument,
        totals: Object.fromEntries(mine.map(([key, value]) => [key.slice(instrument.length + 1), value])),
        gauges: Object.fromEntries(GAUGES.map((name) => [name, counters[name] ?? 0])),
      };
    });
  }

  /** Copies delivered to an instrument when its own counters last changed. */
  #countedAt({ instrument, totals }: InstrumentCounts, packets: readonly LedgerLine[]): number {
    const read = totals['capture.kernel_packets'];
    const known = this.#counted.get(instrument);
    if (known !== undefined && known.read === read) return known.delivered;
    const delivered = deliveredTo(instrument, packets);
    this.#counted.set(instrument, { read, delivered });
    return delivered;
  }

  #owners(): Map<string, PortOwner> {
    const { configuration, site } = this.#parts;
    return new Map(
      configuration.desired.instruments.flatMap(({ name, ports }) =>
        ports.map(({ name: port, filter }) => [
          linkName(site, 'm', `${name}/${port}`),
          { instrument: name, port, filter: filter === 'all' ? undefined : filter.ports },
        ]),
      ),
    );
  }

  #noteSight(monitor: string): void {
    const { configuration, sensor } = this.#parts;
    const mine = configuration.desired.instruments.filter(
      ({ enabled, ports }) => enabled && ports.some((port) => port.monitor === monitor),
    );
    if (mine.every(({ name }) => sensor.poller.health(name).state === 'ok')) this.#seen.add(monitor);
  }

  #hasSeen({ monitor }: LedgerLine): boolean {
    return monitor === undefined || this.#seen.has(monitor);
  }

  #settings(line: LedgerLine): LedgerSettings | undefined {
    const { monitor } = line;
    if (monitor === undefined) return DEFAULTS;
    if (!this.#hasSeen(line)) return undefined;
    const { monitorInterfaces } = this.#parts.configuration.inUse.config;
    return monitorInterfaces.find(({ name }) => name === monitor)?.ledger;
  }

  #requireMonitor(monitor: string | undefined): void {
    if (monitor === undefined) return;
    const known = this.#parts.configuration.desired.monitors.map(({ name }) => name);
    if (known.includes(monitor)) return;
    throw new BulkheadError({
      code: 'NETWORK_MONITOR_UNKNOWN',
      message: `The monitor interface ${monitor} is not attached.`,
      hint: `There ${known.length === 1 ? 'is' : 'are'}: ${known.join(', ') || 'none'}.`,
      fields: { monitor },
    });
  }

  /** Once, for whoever comes first: people ask before the feature is started. */
  #open(): Promise<void> {
    this.#restored ??= this.#restore();
    return this.#restored;
  }

  async #restore(): Promise<void> {
    const text = await readFile(this.#file(), 'utf8').catch(() => undefined);
    if (text === undefined) return;
    try {
      const kept = KeptSchema.parse(JSON.parse(text));
      this.#begunMs = kept.begunMs;
      this.#totals = kept.totals;
      this.#history = kept.history;
      this.#ages = kept.ages;
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'the history of the ledger cannot be read; it begins anew');
    }
  }

  async #keep(): Promise<void> {
    const kept = { begunMs: this.#begunMs, totals: this.#totals, history: this.#history, ages: this.#ages };
    await writeFileAtomic(this.#file(), JSON.stringify(kept));
  }

  #file(): string {
    return join(this.#parts.site.runDir, 'ledger', 'history.json');
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(work);
    this.#work = result.catch(() => undefined);
    return result;
  }
}

/** Every packet and every event accounted for, or shown as lost and where. */
export function lossLedger(context: FeatureContext): Feature {
  return new LossLedger(context);
}
