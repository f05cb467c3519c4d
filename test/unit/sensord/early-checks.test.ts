import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLog, site, waitFor } from '@bulkhead/platform/kernel';
import { Configuration, RevisionStore } from '@bulkhead/platform/sensord';
import { SensorService, type ServiceParts } from '../../../platform/sensord/service.ts';

const LOG = openLog('test', 'silent');
const FILE = 'version: 1\nsensor: { name: lab }\nmonitorInterfaces: [{ name: mon, device: tap0 }]\n';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-checks-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** A sensor that is not up before `up`, and on which what is desired is brought about when `settled` is called. */
async function service() {
  const file = join(dir, 'sensor.yaml');
  await writeFile(file, FILE);
  const configuration = new Configuration(
    file,
    async () => new Map(),
    await RevisionStore.open(join(dir, 'config'), LOG),
  );
  await configuration.load();
  const injected: string[] = [];
  let up: () => void = () => undefined;
  let settled: () => void = () => undefined;
  let settling = 0;
  const isUp = new Promise<void>((resolve) => (up = resolve));
  const off = () => () => undefined;
  const nothing = async () => undefined;
  const one = new SensorService({
    site: site({ prefix: 'b9', stateDir: join(dir, 'state'), runDir: join(dir, 'run') }),
    log: LOG,
    configuration,
    sensor: {
      start: () => isUp,
      settle: () => {
        settling += 1;
        return new Promise<void>((resolve) => (settled = resolve));
      },
      publish: () => undefined,
      leave: nothing,
      overlay: {},
      get desired() {
        return configuration.desired;
      },
      containers: [],
    },
    rooms: {
      keys: { state: { mode: 'slots', slots: [] } },
      storage: {
        deriveSecret: () => Buffer.alloc(32),
        deliveries: { interrupt: () => undefined },
        list: async () => [],
        platform: { unlock: () => Promise.reject(new Error('no volume')), lock: nothing },
      },
      network: {
        inject: async (monitor: string) => {
          injected.push(monitor);
        },
        ledger: async () => ({ monitors: [] }),
        activePorts: async () => [],
      },
      bus: {
        store: { onIncident: off, quarantined: async () => [] },
        traffic: { onRefused: off, onMessage: off, refused: () => [] },
        uplink: {},
        serve: off,
        serverPid: () => undefined,
        streams: async () => [],
        subscribeEvents: () => Promise.reject(new Error('no bus')),
      },
      packages: {},
    },
  } as unknown as ServiceParts);
  return {
    ...{ one, injected, isSettling: (times: number) => settling === times },
    up: () => {
      up();
    },
    settled: () => {
      settled();
    },
  };
}

test('a change before the sensor is up, or while it ends, sends no detection check', async () => {
  const { one, injected, up, settled, isSettling } = await service();
  const starting = one.start();
  const early = one.reload();
  await waitFor('the early change', 10_000, () => isSettling(1));
  settled();
  await early;
  await sleep(300);
  // On a slow machine it would have been missed, and people told that the sensor is blind.
  expect(injected).toEqual([]);
  up();
  await starting;
  await waitFor('the first check', 10_000, () => injected.length > 0);

  const late = one.reload();
  await waitFor('the late change', 10_000, () => isSettling(2));
  await one.leave();
  const sent = injected.length;
  settled();
  await late;
  await sleep(300);
  expect(injected).toHaveLength(sent);
});
