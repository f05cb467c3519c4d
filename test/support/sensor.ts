import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { sensorClient, type SensorClient } from '@bulkhead/platform/cli';
import type { SensorStatus, StoredEvent } from '@bulkhead/platform/contracts';
import { run, site, sitePaths, waitFor, type Site } from '@bulkhead/platform/kernel';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SENSORD = join(ROOT, 'build', 'sensord.mjs');
const APPS = join(ROOT, 'build', 'apps');

/** A real sensord with real instruments, beside whatever else runs on the machine. */
export interface TestSensor {
  readonly site: Site;
  readonly client: SensorClient;
  /** PID of the sensord process that runs now. */
  pid(): number;
  status(): Promise<SensorStatus>;
  /** Resolves when every instrument is healthy. */
  healthy(timeoutMs?: number): Promise<SensorStatus>;
  /** Resolves with the first stored event that fits, looking from the beginning. */
  event(
    what: string,
    query: Record<string, string>,
    fits: (event: StoredEvent) => boolean,
    timeoutMs?: number,
  ): Promise<StoredEvent>;
  /** All stored events of a type so far. */
  stored(query: Record<string, string>): Promise<StoredEvent[]>;
  /** Writes another configuration; `reload` with the client puts it in force. */
  configure(config: unknown): Promise<void>;
  /** Ends only sensord: SIGTERM lets everything run on, SIGKILL too but without a word. */
  endSensord(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** @param extra further arguments. @param answers what to wait for; default: a status. */
  startSensord(extra?: readonly string[], answers?: () => Promise<unknown>): Promise<void>;
  log(): Promise<string>;
  /** Takes everything down and removes every trace, also after a failure. */
  remove(): Promise<void>;
}

/** A site that cannot collide with a running sensor or another test. @param prefix starts with `b` and a digit. */
export function testSite(prefix: string): Site {
  return site({
    prefix,
    stateDir: `/var/lib/bulkhead-test/${prefix}`,
    runDir: `/run/bulkhead-test/${prefix}`,
    natsPort: 20_000 + (Number.parseInt(prefix, 36) % 10_000),
    lxdProject: `bulkhead-test-${prefix}`,
    lxdPool: `bulkhead-test-${prefix}`,
  });
}

/**
 * Starts a sensor on a configuration. Removes what an earlier, killed test of the same prefix left.
 * @param config `SensorConfig` as data; `scripts/src/start/lab-config.ts` makes the usual one.
 * @param appsDir folder with one built app per package; default: what `scripts/build` made.
 */
export async function startTestSensor(prefix: string, config: unknown, appsDir = APPS): Promise<TestSensor> {
  const at = testSite(prefix);
  const configFile = join(at.stateDir, 'sensor.yaml');
  const logFile = join(at.stateDir, 'sensord.log');
  await takeDown(at);
  await mkdir(at.stateDir, { recursive: true, mode: 0o711 });
  const client = sensorClient(sitePaths(at).sensordSocket);
  let child: { pid: number; ended: Promise<unknown> } | undefined;
  const sensor: TestSensor = {
    site: at,
    client,
    pid: () => child?.pid ?? 0,
    status: () => client.status(),
    healthy: (timeoutMs = 240_000) =>
      waitFor(
        'every instrument to be healthy',
        timeoutMs,
        async () => {
          const status = await client.status().catch(() => undefined);
          return status?.instruments.every(({ state, health }) => state === 'running' && health === 'ok') ===
            true
            ? status
            : undefined;
        },
        { intervalMs: 200 },
      ),
    event: (what, query, fits, timeoutMs = 60_000) => firstEvent(client, what, query, fits, timeoutMs),
    stored: async (query) => {
      const events: StoredEvent[] = [];
      for await (const event of client.events({ since: new Date(0).toISOString(), follow: '0', ...query }))
        events.push(event);
      return events;
    },
    configure: async (next) => {
      const file = await open(configFile, 'w', 0o600);
      await file.writeFile(stringify(next));
      await file.close();
    },
    endSensord: async (signal) => {
      if (child === undefined) return;
      process.kill(child.pid, signal);
      await child.ended;
      child = undefined;
    },
    startSensord: async (extra = [], answers = () => client.status()) => {
      child = await spawnSensord(at, configFile, logFile, appsDir, extra);
      const { ended } = child;
      let end = false;
      void ended.then(() => (end = true));
      await waitFor('sensord to answer', 180_000, async () => {
        if (end) throw new Error(`sensord ended:\n${(await readFile(logFile, 'utf8')).slice(-3000)}`);
        return answers().catch(() => undefined);
      });
    },
    log: () => readFile(logFile, 'utf8'),
    remove: async () => {
      await client.close();
      if (child !== undefined) {
        process.kill(child.pid, 'SIGKILL');
        await child.ended;
      }
      await takeDown(at);
    },
  };
  await sensor.configure(config);
  try {
    await sensor.startSensord();
  } catch (error) {
    await sensor.remove();
    throw error;
  }
  return sensor;
}

async function spawnSensord(
  at: Site,
  configFile: string,
  logFile: string,
  appsDir: string,
  extra: readonly string[],
) {
  const log = await open(logFile, 'a', 0o600);
  const child = spawn(
    process.execPath,
    [SENSORD, '--config', configFile, '--apps', appsDir, ...siteArguments(at), ...extra],
    {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    },
  );
  await log.close();
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.pid === undefined) throw new Error('sensord could not be started');
  return { pid: child.pid, ended };
}

function siteArguments(at: Site): string[] {
  return [
    ['--state-dir', at.stateDir],
    ['--run-dir', at.runDir],
    ['--cache-dir', at.cacheDir],
    ['--prefix', at.prefix],
    ['--nats-port', String(at.natsPort)],
    ['--lxd-project', at.lxdProject],
    ['--lxd-pool', at.lxdPool],
  ].flat();
}

/** Everything of the site, data included. */
async function takeDown(at: Site): Promise<void> {
  await run(process.execPath, [SENSORD, '--take-down', '--everything', ...siteArguments(at)], {
    timeoutMs: 240_000,
  });
  await rm(at.stateDir, { recursive: true, force: true });
  await rm(at.runDir, { recursive: true, force: true });
}

async function firstEvent(
  client: SensorClient,
  what: string,
  query: Record<string, string>,
  fits: (event: StoredEvent) => boolean,
  timeoutMs: number,
): Promise<StoredEvent> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    for await (const event of client.events(
      { since: new Date(0).toISOString(), follow: '1', ...query },
      late,
    )) {
      if (fits(event)) return event;
    }
  } catch (error) {
    if (!late.aborted) throw error;
  }
  throw new Error(`within ${String(timeoutMs)} ms there was no ${what}`);
}
