import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GrantsSchema, ManifestSchema, SensorConfigSchema } from '@bulkhead/platform/contracts';
import { openLog, site } from '@bulkhead/platform/kernel';
import { desiredState, type AvailablePackage } from '@bulkhead/platform/sensord';
import { answerErrors } from '../../../platform/sensord/api.ts';
import { DevInstruments } from '../../../platform/sensord/dev-instruments.ts';
import { DevOverlay } from '../../../platform/sensord/dev-overlay.ts';
import { downloadsFeature } from '../../../platform/sensord/downloads/feature.ts';
import type { Feature, FeatureContext } from '../../../platform/sensord/feature.ts';
import { LossLedger } from '../../../platform/sensord/ledger.ts';

/**
 * sensord hears people before its features are started, on a slow machine for a minute: what they are told then is as true as
 * later, and what they do then stands.
 */
const LOG = openLog('test', 'silent');
const FEED = { name: 'feed', url: 'https://feeds.example.org/a.txt', as: 'a.txt' };

let dir: string;
let app: FastifyInstance;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-early-'));
  app = Fastify();
  answerErrors(app, LOG);
});
afterEach(async () => {
  await app.close();
  await rm(dir, { recursive: true, force: true });
});

const here = () => site({ prefix: 'b9', stateDir: join(dir, 'state'), runDir: join(dir, 'run') });

function packageOf(name: string): AvailablePackage {
  const manifest = ManifestSchema.parse({
    apiVersion: 'bulkhead/1',
    name,
    version: '0.1.0',
    title: name,
    description: name,
    image: 'base',
    command: ['/bin/true'],
    asks: { requestsDownloads: true },
    volume: { sizeMib: 32 },
    limits: { memoryMib: 64, cpuCores: 1, processes: 8, openFiles: 64 },
  });
  return { manifest, appDir: '/apps/x', digest: 'd', image: { file: '/i', fingerprint: 'f' } };
}

/** What these features use of a sensor with these instruments, none of which runs. */
function contextOf(names: readonly string[]): FeatureContext {
  const config = SensorConfigSchema.parse({
    version: 1,
    sensor: { name: 'lab' },
    instruments: names.map((name) => ({ name, package: name })),
  });
  const desired = desiredState(config, packageOf);
  return {
    site: here(),
    log: LOG,
    rooms: {
      bus: { serve: () => () => undefined, serverPid: () => undefined },
      network: { ledger: async () => ({ monitors: [] }) },
    },
    configuration: { desired, inUse: { config } },
    sensor: { desired, containers: [] },
    publish: () => undefined,
    features: () => [],
  } as unknown as FeatureContext;
}

function listen(feature: Feature): void {
  feature.routes?.(app);
}

test('downloads that wait since before a restart are shown, and can be refused, at once', async () => {
  await mkdir(here().stateDir, { recursive: true });
  const wish = { instrument: 'ids', ...FEED, everyS: 0, maxMib: 1, why: '', asked: 'message' };
  await writeFile(
    join(here().stateDir, 'downloads.json'),
    JSON.stringify({ version: 1, wanted: [{ ...wish, since: '2026-11-20T10:00:00Z' }] }),
  );
  const feature = downloadsFeature(contextOf(['ids']));
  listen(feature);
  const refused = await app.inject({
    method: 'POST',
    url: '/v1/downloads/refuse',
    payload: { instrument: 'ids', name: 'feed', author: 'ada' },
  });
  expect(refused.json()).toEqual({ refused: true });
  const shown = async () =>
    (await app.inject('/v1/downloads')).json<{ downloads: { id: string; approval: string }[] }>();
  expect((await shown()).downloads).toMatchObject([{ id: 'ids/feed', approval: 'refused' }]);
  await feature.start();
  try {
    expect((await shown()).downloads).toMatchObject([{ id: 'ids/feed', approval: 'refused' }]);
  } finally {
    await feature.stop();
  }
});

test('the ledger knows at once what was counted before a restart', async () => {
  const begunMs = Date.now() - 3_600_000;
  await mkdir(join(here().runDir, 'ledger'), { recursive: true });
  const kept = {
    begunMs,
    totals: { last: {}, total: {} },
    history: [{ atMs: begunMs + 60_000, lines: [] }],
    ages: {},
  };
  await writeFile(join(here().runDir, 'ledger', 'history.json'), JSON.stringify(kept));
  const ledger = new LossLedger(contextOf([]));
  listen(ledger);
  const asked = async (query: string) =>
    (await app.inject(`/v1/ledger${query}`)).json<{ from: string; shortened: boolean }>();
  expect(await asked('')).toMatchObject({ from: new Date(begunMs).toISOString() });
  expect(await asked('?lastS=1800')).toMatchObject({ shortened: false });
  await ledger.start();
  await ledger.stop();
});

test('an instrument that a developer runs before what an earlier sensord left is destroyed keeps its volume', async () => {
  const at = here();
  await mkdir(at.stateDir, { recursive: true });
  await writeFile(join(at.stateDir, 'dev-instruments.json'), '["left"]\n');
  const destroyed: string[] = [];
  const overlay = new DevOverlay();
  const instruments = new DevInstruments({
    site: at,
    log: LOG,
    overlay,
    configured: () =>
      desiredState(SensorConfigSchema.parse({ version: 1, sensor: { name: 'lab' } }), packageOf),
    load: async () => packageOf('trial'),
    release: () => undefined,
    settle: async () => undefined,
    destroyVolume: async (name) => {
      destroyed.push(name);
    },
  });
  await instruments.run({ name: 'trial', dir, interfaces: {}, grants: GrantsSchema.parse({}) });
  await instruments.sweep();
  expect(destroyed).toEqual(['left']);
  // A sensord that is killed now leaves a volume that the next one knows of.
  const recorded = JSON.parse(await readFile(join(at.stateDir, 'dev-instruments.json'), 'utf8')) as unknown;
  expect(recorded).toEqual(['trial']);
  await instruments.end('trial');
  expect(destroyed).toEqual(['left', 'trial']);
});
