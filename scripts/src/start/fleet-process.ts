import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { BulkheadError, run, sitePaths, writeFileAtomic, type Site } from '@bulkhead/platform/kernel';
import { provideProgram, type FleetProgram } from './fleet-program.ts';

/** `scripts/build` puts this program and fleetd into one folder. */
const BUILD = fileURLToPath(new URL('.', import.meta.url));
const UP_MS = 60_000;
const STOP_MS = 15_000;

/** What fleetd says when it is up. */
export interface FleetWords {
  readonly url: string;
  /** While nobody has set it up: what the first person types in. */
  readonly setUpCode: string | undefined;
  /** By name of the sensor, for it to join with; one that is known already has none. */
  readonly joinTokens: ReadonlyMap<string, string>;
}

/** One run of fleetd. */
export interface FleetProcess extends FleetWords {
  readonly pid: number | undefined;
  /** Resolves with what ended it; pending while it runs. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

/** A folder made ready for fleetd. */
export interface FleetPlace {
  readonly logFile: string;
  /** @throws BulkheadError START_FLEET_FAILED */
  launch(): Promise<FleetProcess>;
}

/**
 * Makes everything ready for the fleet of the sensors on this machine: plain HTTP, on loopback only, unprivileged.
 * @param dir its folder; what it keeps is kept there
 * @param adopt what the sensors are called
 * @param from where the bundles are
 */
export async function prepareFleet(
  site: Site,
  dir: string,
  adopt: readonly string[],
  from = BUILD,
): Promise<FleetPlace> {
  const program = await provideProgram(from, dir);
  const stateDir = join(dir, 'state');
  const configFile = join(dir, 'fleetd.yaml');
  const logFile = join(dir, 'fleetd.log');
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const ports = portsOf(site);
  const config = {
    stateDir,
    web: { address: '127.0.0.1', port: ports.web, plainHttp: true },
    link: { address: '127.0.0.1', port: ports.link },
    events: { natsServer: sitePaths(site).natsServer },
  };
  await writeFileAtomic(configFile, stringify(config), 0o644);
  const { owner } = program;
  if (owner !== undefined) await run('chown', ['-R', `${String(owner)}:${String(owner)}`, stateDir]);
  await (await open(logFile, 'w', 0o600)).close();
  const args = ['--config', configFile, ...adopt.flatMap((name) => ['--adopt', name])];
  return { logFile, launch: () => launch(program, args, logFile) };
}

async function launch(
  { file, owner }: FleetProgram,
  args: readonly string[],
  logFile: string,
): Promise<FleetProcess> {
  const log = await open(logFile, 'a', 0o600);
  let child: ChildProcess;
  try {
    // A session of its own, so that Ctrl-C reaches only us and we take it down in order.
    child = spawn(process.execPath, [file, ...args, ...(owner === undefined ? ['--allow-root'] : [])], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', 'pipe', log.fd],
      ...(owner === undefined ? {} : { uid: owner, gid: owner }),
    });
  } finally {
    await log.close();
  }
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      resolve(`could not be started: ${error.message}`);
    });
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `ended with exit code ${String(code)}` : `was killed by ${signal}`);
    });
  });
  const stop = async () => {
    child.kill('SIGTERM');
    if (await Promise.race([ended.then(() => false), sleep(STOP_MS, true, { ref: false })]))
      child.kill('SIGKILL');
    await ended;
  };
  try {
    return { ...(await saidBy(child, ended, logFile)), pid: child.pid, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What fleetd prints when it is up; whatever comes later is not read. */
async function saidBy(child: ChildProcess, ended: Promise<string>, logFile: string): Promise<FleetWords> {
  const said: { url?: string; setUpCode?: string } = {};
  const joinTokens = new Map<string, string>();
  const up = (async () => {
    if (child.stdout === null) return;
    for await (const line of createInterface(child.stdout)) {
      const [, url] = /^The fleet is at (\S+)$/.exec(line) ?? [];
      const [, setUpCode] = /Set-up code: (\S+)$/.exec(line) ?? [];
      const [, name, token] = /^Join token of (\S+): (\S+)$/.exec(line) ?? [];
      Object.assign(said, url && { url }, setUpCode && { setUpCode });
      if (name !== undefined && token !== undefined) joinTokens.set(name, token);
      if (line === 'Ready.') return;
    }
  })();
  const failure = await Promise.race([
    up.then(() => undefined),
    ended,
    sleep(UP_MS, 'did not come up in time', { ref: false }),
  ]);
  // What it prints later must not fill the pipe.
  child.stdout?.resume();
  if (failure === undefined && said.url !== undefined) {
    return { url: said.url, setUpCode: said.setUpCode, joinTokens };
  }
  throw new BulkheadError({
    code: 'START_FLEET_FAILED',
    message: `fleetd ${failure ?? 'ended'}.`,
    hint: `Read ${logFile}. scripts/start --no-fleet does without.`,
  });
}

/** One site, one pair; another site has its own beside the port of its bus. */
function portsOf({ natsPort }: Site): { web: number; link: number } {
  return natsPort === 4222 ? { web: 8443, link: 8444 } : { web: natsPort + 1, link: natsPort + 2 };
}
