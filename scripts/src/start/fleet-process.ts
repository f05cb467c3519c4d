import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, chown, cp, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { BulkheadError, run, sitePaths, writeFileAtomic, type Site } from '@bulkhead/platform/kernel';

/** `scripts/build` puts this program and fleetd into one folder. */
const BUILD = fileURLToPath(new URL('.', import.meta.url));
/** Nobody's user, for a program that needs no right of root. */
const FLEET_ID = 65_231;
const UP_MS = 60_000;
const STOP_MS = 15_000;
/** What lies beside the program. */
const PROGRAM = /^(fleetd|fleet-events-worker)\.mjs$|\.node$|^fleet-web$/;

/** A fleet on the machine of its sensor. */
export interface RunningFleet {
  readonly url: string;
  /** While nobody has set it up: what the first person types in. */
  readonly setUpCode: string | undefined;
  /** For the sensor to join with; undefined when it is known already. */
  readonly joinToken: string | undefined;
  readonly logFile: string;
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/**
 * Starts fleetd for the sensor on this machine: plain HTTP, on loopback only, unprivileged.
 * @param dir its folder; what it keeps is kept there
 * @param adopt what the sensor is called
 * @param from where the bundles are
 * @throws BulkheadError START_FLEET_FAILED
 */
export async function openFleet(site: Site, dir: string, adopt: string, from = BUILD): Promise<RunningFleet> {
  const owner = await provideProgram(from, dir);
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
  if (owner !== undefined) await run('chown', ['-R', `${String(owner)}:${String(owner)}`, stateDir]);
  const log = await open(logFile, 'w', 0o600);
  let child: ChildProcess;
  try {
    const args = [join(dir, 'program', 'fleetd.mjs'), '--config', configFile, '--adopt', adopt];
    child = spawn(process.execPath, [...args, ...(owner === undefined ? ['--allow-root'] : [])], {
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
    return { ...(await saidBy(child, ended, logFile)), logFile, pid: child.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What fleetd prints when it is up; whatever comes later is not read. */
async function saidBy(
  child: ChildProcess,
  ended: Promise<string>,
  logFile: string,
): Promise<Pick<RunningFleet, 'url' | 'setUpCode' | 'joinToken'>> {
  const said: Partial<Record<'url' | 'setUpCode' | 'joinToken', string>> = {};
  const up = (async () => {
    if (child.stdout === null) return;
    for await (const line of createInterface(child.stdout)) {
      const [, url] = /^The fleet is at (\S+)$/.exec(line) ?? [];
      const [, setUpCode] = /Set-up code: (\S+)$/.exec(line) ?? [];
      const [, token] = /^Join token: (\S+)$/.exec(line) ?? [];
      Object.assign(said, url && { url }, setUpCode && { setUpCode }, token && { joinToken: token });
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
    return { url: said.url, setUpCode: said.setUpCode, joinToken: said.joinToken };
  }
  throw new BulkheadError({
    code: 'START_FLEET_FAILED',
    message: `fleetd ${failure ?? 'ended'}.`,
    hint: `Read ${logFile}. scripts/start --no-fleet does without.`,
  });
}

/**
 * Puts the program where a user without rights can read it: the repository may lie in somebody's home.
 * @returns the user to run as; undefined: Node.js itself cannot be run by another user
 */
async function provideProgram(from: string, dir: string): Promise<number | undefined> {
  const program = join(dir, 'program');
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await chmod(dir, 0o755);
  await rm(program, { recursive: true, force: true });
  await mkdir(program, { mode: 0o755 });
  for (const name of await readdir(from)) {
    if (PROGRAM.test(name)) await cp(join(from, name), join(program, name), { recursive: true });
  }
  await chown(program, 0, 0);
  const id = String(FLEET_ID);
  try {
    const others = [`--reuid=${id}`, `--regid=${id}`, '--clear-groups', '--'];
    await run('setpriv', [...others, process.execPath, '--check', join(program, 'fleetd.mjs')]);
    return FLEET_ID;
  } catch {
    return undefined;
  }
}

/** One site, one pair; another site has its own beside the port of its bus. */
function portsOf({ natsPort }: Site): { web: number; link: number } {
  return natsPort === 4222 ? { web: 8443, link: 8444 } : { web: natsPort + 1, link: natsPort + 2 };
}
