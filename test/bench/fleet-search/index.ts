import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventFilter } from '@bulkhead/fleet-api';
import { SqliteEventStore, type IncomingMessage } from '@bulkhead/fleet-server/events';
import { openLog } from '@bulkhead/platform/kernel';
import { sqliteBinding } from '../../support/event-store.ts';
import { bundleFleetEventsWorker } from '../../support/fleet/event-bench.ts';
import type { Bench, BenchContext, Figure, Measurement } from '../result.ts';
import { eveBody, MIX, population, random, SIZES, zipf } from '../search/traffic.ts';

/** Records in the store; `BULKHEAD_BENCH_EVENTS` for a quick look. */
const EVENTS = Number(process.env['BULKHEAD_BENCH_EVENTS'] ?? 10_000_000);
/** Folder of a store that is filled once and asked again and again; default: a new one that goes afterwards. */
const KEPT = process.env['BULKHEAD_BENCH_STORE'];
const SENSORS = 100;
const DAYS = 14;
const PACK = 28;
const BATCH = 500;
const TIMES = 25;
const PAGE_EVENTS = 50;
const BEGIN_MS = Date.UTC(2026, 2, 2);
const SPAN_MS = DAYS * 86_400_000;

type Question = (next: () => number) => EventFilter;

/** What people of a fleet ask for: of all sensors, of some, by what stands in the record, in any stretch of time. */
const QUESTIONS: Readonly<Record<string, Question>> = {
  newest: () => ({}),
  time: (next) => window(next),
  sensor: (next) => ({ ...window(next), sensors: [sensorId(zipf(next, SENSORS))] }),
  sensor_type: (next) => ({ sensors: [sensorId(zipf(next, SENSORS))], types: ['alert'] }),
  type: (next) => ({ ...window(next), types: [typeAt(next())] }),
  severity: (next) => ({ ...window(next), severity: next() < 0.5 ? 'high' : 'low' }),
  unhandled: (next) => ({ ...window(next), severity: 'high', handled: 'no' }),
  address: (next) => ({ address: population.inside(zipf(next, SIZES.inside)) }),
  address_sensor: (next) => ({
    address: population.outside(zipf(next, SIZES.outside)),
    sensors: [sensorId(zipf(next, SENSORS))],
  }),
  network: (next) => ({ ...window(next), address: `198.18.${String(Math.floor(next() * 156))}.0/22` }),
  name: (next) => ({ name: population.name(zipf(next, SIZES.names)) }),
  signature: (next) => ({ signature: String(population.signature(zipf(next, SIZES.signatures)).id) }),
  text: (next) => ({
    text: ['curl', 'download setup', 'Example CA', 'report', 'nowhere'][Math.floor(next() * 5)],
  }),
};

export const bench: Bench = {
  name: 'fleet-search',
  title: `search, histogram and facets over ${EVENTS.toLocaleString('en-US')} events of ${String(SENSORS)} sensors in the fleet`,
  timeoutMs: 5_400_000,
  run,
};

async function run(context: BenchContext): Promise<Measurement> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-bench-fleet-search-'));
  let store: SqliteEventStore | undefined;
  try {
    store = await SqliteEventStore.open({
      dir: KEPT ?? join(dir, 'events'),
      workerFile: await bundleFleetEventsWorker(dir, context.root),
      nativeBinding: sqliteBinding(context.root),
      keeping: () => ({ retentionDays: 3650, storeMib: 1_048_576 }),
      log: openLog('events', 'silent'),
    });
    const figures: Figure[] = [];
    const { records } = await store.report();
    if (records < EVENTS) {
      const seconds = await fill(store, context);
      figures.push({ name: 'insert_rate', value: EVENTS / seconds, unit: 'records/s' });
    }
    const { bytes } = await store.report();
    figures.push({ name: 'bytes_per_event', value: bytes / EVENTS, unit: 'bytes' });
    await measure(store, context, figures);
    return {
      figures,
      targets: [
        { figure: 'page_p95', max: 300 },
        { figure: 'histogram_p95', max: 300 },
        { figure: 'facets_p95', max: 300 },
      ],
      notes: [
        `${String(DAYS)} days of events, ${String(TIMES)} pages of ${String(PAGE_EVENTS)}, histograms and facets by each of ${String(Object.keys(QUESTIONS).length)} kinds of question, random values and windows`,
        'p95 are over all kinds together; answers that ended early, estimate or were sampled are counted as incomplete',
      ],
    };
  } finally {
    await store?.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Through the store's own way in; as if all sensors had sent in turns. @returns seconds */
async function fill(store: SqliteEventStore, { progress, signal }: BenchContext): Promise<number> {
  const next = random(11);
  const messages = Math.ceil(EVENTS / PACK);
  const sequences = new Map<string, number>();
  const started = performance.now();
  let told = started;
  let storing: Promise<unknown> = Promise.resolve();
  let batch: IncomingMessage[] = [];
  for (let n = 1; n <= messages; n += 1) {
    signal.throwIfAborted();
    const timeMs = Math.floor(BEGIN_MS + (SPAN_MS * n) / messages);
    const type = typeAt(next());
    const sensor = sensorId(zipf(next, SENSORS));
    const sequence = (sequences.get(sensor) ?? 0) + 1;
    sequences.set(sensor, sequence);
    const count = Math.min(PACK, EVENTS - (n - 1) * PACK);
    batch.push({
      ...{ sensor, instrument: 'suricata', type, stream: 'S_suricata', streamCreated: 'bench' },
      ...{ sequence, previous: sequence - 1, storedAt: timeMs, receivedAt: timeMs },
      ...{ ceId: `b${String(n)}`, ceTime: new Date(timeMs).toISOString() },
      body: eveBody(next, type, timeMs, count),
    });
    if (batch.length < BATCH && n < messages) continue;
    // The next batch is made while the thread stores this one.
    await storing;
    storing = store.insert(batch);
    batch = [];
    if (performance.now() - told > 30_000) {
      told = performance.now();
      progress(`${(n * PACK).toLocaleString('en-US')} of ${EVENTS.toLocaleString('en-US')} events stored`);
    }
  }
  await storing;
  return (performance.now() - started) / 1000;
}

async function measure(
  store: SqliteEventStore,
  { progress, signal }: BenchContext,
  figures: Figure[],
): Promise<void> {
  const next = random(23);
  let incomplete = 0;
  const works: Record<string, (filter: EventFilter) => Promise<boolean>> = {
    page: async (filter) =>
      (await store.search({ filter, sensors: undefined }, { limit: PAGE_EVENTS })).complete,
    histogram: async (filter) =>
      (await store.histogram({ filter, sensors: undefined }, { buckets: 60, by: 'severity' })).complete,
    facets: async (filter) =>
      (await store.facets({ filter, sensors: undefined }, { limit: 10 })).sampled.length === 0,
  };
  for (const [name, work] of Object.entries(works)) {
    const all: number[] = [];
    for (const [kind, question] of Object.entries(QUESTIONS)) {
      const took: number[] = [];
      for (let n = 0; n < TIMES; n += 1) {
        signal.throwIfAborted();
        const filter = question(next);
        const before = performance.now();
        if (!(await work(filter))) incomplete += 1;
        took.push(performance.now() - before);
      }
      all.push(...took);
      progress(
        `${name} ${kind}: p50 ${percentile(took, 0.5).toFixed(1)} ms, p95 ${percentile(took, 0.95).toFixed(1)} ms`,
      );
      figures.push({ name: `${name}_${kind}_p95`, value: percentile(took, 0.95), unit: 'ms' });
    }
    figures.push({ name: `${name}_p50`, value: percentile(all, 0.5), unit: 'ms' });
    figures.push({ name: `${name}_p95`, value: percentile(all, 0.95), unit: 'ms' });
  }
  figures.push({ name: 'incomplete_answers', value: incomplete, unit: 'count' });
}

/** A random stretch of an hour to all of it. */
function window(next: () => number): EventFilter {
  const lengthMs = Math.max(3_600_000, SPAN_MS * next() ** 3);
  const from = BEGIN_MS + next() * (SPAN_MS - lengthMs);
  return { since: new Date(from).toISOString(), until: new Date(from + lengthMs).toISOString() };
}

function sensorId(n: number): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  return `s_benchbenchbenc${letters.charAt(Math.floor(n / 26))}${letters.charAt(n % 26)}`;
}

function typeAt(at: number): string {
  let sum = 0;
  return MIX.find(([, share]) => (sum += share) >= at)?.[0] ?? 'flow';
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
