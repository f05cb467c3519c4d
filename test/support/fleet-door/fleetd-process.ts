import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { freePort } from '../../../scripts/src/lab/free-port.ts';
import { run, site, sitePaths } from '@bulkhead/platform/kernel';
import { openCable, type Cable } from '../fleet/cable.ts';

const FLEETD = fileURLToPath(new URL('../../../build/fleetd.mjs', import.meta.url));
const UP_MS = 60_000;
const STOP_MS = 20_000;

/** The program that people install, as a process of its own, with TLS of its own CA on loopback. */
export interface FleetdProcess {
  readonly url: string;
  /** What it printed for the first person, when it last started. */
  readonly setUpCode: string | undefined;
  /** Between the sensors and their port of the fleet. */
  readonly link: Cable;
  start(): Promise<void>;
  /** In order, as a service manager ends it. */
  end(): Promise<void>;
  /** A short command of the program, such as `backup FILE`. @returns what it printed */
  command(...args: readonly string[]): Promise<string>;
  /** Removes everything that it keeps. */
  destroyState(): Promise<void>;
  /** A path beside its state folder. */
  path(name: string): string;
  log(): Promise<string>;
  /** Ends it and removes every trace, also after a failure. */
  remove(): Promise<void>;
}

export async function startFleetd(): Promise<FleetdProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-door-'));
  const path = (name: string) => join(dir, name);
  const ports = { web: await freePort(), link: await freePort() };
  const link = await openCable(ports.link);
  const config = {
    stateDir: 'state',
    names: ['localhost'],
    baseDomain: 'localhost',
    web: { address: '127.0.0.1', port: ports.web },
    link: { address: '127.0.0.1', port: ports.link, publicAddress: link.address },
    events: { natsServer: sitePaths(site()).natsServer },
  };
  await mkdir(path('state'), { mode: 0o700 });
  await writeFile(path('fleetd.yaml'), stringify(config), { mode: 0o600 });
  let running: { child: ChildProcess; ended: Promise<unknown> } | undefined;
  let setUpCode: string | undefined;
  /** Told to end it also ends its bus; only when it does not is it killed. */
  const stop = async () => {
    if (running === undefined) return;
    const { child, ended } = running;
    running = undefined;
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(late);
  };
  const log = () => readFile(path('fleetd.log'), 'utf8');
  const fleetd: FleetdProcess = {
    url: `https://localhost:${String(ports.web)}/`,
    get setUpCode() {
      return setUpCode;
    },
    link,
    start: async () => {
      const output = await open(path('fleetd.log'), 'a', 0o600);
      const args = ['--enable-source-maps', FLEETD, '--config', path('fleetd.yaml'), '--allow-root'];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', output.fd] });
      await output.close();
      const { stdout } = child;
      if (stdout === null) throw new Error('fleetd could not be started');
      const ended = new Promise((resolve) => child.once('exit', resolve));
      running = { child, ended };
      setUpCode = undefined;
      const ready = (async () => {
        for await (const line of createInterface(stdout)) {
          setUpCode ??= /Set-up code: (\S+)$/.exec(line)?.[1];
          if (line === 'Ready.') return true;
        }
        return false;
      })();
      const late = new Promise<false>((resolve) => setTimeout(resolve, UP_MS, false).unref());
      const up = await Promise.race([ready, late]);
      stdout.resume();
      if (up) return;
      await stop();
      throw new Error(`fleetd did not come up:\n${(await log()).slice(-3_000)}`);
    },
    end: stop,
    command: async (...args) => {
      const all = [FLEETD, ...args, '--config', path('fleetd.yaml')];
      return (await run(process.execPath, all, { timeoutMs: 60_000 })).stdout;
    },
    destroyState: () => rm(path('state'), { recursive: true }),
    path,
    log,
    remove: async () => {
      await stop();
      await link.dispose();
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  try {
    await fleetd.start();
  } catch (error) {
    await fleetd.remove();
    throw error;
  }
  return fleetd;
}
