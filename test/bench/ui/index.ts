import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SqliteEventStore, WORKER_FILE, type IncomingMessage } from '@bulkhead/fleet-server/events';
import { openLog, run } from '@bulkhead/platform/kernel';
import type { Bench, BenchContext, Measurement } from '../result.ts';
import { eveBody, MIX, random, zipf } from '../search/traffic.ts';
import { BenchBrowser, longTasksDuring, type Load } from './browser.ts';
import { Fleetd } from './fleetd.ts';
import { adoptSensors, Crowd, EventStream, type AdoptedSensor } from './sensors.ts';

/** Events in the store; `BULKHEAD_BENCH_EVENTS` for a quick look. */
const EVENTS = Number(process.env['BULKHEAD_BENCH_EVENTS'] ?? 1_000_000);
/** Folder of programs and pages that are built already; default: `scripts/build` makes them. */
const BUILT = process.env['BULKHEAD_BENCH_BUILD'];
const SENSORS = 100;
const LOADS = 9;
const EVENTS_PER_S = 200;
const STREAM_MS = 20_000;
const DAYS = 14;
const PACK = 28;
const BATCH = 500;
const PASSWORD = 'seven quiet lanterns drift past noon';

export const bench: Bench = {
  name: 'ui',
  title: `Overview of a fleet with ${String(SENSORS)} sensors and ${EVENTS.toLocaleString('en-US')} events in a real browser: cold load, and how long it is held up while events stream in`,
  timeoutMs: 1_200_000,
  run: measure,
};

async function measure(context: BenchContext): Promise<Measurement> {
  const { root, progress, signal } = context;
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-bench-ui-'));
  const undo: (() => unknown)[] = [];
  const kept = <T>(part: T, close: (it: T) => unknown): T => {
    undo.push(() => close(part));
    return part;
  };
  try {
    if (BUILT === undefined) await run(join(root, 'scripts/build'), ['programs'], { timeoutMs: 300_000 });
    const programs = BUILT ?? join(root, 'build');
    const fleetd = kept(await Fleetd.prepare(dir, programs), (it) => it.stop());
    const code = await fleetd.start();
    await fleetd.ask('POST', '/session/set-up', { code, name: 'anna', password: PASSWORD });
    progress(`adopting ${String(SENSORS)} sensors`);
    const adopted = await adoptSensors(fleetd, SENSORS);
    await fleetd.stop();
    await fill(join(fleetd.stateDir, 'events'), programs, adopted, context);
    await fleetd.start();
    const crowd = kept(await Crowd.attach(fleetd.link, adopted), (it) => it.close());
    const stream = kept(await EventStream.open(crowd, adopted), (it) => it.close());
    progress(`${String(SENSORS)} sensors are attached`);
    const loads = await loadOften(root, dir, fleetd, context);
    const browser = kept(await BenchBrowser.open(root, dir, fleetd), (it) => it.close());
    const { page: overview } = await browser.load();
    stream.begin(EVENTS_PER_S);
    const before = stream.published;
    const began = performance.now();
    progress(`${String(EVENTS_PER_S)} events/s arrive; Overview is open`);
    const onOverview = await longTasksDuring(overview, () => sleep(STREAM_MS, undefined, { signal }));
    await overview.context().close();
    const { page: events } = await browser.load('/events');
    await events.getByLabel('Live').check();
    await events.getByText(/Live: \d{3,} events/).waitFor({ timeout: 60_000 });
    progress('Events is open, live');
    const onEvents = await longTasksDuring(events, () => sleep(STREAM_MS, undefined, { signal }));
    const rate = ((stream.published - before) * 1_000) / (performance.now() - began);
    await stream.pause();
    return measurement(loads, onOverview, onEvents, rate);
  } finally {
    for (const step of undo.reverse()) {
      await Promise.resolve(step()).catch((error: unknown) => progress(`not cleaned up: ${String(error)}`));
    }
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Each load in a browser that was started for it. The first one is thrown away: the disk's cache, not the browser's, is cold then. */
async function loadOften(
  root: string,
  dir: string,
  fleetd: Fleetd,
  { progress, signal }: BenchContext,
): Promise<Load[]> {
  const loads: Load[] = [];
  for (let n = 0; n <= LOADS; n += 1) {
    signal.throwIfAborted();
    const browser = await BenchBrowser.open(root, dir, fleetd);
    try {
      const { load } = await browser.load();
      progress(`usable after ${load.usableMs.toFixed(0)} ms, ${String(load.requests)} requests`);
      if (n > 0) loads.push(load);
    } finally {
      await browser.close();
    }
  }
  return loads;
}

/** Through the store's own way in, as if all sensors had sent in turns until now. */
async function fill(
  dir: string,
  programs: string,
  adopted: readonly AdoptedSensor[],
  { progress, signal }: BenchContext,
): Promise<void> {
  const store = await SqliteEventStore.open({
    dir,
    workerFile: join(programs, WORKER_FILE),
    nativeBinding: join(programs, 'better_sqlite3.node'),
    keeping: () => ({ retentionDays: 3650, storeMib: 1_048_576 }),
    log: openLog('events', 'silent'),
  });
  try {
    const next = random(17);
    const spanMs = DAYS * 86_400_000;
    const beginMs = Date.now() - spanMs;
    const messages = Math.ceil(EVENTS / PACK);
    const sequences = new Map<string, number>();
    let storing: Promise<unknown> = Promise.resolve();
    let batch: IncomingMessage[] = [];
    for (let n = 1; n <= messages; n += 1) {
      signal.throwIfAborted();
      const timeMs = Math.floor(beginMs + (spanMs * n) / messages);
      const type = typeAt(next());
      const sensor = adopted[zipf(next, adopted.length)]?.sensor ?? '';
      const sequence = (sequences.get(sensor) ?? 0) + 1;
      sequences.set(sensor, sequence);
      batch.push({
        ...{ sensor, instrument: 'suricata', type, stream: 'S_suricata', streamCreated: 'bench' },
        ...{ sequence, previous: sequence - 1, storedAt: timeMs, receivedAt: timeMs },
        ...{ ceId: `b${String(n)}`, ceTime: new Date(timeMs).toISOString() },
        body: eveBody(next, type, timeMs, Math.min(PACK, EVENTS - (n - 1) * PACK)),
      });
      if (batch.length < BATCH && n < messages) continue;
      await storing;
      storing = store.insert(batch);
      batch = [];
    }
    await storing;
    const { records } = await store.report();
    progress(`${records.toLocaleString('en-US')} events are in the store`);
    if (records !== EVENTS)
      throw new Error(`the store holds ${String(records)} events, not ${String(EVENTS)}`);
  } finally {
    await store.close();
  }
}

function measurement(
  loads: readonly Load[],
  onOverview: readonly number[],
  onEvents: readonly number[],
  rate: number,
): Measurement {
  const usable = loads.map(({ usableMs }) => usableMs);
  const last = loads.at(-1);
  return {
    figures: [
      { name: 'usable_p50_ms', value: percentile(usable, 0.5), unit: 'ms' },
      { name: 'usable_max_ms', value: Math.max(...usable), unit: 'ms' },
      { name: 'wire_until_usable', value: (last?.wireBytes ?? 0) / 1_000, unit: 'kB' },
      { name: 'requests_until_usable', value: last?.requests ?? 0, unit: 'count' },
      { name: 'events_rate', value: rate, unit: 'events/s' },
      { name: 'long_task_overview_max_ms', value: Math.max(0, ...onOverview), unit: 'ms' },
      { name: 'long_task_events_max_ms', value: Math.max(0, ...onEvents), unit: 'ms' },
      { name: 'long_tasks', value: onOverview.length + onEvents.length, unit: 'count' },
    ],
    targets: [
      { figure: 'usable_p50_ms', max: 1_500 },
      { figure: 'events_rate', min: 0.95 * EVENTS_PER_S },
      { figure: 'long_task_overview_max_ms', max: 200 },
      { figure: 'long_task_events_max_ms', max: 200 },
    ],
    notes: [
      `${String(loads.length)} loads, each in a browser that was started for it, with an empty profile and one before them that does not count; somebody is signed in`,
      'usable: from the navigation until sensors online, what needs attention, both gauges and the newest alerts stand there and a frame was drawn; the curve of alerts may still come',
      `then ${String(STREAM_MS / 1_000)} s each of Overview and of Events with its live tail while events come in; below 50 ms the browser tells of no task`,
      'browser, fleetd, its nats-server, the sensors and theirs share the processors of this machine',
    ],
  };
}

function typeAt(at: number): string {
  let sum = 0;
  return MIX.find(([, share]) => (sum += share) >= at)?.[0] ?? 'flow';
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
