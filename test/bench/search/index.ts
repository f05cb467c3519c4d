import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStore, type SearchFilter } from '@bulkhead/platform/events';
import { openLog } from '@bulkhead/platform/kernel';
import { bundleStoreWorker, sqliteBinding, TestClock } from '../../support/event-store.ts';
import type { Bench, BenchContext, Figure, Measurement } from '../result.ts';
import { eveBody, MIX, population, random, SIZES, zipf } from './traffic.ts';

/** Records in the store; `BULKHEAD_BENCH_EVENTS` for a quick look. */
const EVENTS = Number(process.env['BULKHEAD_BENCH_EVENTS'] ?? 10_000_000);
/** Folder of a store that is filled once and asked again and again; default: a new one that goes afterwards. */
const KEPT = process.env['BULKHEAD_BENCH_STORE'];
const DAYS = 14;
const PACK = 28;
const PAGES = 40;
const HISTOGRAMS = 25;
const PAGE_EVENTS = 100;
const BEGIN_MS = Date.UTC(2026, 2, 2);
const SPAN_MS = DAYS * 86_400_000;

type Question = (next: () => number) => SearchFilter;

/** A random window of an hour to all of it. */
function window(next: () => number): SearchFilter {
  const lengthMs = Math.max(3_600_000, SPAN_MS * next() ** 3);
  const from = BEGIN_MS + next() * (SPAN_MS - lengthMs);
  return { since: new Date(from).toISOString(), until: new Date(from + lengthMs).toISOString() };
}

const PAGE_KINDS: Readonly<Record<string, Question>> = {
  newest: () => ({}),
  time: (next) => window(next),
  type: (next) => ({ ...window(next), types: [pick(next, MIX)[0]] }),
  severity: (next) => ({ ...window(next), severity: next() < 0.5 ? 'high' : 'low' }),
  address: (next) => ({ address: population.inside(zipf(next, SIZES.inside)) }),
  address_outside_time: (next) => ({
    ...window(next),
    address: population.outside(zipf(next, SIZES.outside)),
  }),
  network: (next) => ({ ...window(next), address: `198.18.${String(Math.floor(next() * 156))}.0/22` }),
  name: (next) => ({ name: population.name(zipf(next, SIZES.names)) }),
  name_below: (next) => ({ ...window(next), name: `*.zone-${String(zipf(next, SIZES.names / 12))}.example` }),
  signature: (next) => ({ signature: String(population.signature(zipf(next, SIZES.signatures)).id) }),
  signature_text: (next) => ({
    ...window(next),
    signature: `rule ${String(zipf(next, SIZES.signatures))} outbound`,
  }),
  text: (next) => ({
    text: pick(next, ['curl', 'download setup', 'pacs viewer', 'Example CA', 'report', 'nowhere']),
  }),
  type_address: (next) => ({ types: ['alert'], address: population.inside(zipf(next, SIZES.inside)) }),
  type_text_time: (next) => ({
    ...window(next),
    types: ['http'],
    text: pick(next, ['curl', 'logo', 'orders']),
  }),
};

/** Two frequent things that never occur together: nothing is found, and all of the index was gone through. Told apart. */
const WORST_CASES: Readonly<Record<string, Question>> = {
  disjoint: () => ({ types: ['dns'], text: 'curl' }),
};

const HISTOGRAM_KINDS: Readonly<Record<string, Question>> = {
  all: () => ({}),
  time: (next) => window(next),
  type: (next) => ({ ...window(next), types: ['dns', 'alert'] }),
  severity: (next) => ({ ...window(next), severity: 'medium' }),
  address: (next) => ({ ...window(next), address: population.inside(zipf(next, SIZES.inside)) }),
  name: (next) => ({ name: population.name(zipf(next, SIZES.names)) }),
  text: (next) => ({ ...window(next), text: pick(next, ['curl', 'setup', 'viewer']) }),
};

export const bench: Bench = {
  name: 'search',
  title: `search and histogram over ${EVENTS.toLocaleString('en-US')} stored events`,
  timeoutMs: 3_600_000,
  run,
};

async function run(context: BenchContext): Promise<Measurement> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-bench-search-'));
  let store: EventStore | undefined;
  try {
    const workerFile = await bundleStoreWorker(dir, context.root);
    const clock = new TestClock(BEGIN_MS + SPAN_MS);
    store = await EventStore.open({
      dir: KEPT ?? join(dir, 'store'),
      workerFile,
      nativeBinding: sqliteBinding(context.root),
      settings: () => ({ retentionDays: { default: 365, types: {} }, storeMib: 65_536, fieldPolicy: [] }),
      secret: () => Buffer.alloc(32, 1),
      clock: clock.read,
      log: openLog('events', 'silent'),
    });
    const figures: Figure[] = [];
    const { records } = await store.data().report();
    if (records < EVENTS) {
      const started = performance.now();
      await fill(store, context);
      const seconds = (performance.now() - started) / 1000;
      figures.push({ name: 'insert_rate', value: (EVENTS - records) / seconds, unit: 'records/s' });
    }
    const { size } = await stat(join(KEPT ?? join(dir, 'store'), 'events.db'));
    figures.push({ name: 'bytes_per_event', value: size / EVENTS, unit: 'bytes' });
    await measure(store, context, figures);
    return {
      figures,
      targets: [
        { figure: 'page_p95', max: 200 },
        { figure: 'histogram_p95', max: 200 },
      ],
      notes: [
        `${String(DAYS)} days of events, ${String(PAGES)} pages of ${String(PAGE_EVENTS)} and ${String(HISTOGRAMS)} histograms of each kind, random values and windows`,
        'page_p95 and histogram_p95 are over all kinds together, without the worst cases; answers that ended early or estimate are counted as incomplete',
      ],
    };
  } finally {
    await store?.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Through the store's own way in, message by message. */
async function fill(store: EventStore, { progress, signal }: BenchContext): Promise<void> {
  const next = random(11);
  const messages = Math.ceil(EVENTS / PACK);
  let told = performance.now();
  for (let sequence = 1; sequence <= messages; sequence += 1) {
    signal.throwIfAborted();
    const time = new Date(Math.floor(BEGIN_MS + (SPAN_MS * sequence) / messages));
    const type = typeAt(next());
    const count = Math.min(PACK, EVENTS - (sequence - 1) * PACK);
    await store.offer(
      {
        ...{
          instrument: 'suricata',
          type,
          stream: 'S_suricata',
          streamCreated: 'bench',
          sequence,
          storedAt: time,
        },
        headers: {
          'ce-id': `b${String(sequence)}`,
          'ce-source': '/sensor/bench/instrument/suricata',
          'ce-type': type,
          'ce-time': time.toISOString(),
          'bh-count': String(count),
        },
        body: eveBody(next, type, time.getTime(), count),
      },
      store.generation,
    );
    // The generator never waits otherwise, and the thread's answers would not be heard.
    if (sequence % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() - told > 30_000) {
      told = performance.now();
      progress(
        `${store.recordsStored.toLocaleString('en-US')} of ${EVENTS.toLocaleString('en-US')} events stored`,
      );
    }
  }
  while (store.recordsStored < EVENTS) {
    signal.throwIfAborted();
    if (store.fault !== undefined) throw new Error(`the store cannot write: ${store.fault}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function measure(
  store: EventStore,
  { progress, signal }: BenchContext,
  figures: Figure[],
): Promise<void> {
  const next = random(23);
  const all: Record<string, number[]> = { page: [], histogram: [] };
  let incomplete = 0;
  const ask = async (kind: string, times: number, work: () => Promise<{ complete: boolean }>) => {
    const took: number[] = [];
    for (let n = 0; n < times; n += 1) {
      signal.throwIfAborted();
      const before = performance.now();
      const { complete } = await work();
      took.push(performance.now() - before);
      if (!complete) incomplete += 1;
    }
    figures.push({ name: `${kind}_p95`, value: percentile(took, 0.95), unit: 'ms' });
    progress(
      `${kind}: p50 ${percentile(took, 0.5).toFixed(1)} ms, p95 ${percentile(took, 0.95).toFixed(1)} ms`,
    );
    return took;
  };
  for (const [kind, question] of Object.entries(PAGE_KINDS)) {
    const work = () => store.search(question(next), { limit: PAGE_EVENTS });
    all['page']?.push(...(await ask(`page_${kind}`, PAGES, work)));
  }
  for (const [kind, question] of Object.entries(WORST_CASES)) {
    await ask(`worst_${kind}`, HISTOGRAMS, () => store.search(question(next), { limit: PAGE_EVENTS }));
  }
  for (const [kind, question] of Object.entries(HISTOGRAM_KINDS)) {
    const work = () => store.histogram(question(next), { buckets: 60, by: 'type' });
    all['histogram']?.push(...(await ask(`histogram_${kind}`, HISTOGRAMS, work)));
  }
  for (const [name, took] of Object.entries(all)) {
    figures.push({ name: `${name}_p50`, value: percentile(took, 0.5), unit: 'ms' });
    figures.push({ name: `${name}_p95`, value: percentile(took, 0.95), unit: 'ms' });
  }
  figures.push({ name: 'incomplete_answers', value: incomplete, unit: 'count' });
}

function typeAt(at: number): string {
  let sum = 0;
  return MIX.find(([, share]) => (sum += share) >= at)?.[0] ?? 'flow';
}

function pick<T>(next: () => number, values: readonly T[]): T {
  return values[Math.floor(next() * values.length)] as T;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
