import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManifestSchema } from '@bulkhead/platform/contracts';
import { openLog } from '@bulkhead/platform/kernel';
import { ConfigChanges, Configuration, RevisionStore } from '@bulkhead/platform/sensord';
import type { Health } from '../../../platform/sensord/health-poller.ts';
import type { ContainerState } from '../../../platform/sensord/rooms.ts';
import { DIGEST_LABEL } from '../../../platform/sensord/start-instrument.ts';

const LOG = openLog('test', 'silent');
const BEFORE = 'version: 1\nsensor: { name: lab }\n';
const AFTER = `${BEFORE}instruments: [{ name: ids, package: ids }]\n`;
const UNKNOWN: Health = { state: 'unknown', counters: {} };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-slow-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** A sensor on which steps take so long, and a new instrument says so soon after them that it is well. */
async function sensor({ stepsMs, wellAfterMs }: { stepsMs: number; wellAfterMs: number }) {
  const file = join(dir, 'sensor.yaml');
  await writeFile(file, BEFORE);
  const manifest = ManifestSchema.parse({
    apiVersion: 'bulkhead/1',
    ...{ name: 'ids', version: '0.1.0', title: 'ids', description: 'ids', image: 'base' },
    command: ['/bin/true'],
    asks: {},
    volume: { sizeMib: 32 },
    limits: { memoryMib: 64, cpuCores: 1, processes: 8, openFiles: 64 },
  });
  const found = { manifest, appDir: '/apps/ids', digest: 'd', image: { file: '/i', fingerprint: 'f' } };
  const configuration = new Configuration(
    file,
    async (names) => new Map([...names].map((name) => [name, found])),
    await RevisionStore.open(join(dir, 'config'), LOG),
  );
  await configuration.load();
  let upSinceMs: number | undefined;
  let containers: ContainerState[] = [];
  const changes = new ConfigChanges({
    log: LOG,
    configuration,
    checkDevice: async () => ({ ok: true }),
    publish: () => undefined,
    onChanged: () => undefined,
    target: {
      settle: async () => {
        await sleep(stepsMs);
        containers = configuration.desired.instruments.map(
          ({ name, digest }) =>
            ({ name, status: 'running', labels: { [DIGEST_LABEL]: digest } }) as unknown as ContainerState,
        );
        upSinceMs ??= performance.now();
      },
      get containers() {
        return containers;
      },
      health: () =>
        performance.now() - (upSinceMs ?? Infinity) >= wellAfterMs ? { state: 'ok', counters: {} } : UNKNOWN,
      standing: () => ({ state: 'free', failures: 0 }),
      served: () => true,
      failing: () => new Map(),
      release: () => undefined,
      foresee: () => Promise.reject(new Error('nobody asks')),
    },
  });
  const apply = (timeoutMs: number) =>
    changes.apply({ document: AFTER, author: 'ada', reason: '', origin: 'apply', timeoutMs });
  return { configuration, apply };
}

test('the time to get healthy begins when the steps are done: a slow machine rolls nothing back for being slow', async () => {
  const { configuration, apply } = await sensor({ stepsMs: 800, wellAfterMs: 100 });
  expect(await apply(500)).toEqual({ changed: true, revision: 2 });
  expect(configuration.revisions.get(2).result?.state).toBe('applied');
});

test('an instrument that does not get healthy in that time is rolled back', async () => {
  const { configuration, apply } = await sensor({ stepsMs: 10, wellAfterMs: 600_000 });
  await expect(apply(500)).rejects.toMatchObject({ code: 'SENSORD_CONFIG_ROLLED_BACK' });
  expect(configuration.revisions.current?.number).toBe(1);
});
