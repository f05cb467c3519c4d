import type { WebSocket } from 'ws';
import { LxdError, unreachable } from './errors.ts';
import { bytesOf } from './events.ts';
import { apiPath, type Transport } from './transport.ts';

type Fd = 'control' | '0' | '1' | '2';

/** One output of a program, kept up to a limit. */
interface Collected {
  chunks: Buffer[];
  size: number;
  /** The daemon marked its end: everything arrived. */
  whole: boolean;
  /** Resolves when marked, or the stream closed without. */
  ended: Promise<void>;
}

/**
 * The WebSockets of one non-interactive exec: `control` (signals), `0`, `1`, `2`; each is opened with a secret of its own
 * (https://documentation.ubuntu.com/lxd/stable-5.0/rest-api/ instance_exec_post). An empty text message marks the end
 * of a stream.
 *
 * INVARIANTS: opened one after the other, as the daemon's own client does (opened at the same time, LXD 5.0 now and then
 * closes one unused); listeners stand before anything can arrive; `close` ends all.
 */
export class ExecStreams {
  readonly #sockets: Readonly<Record<Fd, WebSocket>>;
  readonly #stdout: Collected;
  readonly #stderr: Collected;
  readonly #limit: number;

  private constructor(
    sockets: Readonly<Record<Fd, WebSocket>>,
    outputs: { stdout: Collected; stderr: Collected },
    limit: number,
  ) {
    this.#sockets = sockets;
    this.#stdout = outputs.stdout;
    this.#stderr = outputs.stderr;
    this.#limit = limit;
  }

  /** Connects all; the program starts with the last. @throws LxdError LXD_UNREACHABLE, LXD_BAD_ANSWER */
  static async open(
    transport: Transport,
    id: string,
    metadata: unknown,
    limit: number,
  ): Promise<ExecStreams> {
    const fds = ((metadata as { metadata?: { fds?: Record<string, string> } } | null)?.metadata?.fds ??
      {}) as Partial<Record<Fd, string>>;
    const opened: WebSocket[] = [];
    const connect = async <T>(fd: Fd, listen: (socket: WebSocket) => T): Promise<[WebSocket, T]> => {
      const secret = fds[fd];
      if (secret === undefined) {
        throw new LxdError({
          code: 'LXD_BAD_ANSWER',
          message: `The LXD daemon gave no secret for stream ${fd}.`,
        });
      }
      const socket = transport.webSocket(`${apiPath('operations', id)}/websocket`, { secret });
      opened.push(socket);
      const listening = listen(socket);
      await new Promise<void>((resolve, reject) => {
        socket.once('open', resolve);
        // Stays: an error without listener would end the process; the close that follows it says enough.
        socket.on('error', (error) => {
          reject(unreachable(transport.socket, error));
        });
      });
      return [socket, listening];
    };
    try {
      const [control] = await connect('control', () => undefined);
      const [stdin] = await connect('0', () => undefined);
      const [out, stdout] = await connect('1', (socket) => collect(socket, limit));
      const [err, stderr] = await connect('2', (socket) => collect(socket, limit));
      return new ExecStreams({ control, '0': stdin, '1': out, '2': err }, { stdout, stderr }, limit);
    } catch (error) {
      for (const socket of opened) socket.terminate();
      throw error;
    }
  }

  /** Writes the whole input and its end. */
  input(input: string | Buffer | undefined): void {
    const bytes = Buffer.from(input ?? '');
    const socket = this.#sockets['0'];
    for (let at = 0; at < bytes.length; at += 65_536) {
      socket.send(bytes.subarray(at, at + 65_536), { binary: true }, () => undefined);
    }
    socket.send('', { binary: false }, () => undefined);
  }

  /** Sends a signal to the program. */
  signal(number: number): void {
    this.#sockets.control.send(JSON.stringify({ command: 'signal', signal: number }), () => undefined);
  }

  /** Waits for the end of both outputs. @returns whether all of them arrived. */
  async ended(withinMs: number): Promise<boolean> {
    const { promise: late, cancel } = after(withinMs);
    await Promise.race([Promise.all([this.#stdout.ended, this.#stderr.ended]), late]);
    cancel();
    return this.#stdout.whole && this.#stderr.whole;
  }

  /** What was kept. */
  output(): { stdout: string; stderr: string; truncated: boolean } {
    const text = (from: Collected): string => Buffer.concat(from.chunks).toString('utf8');
    return {
      stdout: text(this.#stdout),
      stderr: text(this.#stderr),
      truncated: this.#stdout.size > this.#limit || this.#stderr.size > this.#limit,
    };
  }

  close(): void {
    for (const socket of Object.values(this.#sockets)) socket.terminate();
  }
}

function collect(socket: WebSocket, limit: number): Collected {
  const collected: Collected = { chunks: [], size: 0, whole: false, ended: Promise.resolve() };
  collected.ended = new Promise<void>((resolve) => {
    socket.on('message', (data, isBinary) => {
      const chunk = bytesOf(data);
      if (!isBinary && chunk.length === 0) {
        collected.whole = true;
        resolve();
        return;
      }
      if (collected.size < limit) collected.chunks.push(chunk.subarray(0, limit - collected.size));
      collected.size += chunk.length;
    });
    socket.on('close', resolve);
  });
  return collected;
}

function after(ms: number): { promise: Promise<void>; cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return {
    promise,
    cancel: () => {
      clearTimeout(timer);
    },
  };
}
