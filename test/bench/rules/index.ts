import { createReadStream } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openLog, run, waitFor } from '@bulkhead/platform/kernel';
import { loadPackage } from '@bulkhead/platform/packages';
import { labConfig } from '@bulkhead/scripts';
import { openReplay, type Replay } from '@bulkhead/scripts/replay';
import { manyRules } from '../../support/many-rules.ts';
import { startTestSensor, testSite, type TestSensor } from '../../support/sensor.ts';
import { openTraffic } from '../ids/traffic.ts';
import type { Bench, BenchContext, Figure, Measurement } from '../result.ts';
import { EngineAlone } from './alone.ts';
import { keepPlaying } from './traffic.ts';

const PREFIX = 'b81';
const RULES = Number(process.env['BULKHEAD_BENCH_RULES'] ?? 60_000);
const ROUNDS = Number(process.env['BULKHEAD_BENCH_ROUNDS'] ?? 2);
/** An eighth of what the sensor is sized for. */
const PACKETS_PER_SECOND = 5_000;
const PEOPLE = 4_000;
const APPLY_MS = 1_800_000;

/** What the bench's own instrument publishes. */
interface Applied {
  error?: string;
  seconds: { total: number; delivery: number };
  report: {
    state: string;
    ruleCount?: number;
    testSeconds?: number;
    reloadSeconds?: number;
    message?: string;
  };
}

/** A large ruleset from file to live, against Suricata's own test and reload of the same, under traffic. */
export const bench: Bench = {
  name: 'rules',
  title: `${RULES.toLocaleString('en-US')} rules delivered, tested and made live under traffic; against suricata -T and a reload alone`,
  timeoutMs: 5_400_000,
  run: measure,
};

async function measure(context: BenchContext): Promise<Measurement> {
  const folder = await mkdtemp('/var/tmp/bulkhead-rules-');
  let sensor: TestSensor | undefined;
  let replay: Replay | undefined;
  const over = new AbortController();
  try {
    await run('chmod', ['711', folder]);
    const make = await openTraffic(folder);
    const { file } = await make('traffic.pcap', 0, PEOPLE);
    replay = await openReplay({ site: testSite(PREFIX), log: openLog('rules', 'error'), file });
    const apps = await placeApps(context.root, folder);
    const config = await configOf(apps, replay.monitorDevice);
    context.progress('starting a sensor');
    sensor = await startTestSensor(PREFIX, config, apps);
    await sensor.healthy(300_000);
    const alone = await waitFor('Suricata', 60_000, () =>
      EngineAlone.of(testSite(PREFIX)).catch(() => undefined),
    );
    const traffic = keepPlaying(replay, PACKETS_PER_SECOND, AbortSignal.any([over.signal, context.signal]));
    const ours: Applied[] = [];
    const theirs: { testS: number; reloadS: number }[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const rules = join(folder, 'rules');
      await writeFile(rules, manyRules(RULES, 2 * round));
      context.progress(`round ${String(round)}: ${String(RULES)} rules from file to live`);
      ours.push(await apply(sensor, rules, round));
      context.progress(`round ${String(round)}: ${wording(ours.at(-1))}; now Suricata alone`);
      theirs.push(await alone.testAndReload(manyRules(RULES, 2 * round + 1), context.signal));
      const { testS, reloadS } = theirs.at(-1) ?? { testS: NaN, reloadS: NaN };
      context.progress(`round ${String(round)}: alone ${testS.toFixed(1)} s and ${reloadS.toFixed(1)} s`);
    }
    over.abort();
    const sent = await traffic;
    const lost = await losses(sensor, sent);
    return judgeable(ours, theirs, { sent, ...lost }, alone.peakMib());
  } catch (error) {
    context.progress(((await sensor?.log().catch(() => '')) ?? '').slice(-4_000));
    throw error;
  } finally {
    over.abort();
    await sensor?.remove();
    await replay?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The apps that are needed, and the one that plays the rule manager. */
async function placeApps(root: string, folder: string): Promise<string> {
  const apps = join(folder, 'apps');
  const own = join(apps, 'bench-manager');
  await mkdir(own, { recursive: true });
  for (const name of ['capture-engine', 'suricata'])
    await cp(join(root, 'build', 'apps', name), join(apps, name), { recursive: true });
  const source = join(root, 'test/bench/rules/app');
  await cp(join(source, 'instrument.yaml'), join(own, 'instrument.yaml'));
  const options = ['--bundle', '--platform=node', '--target=node20.19', '--format=esm', '--log-level=error'];
  await run(join(root, 'node_modules/.bin/esbuild'), [
    join(source, 'src/main.ts'),
    ...options,
    `--outfile=${join(own, 'main.mjs')}`,
    "--banner:js=import{createRequire as bhRequire}from'node:module';const require=bhRequire(import.meta.url);",
  ]);
  await run('chmod', ['-R', 'a+rX', apps]);
  return apps;
}

async function configOf(apps: string, device: string): Promise<unknown> {
  const packages = await Promise.all(
    ['bench-manager', 'capture-engine', 'suricata'].map((name) => loadPackage(join(apps, name))),
  );
  const config = labConfig(
    'rules',
    device,
    packages.map(({ manifest }) => manifest),
  );
  return { ...config, detectionCheck: { enabled: false } };
}

async function apply(sensor: TestSensor, file: string, round: number): Promise<Applied> {
  const query = { for: 'bench-manager', as: 'rules', author: 'bench' };
  await sensor.client.upload('/resources/import', query, createReadStream(file));
  let seen = 0;
  const event = await sensor.event(
    'applied ruleset',
    { type: 'bench.applied' },
    () => (seen += 1) === round,
    APPLY_MS,
  );
  const applied = event.record as unknown as Applied;
  if (applied.error !== undefined || applied.report.state !== 'done')
    throw new Error(`the rules were not taken: ${JSON.stringify(applied).slice(0, 1000)}`);
  return applied;
}

interface Losses {
  ledger: number;
  kernelDrops: number;
  undecoded: number;
}

/** Suricata refreshes its counters every 8 s. */
async function losses(sensor: TestSensor, sent: number): Promise<Losses> {
  const look = async (): Promise<Losses> => {
    const { monitors, instruments } = await sensor.status();
    const counters = instruments.find(({ name }) => name === 'suricata')?.counters ?? {};
    return {
      ledger: monitors.reduce((sum, { packets }) => sum + packets.lost, 0),
      kernelDrops: counters['capture.kernel_drops'] ?? 0,
      undecoded: Math.max(0, sent - (counters['decoder.pkts'] ?? 0)),
    };
  };
  const until = performance.now() + 40_000;
  for (;;) {
    const now = await look();
    if (now.undecoded === 0 || performance.now() > until) return now;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

function judgeable(
  ours: readonly Applied[],
  theirs: readonly { testS: number; reloadS: number }[],
  traffic: Losses & { sent: number },
  peakMib: number,
): Measurement {
  const total = mean(ours.map(({ seconds }) => seconds.total));
  const alone = mean(theirs.map(({ testS, reloadS }) => testS + reloadS));
  return {
    figures: [
      figure('live_over_alone', Math.round((total / alone) * 1000) / 1000, 'ratio'),
      figure('rules', ours[0]?.report.ruleCount ?? 0, 'count'),
      figure('from_file_to_live_s', round(total), 's'),
      figure('delivery_s', round(mean(ours.map(({ seconds }) => seconds.delivery))), 's'),
      figure('test_s', round(mean(ours.map(({ report }) => report.testSeconds ?? NaN))), 's'),
      figure('reload_s', round(mean(ours.map(({ report }) => report.reloadSeconds ?? NaN))), 's'),
      figure('alone_test_s', round(mean(theirs.map(({ testS }) => testS))), 's'),
      figure('alone_reload_s', round(mean(theirs.map(({ reloadS }) => reloadS))), 's'),
      figure('packets_sent', traffic.sent, 'count'),
      figure('packets_lost', traffic.ledger + traffic.kernelDrops + traffic.undecoded, 'count'),
      figure('kernel_drops', traffic.kernelDrops, 'count'),
      ...(Number.isNaN(peakMib) ? [] : [figure('container_memory_peak_mib', peakMib, 'MiB')]),
    ],
    targets: [
      { figure: 'live_over_alone', max: 1.3 },
      { figure: 'packets_lost', max: 0 },
    ],
    notes: [
      'alone: suricata -T and then ruleset-reload-rules, in the same container, with the same configuration and as many rules of the same kinds, in turns',
      'every ruleset has patterns of its own: Suricata keeps what it compiled from patterns, and a reload of the same ones is much shorter',
      `traffic of ${String(PACKETS_PER_SECOND)} packets/s through the mirror port the whole time`,
      'container memory: the most that the cgroup of the IDS was charged with, page cache included',
    ],
  };
}

function wording(applied: Applied | undefined): string {
  return `${(applied?.seconds.total ?? NaN).toFixed(1)} s, of it test ${String(applied?.report.testSeconds)} s, reload ${String(applied?.report.reloadSeconds)} s`;
}

function figure(name: string, value: number, unit: string): Figure {
  return { name, value, unit };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
