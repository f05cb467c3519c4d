import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BulkheadError, describeError, run, writeFileAtomic } from '@bulkhead/platform/kernel';

/** Where the hub's server keeps its things. */
export interface HubPlaces {
  /** Path of nats-server, version 2.12 or later. */
  program: string;
  /** Folder of its own. */
  dir: string;
}

/**
 * The hub's nats-server: a child of `fleetd` that ends with it. One that was left over all the same (`fleetd` was killed)
 * is ended before another one may open the same store.
 *
 * INVARIANTS: callers serialise `start` and `stop`. A pid is acted on only after its start time was compared.
 */
export class HubProcess {
  readonly configFile: string;
  readonly logFile: string;
  readonly storeDir: string;
  readonly #places: HubPlaces;
  readonly #pidFile: string;
  readonly #outputFile: string;
  #child: ChildProcess | undefined;

  constructor(places: HubPlaces) {
    this.#places = places;
    this.configFile = join(places.dir, 'hub.conf');
    this.logFile = join(places.dir, 'hub.log');
    this.storeDir = join(places.dir, 'store');
    this.#pidFile = join(places.dir, 'hub.pid');
    this.#outputFile = join(places.dir, 'hub.out');
  }

  get pid(): number | undefined {
    return this.running ? this.#child?.pid : undefined;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Writes the configuration and checks it. Returns the digest by which the server names it. */
  async writeConfig(text: string): Promise<string> {
    await mkdir(this.storeDir, { recursive: true, mode: 0o700 });
    const candidate = `${this.configFile}.new`;
    await writeFileAtomic(candidate, text);
    const { stdout, stderr, exitCode } = await run(this.#places.program, ['-t', '-c', candidate], {
      allowFailure: true,
      timeoutMs: 20_000,
    }).catch((cause: unknown) => {
      throw new BulkheadError({
        code: 'FLEET_HUB_START_FAILED',
        message: `The hub of the fleet needs nats-server, and ${this.#places.program} cannot be run: ${describeError(cause)}`,
        hint: 'Run scripts/setup or install the package of Bulkhead, or say in `events.natsServer` where one of version 2.12 or newer lies.',
        fields: { path: this.#places.program },
        cause,
      });
    });
    const digest = /\((sha256:[0-9a-f]{64})\)/.exec(stdout + stderr)?.[1];
    if (exitCode !== 0 || digest === undefined) {
      throw new BulkheadError({
        code: 'FLEET_HUB_CONFIG_REFUSED',
        message: `nats-server refuses the configuration of the hub: ${(stderr || stdout).trim().slice(-600)}`,
      });
    }
    await writeFileAtomic(this.configFile, text);
    return digest;
  }

  /** Starts the server on the written configuration; `ended` is called once when it ends. It is not waited for. */
  async start(ended: () => void): Promise<void> {
    await this.#endLeftOver();
    // What it says before it has its log; never a pipe that would be closed under it.
    const output = openSync(this.#outputFile, 'w', 0o600);
    try {
      const child = spawn(
        'setpriv',
        ['--pdeathsig=TERM', '--no-new-privs', this.#places.program, '-c', this.configFile],
        {
          cwd: '/',
          stdio: ['ignore', output, output],
          env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', GOMEMLIMIT: '1GiB', LANG: 'C' },
        },
      );
      await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
      child.once('exit', ended);
      this.#child = child;
      const startTime = await startTimeOf(child.pid ?? 0);
      if (startTime !== undefined)
        await writeFileAtomic(this.#pidFile, `${String(child.pid)} ${startTime}\n`);
    } catch (cause) {
      throw new BulkheadError({
        code: 'FLEET_HUB_START_FAILED',
        message: `The hub's nats-server cannot be started from ${this.#places.program}.`,
        fields: { program: this.#places.program },
        cause,
      });
    } finally {
      closeSync(output);
    }
  }

  async stop(graceMs = 10_000): Promise<void> {
    const child = this.#child;
    if (child !== undefined && this.running) {
      const exited = new Promise<void>((resolve) =>
        child.once('exit', () => {
          resolve();
        }),
      );
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
    }
    this.#child = undefined;
    await rm(this.#pidFile, { force: true });
  }

  /** Why it does not run, with the end of what it said. */
  async startFailure(why: string): Promise<BulkheadError> {
    const texts = await Promise.all(
      [this.#outputFile, this.logFile].map((file) => readFile(file, 'utf8').catch(() => '')),
    );
    return new BulkheadError({
      code: 'FLEET_HUB_START_FAILED',
      message: `The hub's nats-server does not run: ${why}. It said: ${texts.join(' ').trim().slice(-800) || 'nothing'}`,
      fields: { log: this.logFile },
    });
  }

  async #endLeftOver(): Promise<void> {
    const text = await readFile(this.#pidFile, 'utf8').catch(() => '');
    const [pid = '', startTime = ''] = text.trim().split(' ');
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      for (let round = 0; round < 100; round += 1) {
        if (startTime === '' || (await startTimeOf(Number(pid))) !== startTime) return;
        if (round === 0) process.kill(Number(pid), signal);
        await sleep(50);
      }
    }
  }
}

/** When a process started (field 22 of `/proc/<pid>/stat`); undefined when there is none, or only its unreaped rest. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${String(pid)}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
