import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManifestSchema, SensorConfigSchema } from '@bulkhead/platform/contracts';
import { openLog, site, waitFor } from '@bulkhead/platform/kernel';
import { desiredState, type Configuration } from '@bulkhead/platform/sensord';
import type { ContainerState } from '../../../platform/sensord/rooms.ts';
import { Sensor, type SensorParts } from '../../../platform/sensord/sensor.ts';
import { DIGEST_LABEL } from '../../../platform/sensord/start-instrument.ts';

const DESIRED = desiredState(
  SensorConfigSchema.parse({
    version: 1,
    sensor: { name: 'lab' },
    instruments: [{ name: 'ids', package: 'ids' }],
  }),
  (name) => ({
    manifest: ManifestSchema.parse({
      apiVersion: 'bulkhead/1',
      ...{ name, version: '0.1.0', title: name, description: name, image: 'base' },
      command: ['/bin/true'],
      asks: {},
      volume: { sizeMib: 32 },
      limits: { memoryMib: 64, cpuCores: 1, processes: 8, openFiles: 64 },
    }),
    appDir: '/apps/ids',
    digest: 'd',
    image: { file: '/i', fingerprint: 'f' },
  }),
);

let dir: string;
const running: Sensor[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-restart-'));
});
afterEach(async () => {
  for (const sensor of running.splice(0)) await sensor.leave();
  await rm(dir, { recursive: true, force: true });
});

/** A machine on which `ids` runs already, and ending it takes as long as `ending` says. */
function machine(ending: () => Promise<void>) {
  const world = { status: 'running' as ContainerState['status'], looks: 0, stops: 0, starts: 0 };
  const published: { type: string; reason: unknown }[] = [];
  let event: () => void = () => undefined;
  const untilEnd = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve();
      });
    });
  const container = (): ContainerState => ({
    name: 'ids',
    status: world.status,
    pid: 0,
    idmapBase: 0,
    labels: { [DIGEST_LABEL]: DESIRED.instruments[0]?.digest ?? '' },
    drift: [],
    busProxy: true,
  });
  const nothing = async () => undefined;
  const sensor = new Sensor({
    site: site({ prefix: 'b9', stateDir: join(dir, 'state'), runDir: join(dir, 'run') }),
    log: openLog('test', 'silent'),
    configuration: { desired: DESIRED } as unknown as Configuration,
    runtime: {
      prepare: async () => ({ repaired: [] }),
      list: async () => {
        world.looks += 1;
        return [container()];
      },
      watch: (onEvent: () => void, signal: AbortSignal) => {
        event = onEvent;
        return untilEnd(signal);
      },
      stop: async () => {
        if (world.status !== 'running') return;
        world.stops += 1;
        await ending();
        world.status = 'stopped';
        event();
      },
      ensureImage: async () => 'f',
      start: async () => {
        world.starts += 1;
        world.status = 'running';
      },
      pages: { close: nothing },
    },
    storage: { ensure: nothing, unlock: nothing, lock: nothing, placeResources: nothing, close: nothing },
    bus: {
      onDown: () => () => undefined,
      onRestarted: () => () => undefined,
      ensure: nothing,
      serverPid: () => 1,
      identity: () => ({ publicKey: 'U', seed: 'S' }),
      request: async () => ({ state: 'ok' }),
      publishPlatform: async (type: string, record: Record<string, unknown>) => {
        published.push({ type, reason: record['reason'] });
      },
      close: nothing,
    },
    network: {
      inspect: async () => ({ monitors: [], hostEnds: [] }),
      guard: untilEnd,
      removeActivePorts: nothing,
    },
    checkImage: async () => ({ fingerprint: 'f' }),
    ensureDaemon: async () => ({ started: false }),
  } as unknown as SensorParts);
  running.push(sensor);
  return {
    ...{ sensor, world, published },
    /** LXD tells of something; resolves when the machine was looked at because of it. */
    glance: async () => {
      const before = world.looks;
      event();
      await waitFor('a look', 20_000, () => world.looks > before);
      // The look itself takes some moments more.
      await new Promise((resolve) => setTimeout(resolve, 100));
    },
    failures: () => published.filter(({ type }) => type === 'instrument.failed'),
  };
}

test('an instrument that is seen running while a person restarts it did not end by itself', async () => {
  const { sensor, world, glance, failures } = machine(() => glance());
  await sensor.start();
  await sensor.restart('ids');
  expect(failures()).toEqual([]);
  expect(world).toMatchObject({ stops: 1, starts: 1, status: 'running' });
  expect(sensor.supervisor.standing('ids')).toEqual({ state: 'free', failures: 0 });
  // The next time it does.
  world.status = 'stopped';
  await glance();
  await waitFor('the failure', 20_000, () => failures().length === 1);
  expect(failures()).toMatchObject([{ reason: 'it ended by itself' }]);
});

test('who restarts before sensord has looked at the machine has restarted', async () => {
  const { sensor, world } = machine(async () => undefined);
  await sensor.restart('ids');
  expect(world).toMatchObject({ stops: 1, starts: 1, status: 'running' });
  await sensor.start();
});

test('two who restart at once', async () => {
  const { sensor, world, glance, failures } = machine(() => glance());
  await sensor.start();
  await Promise.all([sensor.restart('ids'), sensor.restart('ids')]);
  expect(failures()).toEqual([]);
  expect(world.status).toBe('running');
  expect(sensor.supervisor.standing('ids')).toEqual({ state: 'free', failures: 0 });
});
