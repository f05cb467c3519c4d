import { spawn } from 'node:child_process';
import { BulkheadError } from './errors.ts';

/** How to run one program. */
export interface CommandOptions {
  /** Written to standard input, then closed. Secrets go here, never into arguments or the environment. */
  input?: string | Buffer;
  /** Killed (SIGKILL) after this long. Default 30 s. */
  timeoutMs?: number;
  /** Added to a minimal environment (PATH, LANG=C, HOME). */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** More output than this per stream is cut, not kept. Default 1 MiB. */
  maxOutputBytes?: number;
  signal?: AbortSignal;
  /** Return non-zero exits instead of throwing. */
  allowFailure?: boolean;
}

export interface CommandResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program without a shell, with bounded time and output.
 * @throws BulkheadError KERNEL_COMMAND_FAILED (non-zero exit), KERNEL_COMMAND_MISSING (not installed),
 *         KERNEL_COMMAND_TIMEOUT.
 */
export async function run(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const limit = options.maxOutputBytes ?? 1 << 20;
  const timeoutMs = options.timeoutMs ?? 30_000;
  return new Promise<CommandResult>((resolve, reject) => {
    const child = spawn(program, [...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        LANG: 'C',
        HOME: '/root',
        ...options.env,
      },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal === undefined ? {} : { signal: options.signal, killSignal: 'SIGKILL' as const }),
    });
    const out = new BoundedText(limit);
    const err = new BoundedText(limit);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
      // A grandchild that inherited the pipes would keep them open, and us waiting, as long as it lives.
      child.stdout.destroy();
      child.stderr.destroy();
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err.push(chunk);
    });
    child.on('error', (cause: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      if (cause.code !== 'ENOENT') {
        reject(cause);
        return;
      }
      reject(
        new BulkheadError({
          code: 'KERNEL_COMMAND_MISSING',
          message: `The program ${program} is not installed.`,
          hint: 'Run scripts/setup, or install the Debian package that provides it.',
          fields: { program },
          cause,
        }),
      );
    });
    // EPIPE: the program ended without reading its input; its exit status says more than the broken pipe.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const result = { exitCode: code ?? 128, stdout: out.text(), stderr: err.text() };
      const commandLine = [program, ...args].join(' ').slice(0, 300);
      if (timedOut) {
        reject(
          new BulkheadError({
            code: 'KERNEL_COMMAND_TIMEOUT',
            message: `${commandLine} did not finish within ${String(timeoutMs)} ms.`,
            fields: { program, timeoutMs },
          }),
        );
      } else if (result.exitCode === 0 || (options.allowFailure === true && signal === null)) {
        resolve(result);
      } else {
        reject(
          new BulkheadError({
            code: 'KERNEL_COMMAND_FAILED',
            message: `${commandLine} failed (${signal ?? `exit ${String(result.exitCode)}`}): ${
              result.stderr.trim().slice(-600) || result.stdout.trim().slice(-600)
            }`,
            fields: { program, exitCode: result.exitCode },
          }),
        );
      }
    });
  });
}

/** Keeps the first `limit` bytes of a stream, so a chatty program cannot fill our memory. */
class BoundedText {
  readonly #chunks: Buffer[] = [];
  #size = 0;
  readonly #limit: number;
  constructor(limit: number) {
    this.#limit = limit;
  }
  push(chunk: Buffer): void {
    const room = this.#limit - this.#size;
    if (room <= 0) return;
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.#chunks.push(kept);
    this.#size += kept.length;
  }
  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
