import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { BulkheadError, describeError, type Logger } from '@bulkhead/platform/kernel';

/** An unprivileged user that every Debian has (`nobody`). */
const NOBODY = '65534';
/** Takes away every right: what talks to an attacker's bytes is not root, not even in a namespace. */
const UNPRIVILEGED = [
  'setpriv',
  `--reuid=${NOBODY}`,
  `--regid=${NOBODY}`,
  '--clear-groups',
  '--no-new-privs',
  '--inh-caps=-all',
  '--bounding-set=-all',
  // The kernel ends it when the lab's own process dies, however that happens.
  '--pdeathsig=KILL',
];

const MAX_LINE = 16_384;

/** What a program of the lab says, one JSON object per line. */
interface Said {
  ready?: boolean;
  done?: number;
  failed?: number;
  text?: string;
  counters?: Record<string, number>;
}

/**
 * One program in one namespace of the lab (undefined: in that of the host), commanded by JSON lines on its standard input.
 *
 * INVARIANTS: commands are numbered and may overlap; each ends once, at the latest when the program ends; `stop` is idempotent.
 */
export class LabProgram {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #log: Logger;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  #isReady = false;
  #next = 1;
  #stopping = false;
  #lastWords = '';
  counters: Readonly<Record<string, number>> = {};

  constructor(name: string, namespace: string | undefined, command: readonly string[], log: Logger) {
    this.#name = name;
    this.#log = log;
    const entered = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace];
    const [program = '', ...args] = [...entered, ...UNPRIVILEGED, ...command];
    this.#child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C' },
    });
    this.#child.stdin?.on('error', () => undefined); // it ended; the exit says more
    this.#exited = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.#end(describeError(error));
        resolve();
      });
      this.#child.on('exit', (code, signal) => {
        this.#end(`it ended with ${signal ?? `exit ${String(code)}`}. ${this.#lastWords}`.trim());
        resolve();
      });
    });
    if (this.#child.stdout)
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(line));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-600);
    });
  }

  /** Resolves when the program said that it is ready. */
  ready(timeoutMs: number): Promise<void> {
    return this.#answer(0, timeoutMs, () => {
      if (this.#isReady) this.#waiting.get(0)?.resolve();
    });
  }

  /** Sends a command and waits for its end. */
  command(values: Record<string, unknown>, timeoutMs: number): Promise<void> {
    const id = this.#next;
    this.#next += 1;
    return this.#answer(id, timeoutMs, () => {
      this.#child.stdin?.write(`${JSON.stringify({ ...values, id })}\n`);
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#child.kill('SIGKILL'); // it holds nothing that is worth a farewell
    await this.#exited;
  }

  async #answer(id: number, timeoutMs: number, begin: () => void): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
          reject(new Error(`it is not running. ${this.#lastWords}`));
          return;
        }
        this.#waiting.set(id, { resolve, reject });
        timer = setTimeout(() => {
          reject(new Error(`no answer within ${String(timeoutMs)} ms. ${this.#lastWords}`));
        }, timeoutMs);
        begin();
      });
    } catch (cause) {
      throw new BulkheadError({
        code: id === 0 ? 'START_LAB_FAILED' : 'START_LAB_ATTACK_FAILED',
        message: `The lab's ${this.#name}: ${describeError(cause)}`,
        fields: { program: this.#name },
        cause,
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  #hear(line: string): void {
    if (line.length > MAX_LINE) return;
    let said: Said;
    try {
      said = JSON.parse(line) as Said;
    } catch {
      this.#log.debug({ program: this.#name, line: line.slice(0, 300) }, 'lab program');
      return;
    }
    if (said.ready === true) {
      this.#isReady = true;
      this.#waiting.get(0)?.resolve();
    }
    if (said.counters !== undefined) this.counters = said.counters;
    if (said.done !== undefined) this.#waiting.get(said.done)?.resolve();
    if (said.failed !== undefined) this.#waiting.get(said.failed)?.reject(new Error(said.text));
  }

  #end(why: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    if (!this.#stopping) this.#log.warn({ program: this.#name, why }, 'a program of the lab ended by itself');
  }
}
