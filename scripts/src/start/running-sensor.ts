import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { sensorClient } from '@bulkhead/platform/cli';
import type { SensorStatus } from '@bulkhead/platform/contracts';
import {
  BulkheadError,
  hasCode,
  sitePaths,
  waitFor,
  writeFileAtomic,
  type Site,
} from '@bulkhead/platform/kernel';
import { loadPackage } from '@bulkhead/platform/packages';
import { labConfig } from './lab-config.ts';
import { spawnSensord, type SensorProcess } from './sensor-process.ts';
import type { Source } from './source.ts';

/** Below the repository; `scripts/build` fills it. */
const BUILD = fileURLToPath(new URL('.', import.meta.url));
const UP_TIMEOUT_MS = 60_000;
const HEALTHY_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 90_000;

/** A sensor that this program started and takes down again. */
export interface RunningSensor {
  readonly stateDir: string;
  readonly logFile: string;
  readonly ended: Promise<string>;
  logTail(lines: number): Promise<string>;
  untilHealthy(progress: (text: string) => void, signal: AbortSignal): Promise<void>;
  stop(progress: (text: string) => void): Promise<void>;
  /** Deletes configuration, volumes, keys and events. Only after `stop`. */
  removeData(): Promise<void>;
}

/** Where a run of this kind keeps its data: the lab's and a replay's are thrown away, a real NIC's is kept. */
export function stateDirOf(site: Site, kind: 'lab' | 'replay' | 'interface'): string {
  return join(site.stateDir, kind === 'interface' ? 'sensor' : kind);
}

/** The site as sensord's command line takes it. */
export function siteArguments(site: Site, stateDir: string): string[] {
  return [
    ['--state-dir', stateDir],
    ['--run-dir', site.runDir],
    ['--prefix', site.prefix],
    ['--nats-port', String(site.natsPort)],
    ['--lxd-project', site.lxdProject],
    ['--lxd-pool', site.lxdPool],
  ].flat();
}

/** Writes the configuration, starts sensord and waits until it answers. */
export async function openSensor(
  site: Site,
  { kind, name }: { kind: 'lab' | 'replay' | 'interface'; name: string },
  { device, lab }: Pick<Source, 'device'> & { lab?: Source['lab'] | undefined },
  progress: (text: string) => void,
  signal: AbortSignal,
): Promise<RunningSensor> {
  const stateDir = stateDirOf(site, kind);
  const appsDir = join(BUILD, 'apps');
  // A lab or replay run begins with nothing stored, also when the one before was killed.
  if (kind !== 'interface') await rm(stateDir, { recursive: true, force: true });
  // Others may pass through: nats-server, which is not root, keeps its store below.
  await mkdir(stateDir, { recursive: true, mode: 0o711 });
  const packages = await Promise.all(
    (await readdir(appsDir)).sort().map((app) => loadPackage(join(appsDir, app))),
  );
  const config = labConfig(
    name,
    device,
    packages.map(({ manifest }) => manifest),
    lab?.ruleSource,
  );
  const configFile = join(stateDir, 'sensor.yaml');
  await writeFileAtomic(configFile, stringify(config), 0o600);
  const args = ['--config', configFile, '--apps', appsDir, ...siteArguments(site, stateDir)];
  const sensord = await spawnSensord(join(BUILD, 'sensord.mjs'), args, join(stateDir, 'log', 'sensord.log'));
  progress(`sensord ${String(sensord.pid)}, configuration ${configFile}, log ${sensord.logFile}`);
  const client = sensorClient(sitePaths(site).sensordSocket);
  try {
    await untilAnswering(sensord, client, signal);
    return runningSensor(site, stateDir, sensord);
  } catch (error) {
    await sensord.waitForEnd(0);
    throw error;
  } finally {
    await client.close();
  }
}

async function untilAnswering(
  sensord: SensorProcess,
  client: ReturnType<typeof sensorClient>,
  signal: AbortSignal,
): Promise<void> {
  let end: string | undefined;
  void sensord.ended.then((how) => (end = how));
  await waitFor(
    'sensord to answer',
    UP_TIMEOUT_MS,
    async () => {
      if (end !== undefined) {
        throw new BulkheadError({
          code: 'START_SENSORD_FAILED',
          message: `sensord ${end}. The end of its log:\n${await sensord.logTail(12)}`,
          hint: `Read ${sensord.logFile}.`,
        });
      }
      return client.status().catch(() => false);
    },
    { intervalMs: 100, signal },
  );
}

function runningSensor(site: Site, stateDir: string, sensord: SensorProcess): RunningSensor {
  return {
    stateDir,
    logFile: sensord.logFile,
    ended: sensord.ended,
    logTail: (lines) => sensord.logTail(lines),
    untilHealthy: (progress, signal) => untilHealthy(site, progress, signal),
    stop: async (progress) => {
      const client = sensorClient(sitePaths(site).sensordSocket);
      try {
        progress('stopping instruments, bus and rules');
        await Promise.race([
          client.shutdown(),
          sensord.ended,
          sleep(STOP_TIMEOUT_MS, undefined, { ref: false }),
        ]);
      } catch (error) {
        if (!hasCode(error, 'CLI_SENSOR_UNREACHABLE') && !hasCode(error, 'UND_ERR_SOCKET')) throw error;
      } finally {
        await client.close();
        await sensord.waitForEnd(10_000);
      }
    },
    removeData: () => rm(stateDir, { recursive: true, force: true }),
  };
}

async function untilHealthy(
  site: Site,
  progress: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = sensorClient(sitePaths(site).sensordSocket);
  const said = new Set<string>();
  let last: SensorStatus | undefined;
  try {
    await waitFor(
      'every instrument to run',
      HEALTHY_TIMEOUT_MS,
      async () => {
        last = await client.status();
        for (const { name, state, health } of last.instruments) {
          const line = `${name}: ${state}, ${health}`;
          if (said.has(line)) continue;
          said.add(line);
          progress(line);
        }
        const held = last.instruments.find(({ state }) => state === 'held' || state === 'invalid');
        if (held !== undefined) {
          throw new BulkheadError({
            code: 'START_INSTRUMENT_FAILED',
            message: `Instrument ${held.name} does not run: ${held.detail ?? held.state}.`,
            hint: `Read its console with \`bulkhead logs ${held.name}\`.`,
          });
        }
        return last.instruments.every(({ state, health }) => state === 'running' && health === 'ok');
      },
      { intervalMs: 250, signal },
    );
  } finally {
    await client.close();
  }
}
