import { spawn } from 'node:child_process';
import { chmod, chown, mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BulkheadError, run, writeFileAtomic, type Logger } from '../kernel/index.ts';
import { BUS_LIMITS } from './limits.ts';

/**
 * Numeric user and group of the server's process: no name, no file of anybody's, no capability. The number is in a range
 * that Debian keeps reserved (65000-65533), so no account and no instrument's id range has it.
 */
export const BUS_UID = 65_222;

/** A process, told apart from a later one with the same pid by when it started (field 22 of `/proc/<pid>/stat`). */
interface ProcessMark {
  pid: number;
  startTime: string;
}

/** Where the server's process keeps its things. */
export interface ServerPlaces {
  /** Path of the program. */
  program: string;
  /** Memory-backed folder for configuration, pid file and first output. */
  runDir: string;
  /** Durable folder for the store and the log. */
  stateDir: string;
}

/**
 * The nats-server process: detached, so that it outlives us, and found again by a later one of us.
 *
 * INVARIANTS: callers serialise `adopt`, `start` and `stop`. A pid is acted on only after its start time was compared.
 */
export class ServerProcess {
  readonly configFile: string;
  readonly logFile: string;
  readonly storeDir: string;
  readonly #places: ServerPlaces;
  readonly #log: Logger;
  readonly #pidFile: string;
  readonly #outputFile: string;
  #mark: ProcessMark | undefined;

  constructor(places: ServerPlaces, log: Logger) {
    this.#places = places;
    this.#log = log;
    this.configFile = join(places.runDir, 'nats-server.conf');
    this.#pidFile = join(places.runDir, 'nats-server.pid');
    this.#outputFile = join(places.runDir, 'nats-server.out');
    this.storeDir = join(places.stateDir, 'store');
    this.logFile = join(places.stateDir, 'log', 'nats-server.log');
  }

  get pid(): number | undefined {
    return this.#mark?.pid;
  }

  /** Makes the folders and gives the server its own: it can write nothing else. */
  async prepare(): Promise<void> {
    for (const dir of [this.#places.runDir, this.#places.stateDir]) {
      await mkdir(dir, { recursive: true, mode: 0o711 });
      // The server must be able to pass through our two folders, and through no more: it cannot list them.
      for (const passed of [dirname(dir), dir]) await chmod(passed, (await stat(passed)).mode | 0o001);
    }
    for (const dir of [this.storeDir, join(this.#places.stateDir, 'log')]) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await this.#give(dir);
    }
  }

  /** Writes a configuration that only the server can read (it holds the store's key), and checks it. Returns its digest. */
  async writeConfig(text: string): Promise<string> {
    const candidate = `${this.configFile}.new`;
    await writeFileAtomic(candidate, text);
    await this.#give(candidate);
    const [program, args] = this.#unprivileged(['-t', '-c', candidate]);
    const { stdout, stderr, exitCode } = await run(program, args, { allowFailure: true, timeoutMs: 20_000 });
    const digest = /\((sha256:[0-9a-f]{64})\)/.exec(stdout + stderr)?.[1];
    if (exitCode !== 0 || digest === undefined) {
      throw new BulkheadError({
        code: 'BUS_CONFIG_REFUSED',
        message: `nats-server refuses the configuration of the bus: ${(stderr || stdout).trim().slice(-600)}`,
        hint: 'Check that nats-server is version 2.12 or later; what ran before goes on.',
      });
    }
    await writeFileAtomic(this.configFile, text);
    await this.#give(this.configFile);
    return digest;
  }

  /** The configuration that was written last; empty when there is none. */
  async readConfig(): Promise<string> {
    return readFile(this.configFile, 'utf8').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    });
  }

  /** Finds the server that an earlier one of us left running. */
  async adopt(): Promise<boolean> {
    try {
      const [pid, startTime] = (await readFile(this.#pidFile, 'utf8')).trim().split(' ');
      const mark = { pid: Number(pid), startTime: startTime ?? '' };
      if (!Number.isInteger(mark.pid) || mark.pid < 2 || !(await isAlive(mark))) return false;
      this.#mark = mark;
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  async alive(): Promise<boolean> {
    return this.#mark !== undefined && (await isAlive(this.#mark));
  }

  /** Starts the server on the written configuration. It is not waited for: see `ready` in the caller. */
  async start(): Promise<void> {
    const output = await open(this.#outputFile, 'w', 0o600);
    try {
      const [program, args] = this.#unprivileged(['-c', this.configFile]);
      const child = spawn(program, args, {
        detached: true,
        cwd: '/',
        stdio: ['ignore', output.fd, output.fd],
        env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', GOMEMLIMIT: '768MiB', LANG: 'C' },
      });
      const failed = new Promise<never>((_, reject) => child.once('error', reject));
      const spawned = new Promise<void>((resolve) => child.once('spawn', resolve));
      await Promise.race([spawned, failed]);
      child.unref();
      const pid = child.pid ?? 0;
      const startTime = await startTimeOf(pid);
      if (startTime === undefined) throw await this.startFailure('it ended at once');
      this.#mark = { pid, startTime };
      // The pid file is what a later one of us adopts by; without it the port would be taken by a stranger.
      await writeFileAtomic(this.#pidFile, `${String(pid)} ${startTime}\n`);
      this.#log.info({ pid }, 'nats-server started');
    } catch (cause) {
      if (cause instanceof BulkheadError) throw cause;
      throw new BulkheadError({
        code: 'BUS_START_FAILED',
        message: `nats-server cannot be started from ${this.#places.program}.`,
        hint: 'Run scripts/setup to install it.',
        fields: { program: this.#places.program },
        cause,
      });
    } finally {
      await output.close();
    }
  }

  /** Tells the server to end and waits; after `graceMs` it is killed. */
  async stop(graceMs = 10_000): Promise<void> {
    const mark = this.#mark;
    if (mark === undefined) return;
    for (const [signal, waitMs] of [
      ['SIGTERM', graceMs],
      ['SIGKILL', 5_000],
    ] as const) {
      if (!(await isAlive(mark))) break;
      process.kill(mark.pid, signal);
      const deadline = performance.now() + waitMs;
      while ((await isAlive(mark)) && performance.now() < deadline) await sleep(20);
    }
    this.#mark = undefined;
  }

  /** Why it does not run, with the end of what it said. */
  async startFailure(why: string): Promise<BulkheadError> {
    const tail = await this.logTail();
    return new BulkheadError({
      code: 'BUS_START_FAILED',
      message: `nats-server does not run: ${why}. It said: ${tail || 'nothing'}`,
      hint: `Read ${this.logFile}; check that the port is free, the disk is not full and the store is not damaged.`,
      fields: { log: this.logFile },
    });
  }

  /** The last lines of output and log, at most 1.5 kB. */
  async logTail(): Promise<string> {
    const parts = await Promise.all([tailOf(this.#outputFile, 600), tailOf(this.logFile, 900)]);
    return parts
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .join(' | ');
  }

  /** Runs the server without root's rights: it talks to hostile containers and needs none of them. */
  #unprivileged(args: readonly string[]): [string, string[]] {
    const program = this.#places.program;
    if (process.getuid?.() !== 0) return [program, [...args]];
    const id = String(BUS_UID);
    const openFiles = String(BUS_LIMITS.openFiles);
    const drop = [
      `--reuid=${id}`,
      `--regid=${id}`,
      '--clear-groups',
      '--no-new-privs',
      '--bounding-set=-all',
    ];
    return [
      'prlimit',
      [
        `--nofile=${openFiles}:${openFiles}`,
        '--core=0:0',
        'setpriv',
        ...drop,
        '--inh-caps=-all',
        program,
        ...args,
      ],
    ];
  }

  async #give(path: string): Promise<void> {
    if (process.getuid?.() === 0) await chown(path, BUS_UID, BUS_UID);
  }
}

async function isAlive(mark: ProcessMark): Promise<boolean> {
  return (await startTimeOf(mark.pid)) === mark.startTime;
}

/** When a process started; undefined when there is none, or only its unreaped rest. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${String(pid)}/stat`, 'latin1');
    // The command name may hold anything; the fields after its closing bracket are counted from the third.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

async function tailOf(path: string, bytes: number): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const buffer = Buffer.alloc(Math.min(bytes, size));
      await file.read(buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString('utf8');
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}
