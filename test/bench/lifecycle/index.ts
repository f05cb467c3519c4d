import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@bulkhead/platform/kernel';
import type { Bench, BenchContext, Measurement } from '../result.ts';
import { startTestSensor, testSite, type TestSensor } from '../../support/sensor.ts';
import { imageArchive, prepareByHand, type ByHand } from './by-hand.ts';

const ROUNDS = 7;

/** How long a person waits until an instrument works: by the sensor, and by hand. */
export const bench: Bench = {
  name: 'lifecycle',
  title:
    'enable an instrument, and update its app, until its first healthy reply; against lxc launch by hand',
  run: measure,
};

async function measure({ root, progress, signal }: BenchContext): Promise<Measurement> {
  const dir = await mkdtemp(join(tmpdir(), 'bh-lifecycle-'));
  let sensor: TestSensor | undefined;
  let hand: ByHand | undefined;
  try {
    const apps = join(dir, 'apps');
    await buildApp(root, join(apps, 'tick'));
    sensor = await startTestSensor('b8', config(false), apps);
    const site = testSite('b8');
    const pointer = JSON.parse(await readFile(imageArchive(site, 'base.json'), 'utf8')) as { file: string };
    // The first start imports the image; that is not what is measured.
    await change(sensor, config(true), 'ok');
    hand = await prepareByHand(site, imageArchive(site, pointer.file), join(apps, 'tick'), join(dir, 'hand'));
    await hand.launch();
    await hand.remove();
    const enable: number[] = [];
    const fresh: number[] = [];
    const byHand: number[] = [];
    const update: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      signal.throwIfAborted();
      byHand.push(await hand.launch());
      await hand.remove();
      await change(sensor, config(false), 'gone');
      enable.push(await change(sensor, config(true), 'ok'));
      await change(sensor, NONE, 'gone');
      fresh.push(await change(sensor, config(true), 'ok'));
      update.push(await updateApp(sensor, join(apps, 'tick'), round));
      const last = [byHand, enable, fresh, update].map((all) => `${String(Math.round(all.at(-1) ?? 0))} ms`);
      progress(
        `round ${String(round)}: by hand ${last[0]}, enable ${last[1]}, first time ${last[2]}, update ${last[3]}`,
      );
    }
    if (process.env['BENCH_LOG'] !== undefined) await writeFile(process.env['BENCH_LOG'], await sensor.log());
    const figures = {
      byHand: median(byHand),
      enable: median(enable),
      fresh: median(fresh),
      update: median(update),
    };
    return {
      figures: [
        { name: 'launch_by_hand_ms', value: figures.byHand, unit: 'ms' },
        { name: 'enable_ms', value: figures.enable, unit: 'ms' },
        { name: 'enable_first_time_ms', value: figures.fresh, unit: 'ms' },
        { name: 'update_app_ms', value: figures.update, unit: 'ms' },
        { name: 'enable_over_by_hand', value: figures.byHand / figures.enable, unit: 'ratio' },
        { name: 'enable_first_time_over_by_hand', value: figures.byHand / figures.fresh, unit: 'ratio' },
      ],
      targets: [
        { figure: 'enable_over_by_hand', min: 1.5 },
        { figure: 'update_app_ms', max: 1000 },
      ],
      notes: [
        'by hand: one `lxc launch` with all devices in one document, then health asked every 10 ms; its data is a plain folder',
        'enable: the instrument is in the configuration, disabled; first time: no container or encrypted volume of it is there',
        `medians of ${String(ROUNDS)} rounds, the sides in turns`,
      ],
    };
  } finally {
    await hand?.dispose();
    await sensor?.remove();
    await rm(dir, { recursive: true, force: true });
  }
}

const NONE = { version: 1, sensor: { name: 'lab' } };

function config(enabled: boolean) {
  return { ...NONE, instruments: [{ name: 'tick', package: 'tick', enabled }] };
}

/** Puts a configuration in force. @returns ms until the instrument answered that it is well, or is gone. */
async function change(sensor: TestSensor, next: unknown, until: 'ok' | 'gone'): Promise<number> {
  await sensor.configure(next);
  const beganMs = performance.now();
  const reloading = sensor.client.reload();
  await reached(sensor, (one) => (until === 'ok' ? one?.health === 'ok' : one?.state !== 'running'));
  const tookMs = performance.now() - beganMs;
  await reloading;
  return tookMs;
}

async function updateApp(sensor: TestSensor, app: string, round: number): Promise<number> {
  const version = `0.1.${String(round)}`;
  const manifest = join(app, 'instrument.yaml');
  await writeFile(manifest, (await readFile(manifest, 'utf8')).replace(/version: .*/, `version: ${version}`));
  const main = join(app, 'main.mjs');
  await writeFile(main, `${await readFile(main, 'utf8')}\n// ${version}\n`);
  const beganMs = performance.now();
  const reloading = sensor.client.reload();
  await reached(sensor, (one) => one?.version === version && one.health === 'ok');
  const tookMs = performance.now() - beganMs;
  await reloading;
  return tookMs;
}

interface Glance {
  version: string;
  state: string;
  health: string;
}

async function reached(sensor: TestSensor, fits: (one: Glance | undefined) => boolean): Promise<void> {
  const deadline = performance.now() + 90_000;
  for (;;) {
    // Not the whole status: that looks at the machine, and would take processor time from what is measured.
    const one = await sensor.client.get('/instruments/tick').catch(() => undefined);
    if (fits(one as Glance | undefined)) return;
    if (performance.now() > deadline)
      throw new Error(`it did not get there:\n${(await sensor.log()).slice(-3000)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function buildApp(root: string, to: string): Promise<void> {
  const source = join(root, 'test/bench/lifecycle/app');
  await mkdir(to, { recursive: true });
  await cp(join(source, 'instrument.yaml'), join(to, 'instrument.yaml'));
  await run(join(root, 'node_modules/.bin/esbuild'), [
    join(source, 'src/main.ts'),
    ...[
      '--bundle',
      '--platform=node',
      '--target=node20.19',
      '--format=esm',
      '--minify',
      `--outfile=${join(to, 'main.mjs')}`,
    ],
    "--banner:js=import{createRequire as bhRequire}from'node:module';const require=bhRequire(import.meta.url);",
  ]);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
