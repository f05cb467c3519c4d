import { createConnection, type Socket } from 'node:net';

/** Largest reply that is read: counters and lists of failed rules are far smaller. */
const MAX_REPLY = 16 * 2 ** 20;

/** Suricata said no, or did not answer. */
export class CommandError extends Error {
  readonly command: string;
  constructor(command: string, why: string) {
    super(`Suricata's command ${command} failed: ${why}`);
    this.name = 'CommandError';
    this.command = command;
  }
}

/**
 * Asks a running Suricata over its command socket (protocol version 0.2: one JSON object per line, the version first).
 * One connection per command: Suricata keeps none across its restart.
 * @throws CommandError refused, unreadable, or no reply within `timeoutMs`
 */
export async function askSuricata(
  socketPath: string,
  command: string,
  args: Readonly<Record<string, string>> = {},
  timeoutMs = 5_000,
): Promise<unknown> {
  const socket = createConnection(socketPath);
  const lines = new Replies(socket, command);
  const timer = setTimeout(
    () => socket.destroy(new Error(`no reply within ${String(timeoutMs)} ms`)),
    timeoutMs,
  );
  try {
    socket.write('{"version": "0.2"}\n');
    expectOk(command, await lines.next());
    socket.write(`${JSON.stringify({ command, arguments: args })}\n`);
    return expectOk(command, await lines.next());
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function expectOk(command: string, reply: unknown): unknown {
  const { return: result, message } = (reply ?? {}) as { return?: unknown; message?: unknown };
  if (result === 'OK') return message;
  throw new CommandError(command, typeof message === 'string' ? message : 'an unreadable reply');
}

/** Replies of one connection, one after the other. */
class Replies {
  readonly #socket: Socket;
  readonly #command: string;
  #text = '';
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: Socket, command: string) {
    this.#socket = socket;
    this.#command = command;
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      this.#text += part;
      if (this.#text.length > MAX_REPLY) socket.destroy(new Error('the reply is too long'));
      this.#wake?.();
    });
    const stop = (error?: Error): void => {
      this.#error ??= error ?? new Error('the connection was closed');
      this.#wake?.();
    };
    socket.on('error', stop);
    socket.on('close', () => {
      stop();
    });
  }

  async next(): Promise<unknown> {
    for (;;) {
      const end = this.#text.indexOf('\n');
      if (end !== -1) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        try {
          return JSON.parse(line);
        } catch {
          throw new CommandError(this.#command, 'the reply is not JSON');
        }
      }
      if (this.#error !== undefined) throw new CommandError(this.#command, this.#error.message);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
