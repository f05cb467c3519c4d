import { LxdError } from './errors.ts';
import { ExecStreams } from './exec-streams.ts';
import { operationId, type Operations } from './operations.ts';
import { apiPath, type Transport } from './transport.ts';

/** One program to run inside a running container. */
export interface ExecOptions {
  /** Absolute program, then arguments; no shell. */
  command: readonly string[];
  environment?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Ids inside the container. Default 0. */
  user?: number;
  group?: number;
  /** Written to standard input, then closed. */
  stdin?: string | Buffer;
  /** The program is killed (SIGKILL) and LXD_EXEC_TIMEOUT thrown after this long. Default 60 s. */
  timeoutMs?: number;
  /** What is kept of each stream; the rest is read and dropped. Default 1 MiB. */
  maxOutputBytes?: number;
  /** Abort: the program is killed and LXD_ABORTED thrown. */
  signal?: AbortSignal | undefined;
}

/** What became of it. */
export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** True when more was written than was kept. */
  truncated: boolean;
}

/**
 * Runs a program over WebSockets (`POST /1.0/instances/{name}/exec`, `wait-for-websocket`), so that the daemon stores
 * nothing of its output.
 * @throws LxdError LXD_EXEC_TIMEOUT, LXD_ABORTED, LXD_STREAM_LOST (it ran, but not all output arrived).
 */
export async function execStreaming(
  transport: Transport,
  operations: Operations,
  project: string | undefined,
  name: string,
  options: ExecOptions,
): Promise<ExecResult> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const envelope = await transport.call({
    method: 'POST',
    path: apiPath('instances', name, 'exec'),
    query: { project },
    json: { ...execBody(options), 'wait-for-websocket': true },
    signal: options.signal,
  });
  const id = operationId(envelope);
  const streams = await ExecStreams.open(transport, id, envelope.metadata, options.maxOutputBytes ?? 1 << 20);
  streams.input(options.stdin);

  const deadline = AbortSignal.timeout(timeoutMs);
  const stop = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const kill = (): void => {
    streams.signal(9); // the program ends inside, and the operation with it
  };
  stop.addEventListener('abort', kill, { once: true });
  if (stop.aborted) kill();
  try {
    // The grace after the deadline is for the kill to arrive and the daemon to tell the exit code.
    const operation = await operations.wait(id, { timeoutMs: timeoutMs + 10_000 });
    const whole = await streams.ended(5_000);
    if (stop.aborted) {
      const aborted = options.signal?.aborted === true;
      throw new LxdError({
        code: aborted ? 'LXD_ABORTED' : 'LXD_EXEC_TIMEOUT',
        message: `${options.command.join(' ').slice(0, 200)} in ${name} was killed: ${
          aborted ? 'aborted' : `not done after ${String(timeoutMs)} ms`
        }.`,
      });
    }
    if (!whole) {
      throw new LxdError({
        code: 'LXD_STREAM_LOST',
        message: `The output of ${options.command.join(' ').slice(0, 200)} in ${name} was lost on the way.`,
      });
    }
    return { exitCode: exitCodeOf(operation.metadata), ...streams.output() };
  } finally {
    stop.removeEventListener('abort', kill);
    streams.close();
  }
}

/**
 * Runs a program and lets the daemon record its output in files, which are fetched and deleted. No standard input.
 * The files are not bounded by the daemon: only for programs whose output is known to be small.
 */
export async function execRecorded(
  transport: Transport,
  operations: Operations,
  project: string | undefined,
  name: string,
  options: Omit<ExecOptions, 'stdin'>,
): Promise<ExecResult> {
  const envelope = await transport.call({
    method: 'POST',
    path: apiPath('instances', name, 'exec'),
    query: { project },
    json: { ...execBody(options), 'record-output': true },
    signal: options.signal,
  });
  const operation = await operations.finish(envelope, {
    signal: options.signal,
    timeoutMs: options.timeoutMs ?? 60_000,
  });
  const files = (operation?.metadata?.['output'] ?? {}) as Record<string, string>;
  const limit = options.maxOutputBytes ?? 1 << 20;
  let truncated = false;
  const texts: Record<string, string> = {};
  for (const [stream, path] of Object.entries(files)) {
    const { body } = await transport.stream({ path, query: { project }, signal: options.signal });
    const kept: Buffer[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (size < limit) kept.push(chunk.subarray(0, limit - size));
      else truncated = true;
      size += chunk.length;
      truncated ||= size > limit;
    }
    texts[stream] = Buffer.concat(kept).toString('utf8');
    await transport.call({ method: 'DELETE', path, query: { project } });
  }
  return {
    exitCode: exitCodeOf(operation?.metadata ?? null),
    stdout: texts['1'] ?? '',
    stderr: texts['2'] ?? '',
    truncated,
  };
}

/** The exit code in the metadata of a finished exec operation. */
export function exitCodeOf(metadata: Readonly<Record<string, unknown>> | null): number {
  const code = metadata?.['return'];
  if (typeof code !== 'number') {
    throw new LxdError({
      code: 'LXD_BAD_ANSWER',
      message: 'The LXD daemon told no exit code for a program.',
    });
  }
  return code;
}

function execBody(options: Omit<ExecOptions, 'stdin'>) {
  return {
    command: options.command,
    environment: options.environment ?? {},
    interactive: false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.group === undefined ? {} : { group: options.group }),
  };
}
