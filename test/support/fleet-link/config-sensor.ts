import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { sensorClient, type SensorClient } from '@bulkhead/platform/cli';
import type { Pace } from '@bulkhead/platform/fleet-link';
import { site, sitePaths } from '@bulkhead/platform/kernel';
import { ConfigChanges, Configuration, RevisionStore } from '@bulkhead/platform/sensord';
import { openApi } from '../../../platform/sensord/api.ts';
import { configFeature } from '../../../platform/sensord/config-feature.ts';
import type { DesiredState } from '../../../platform/sensord/desired.ts';
import type { FeatureContext } from '../../../platform/sensord/feature.ts';
import { fleetFeature, type FleetFeature } from '../../../platform/sensord/fleet-feature.ts';
import type { Cable } from '../fleet/cable.ts';
import { TEST_LOG } from './fleet-bench.ts';

const FILE = 'version: 1\nsensor: { name: lab }\n';

/** All that decides about a sensor's configuration, as sensord joins it: history, changes, link, API. It has no containers. */
export interface ConfigSensor {
  readonly link: FleetFeature;
  readonly configuration: Configuration;
  /** Its own API, as people at the sensor ask it. */
  readonly client: SensorClient;
  /** Whether it is still to be found out if the fleet can be reached with its configuration. */
  proving(): Promise<boolean>;
  /** The sensor's process ends and starts again. */
  restart(): Promise<void>;
  /** From the next start on its link goes through the cable. */
  lay(cable: Cable): Promise<void>;
  dispose(): Promise<void>;
}

export interface ConfigSensorOptions {
  pace: Partial<Pace>;
  /** Called whenever a configuration is brought in force, before it counts as such: what it does to the machine. */
  bring?: (desired: DesiredState) => void;
}

export async function openConfigSensor({
  pace,
  bring = () => undefined,
}: ConfigSensorOptions): Promise<ConfigSensor> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-cs-'));
  const at = site({ prefix: 'b9', stateDir: join(dir, 'state'), runDir: join(dir, 'run') });
  await mkdir(at.stateDir, { recursive: true });
  const file = join(dir, 'sensor.yaml');
  await writeFile(file, FILE);
  const start = async () => {
    const revisions = await RevisionStore.open(join(at.stateDir, 'config'), TEST_LOG);
    const configuration = new Configuration(file, () => Promise.resolve(new Map()), revisions);
    await configuration.load();
    const checkDevice = () => Promise.resolve({ ok: true } as const);
    const changes = new ConfigChanges({
      log: TEST_LOG,
      configuration,
      checkDevice,
      publish: () => undefined,
      onChanged: () => undefined,
      target: {
        settle: async () => {
          bring(configuration.desired);
        },
        containers: [],
        release: () => undefined,
        foresee: () => Promise.reject(new Error('nobody asks')),
        health: () => ({ state: 'ok', counters: {} }),
        standing: () => ({ state: 'free', failures: 0 }),
        served: () => true,
        failing: () => new Map(),
      },
    });
    const status = async () => ({ sensor: 'lab', healthy: true, attention: link.attention?.() ?? [] });
    const context = {
      site: at,
      log: TEST_LOG,
      rooms: { network: { checkDevice } },
      configuration,
      changes,
      sensor: {
        get desired() {
          return configuration.desired;
        },
      },
      status,
    } as unknown as FeatureContext;
    const link = fleetFeature(context, pace);
    const features = [configFeature(context), link];
    const api = await openApi(sitePaths(at).sensordSocket, {
      log: TEST_LOG,
      status,
      routes: features.map((one) => (app: FastifyInstance) => one.routes?.(app)),
    } as unknown as Parameters<typeof openApi>[1]);
    await link.start();
    const stop = async () => {
      changes.stop();
      await link.stop();
      await api.close();
    };
    return { configuration, link, stop };
  };
  let running = await start();
  const client = sensorClient(sitePaths(at).sensordSocket);
  return {
    client,
    get link() {
      return running.link;
    },
    get configuration() {
      return running.configuration;
    },
    restart: async () => {
      await running.stop();
      running = await start();
    },
    proving: async () => {
      const record = await readFile(join(at.stateDir, 'fleet/desired.json'), 'utf8');
      return (JSON.parse(record) as { back: number }).back !== 0;
    },
    lay: async ({ address }) => {
      const membership = join(at.stateDir, 'fleet/membership.json');
      const present = JSON.parse(await readFile(membership, 'utf8')) as Record<string, unknown>;
      const [host, port] = address.split(':');
      await writeFile(membership, JSON.stringify({ ...present, link: { host, port: Number(port) } }));
    },
    dispose: async () => {
      await client.close();
      await running.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
