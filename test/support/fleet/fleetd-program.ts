import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { freePort } from '../../../scripts/src/lab/free-port.ts';
import { site, sitePaths } from '@bulkhead/platform/kernel';

const STOP_MS = 20_000;

export interface FleetdProgramOptions {
  /** Has to be there; `state`, `fleetd.yaml` and `fleetd.log` are made below it. */
  dir: string;
  /** `fleetd.mjs`, with what lies beside it. */
  program: string;
  /** Arguments of Node.js. */
  nodeArguments?: readonly string[];
  /** How long it may take until it is ready. */
  upMs: number;
}

/** Settings that differ from one who starts it to the other. */
export interface FleetdSettings {
  /** Where sensors find its link, when that is not where it listens. */
  linkAddress?: string;
  logLevel?: string;
}

/**
 * The program as it ships, in a process of its own, with TLS of its own authority, on loopback.
 *
 * INVARIANTS: `configure` once, before the first `start`; one process at a time; after `stop` none is left.
 */
export class FleetdProgram {
  readonly #options: FleetdProgramOptions;
  #running: { child: ChildProcess; ended: Promise<unknown> } | undefined;

  constructor(options: FleetdProgramOptions) {
    this.#options = options;
  }

  get stateDir(): string {
    return this.path('state');
  }

  get configFile(): string {
    return this.path('fleetd.yaml');
  }

  /** A path beside its state folder. */
  path(name: string): string {
    return join(this.#options.dir, name);
  }

  /** Ports that are free now. */
  static async ports(): Promise<{ web: number; link: number }> {
    return { web: await freePort(), link: await freePort() };
  }

  async configure(
    ports: { web: number; link: number },
    { linkAddress, logLevel }: FleetdSettings,
  ): Promise<void> {
    const config = {
      stateDir: this.stateDir,
      names: ['localhost'],
      baseDomain: 'localhost',
      web: { address: '127.0.0.1', port: ports.web },
      link: {
        ...{ address: '127.0.0.1', port: ports.link },
        ...(linkAddress === undefined ? {} : { publicAddress: linkAddress }),
      },
      events: { natsServer: sitePaths(site()).natsServer },
      ...(logLevel === undefined ? {} : { logLevel }),
    };
    await mkdir(this.stateDir, { mode: 0o700 });
    await writeFile(this.configFile, stringify(config), { mode: 0o600 });
  }

  /** @returns the set-up code, while nobody has set the fleet up. @throws Error with the end of its log when it does not get ready */
  async start(): Promise<string | undefined> {
    const { program, nodeArguments = [], upMs } = this.#options;
    const output = await open(this.path('fleetd.log'), 'a', 0o600);
    const args = [...nodeArguments, program, '--config', this.configFile, '--allow-root'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', output.fd] });
    await output.close();
    const { stdout } = child;
    if (stdout === null) throw new Error('fleetd could not be started');
    this.#running = { child, ended: new Promise((resolve) => child.once('exit', resolve)) };
    let code: string | undefined;
    const ready = (async () => {
      for await (const line of createInterface(stdout)) {
        code ??= /Set-up code: (\S+)$/.exec(line)?.[1];
        if (line === 'Ready.') return true;
      }
      return false;
    })();
    const late = new Promise<false>((resolve) => setTimeout(resolve, upMs, false).unref());
    const up = await Promise.race([ready, late]);
    stdout.resume();
    if (up) return code;
    await this.stop();
    throw new Error(`fleetd did not come up:\n${(await this.log()).slice(-3_000)}`);
  }

  /** In order, as a service manager ends it: told to end it also ends its bus; only when it does not is it killed. */
  async stop(): Promise<void> {
    if (this.#running === undefined) return;
    const { child, ended } = this.#running;
    this.#running = undefined;
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(late);
  }

  log(): Promise<string> {
    return readFile(this.path('fleetd.log'), 'utf8');
  }
}
