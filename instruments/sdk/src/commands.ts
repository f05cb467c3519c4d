import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { InstrumentError } from './errors.ts';
import type { InstrumentLog } from './log.ts';
import { LIMITS } from './protocol.ts';
import { checked, untyped, type Command } from './typed-command.ts';

/** A reply to a command: the result, or a code and a message. */
export type CommandReply = { ok: true; result?: unknown } | { ok: false; code: string; message: string };

/** Answers one kind of request; what it throws becomes `{ok: false}`. */
export type Answer = (payload: unknown, from: string) => unknown;

/** A command as it is answered: with schemas, or by its name alone. */
export type AnsweredCommand = Pick<Command, 'name' | 'timeoutMs' | 'maxRequestBytes'> & Partial<Command>;

interface Handler {
  answer: Answer;
  command: AnsweredCommand;
}

interface Request {
  kind: 'control' | 'message';
  name: string;
  from: string;
}

/**
 * Requests at work at the same time; more are turned away, so that a flood cannot fill the memory. One sender cannot take all
 * places, and no sender those of the platform's control.
 */
const AT_WORK = Object.freeze({ control: 16, messages: 32, ofOneSender: 16 });

/**
 * Answers requests on the instrument's subjects: commands from others (`message.<name>.<from>.<command>`) and control
 * (`control.<name>.<command>`).
 *
 * INVARIANTS: each request gets exactly one reply: also when the answer throws, cannot be written, is too large, or does not
 * come in the command's time. A place is free again when the answer's work has ended, not when its sender was told that it
 * takes too long.
 */
export class CommandServer {
  readonly #connection: NatsConnection;
  readonly #name: string;
  readonly #log: InstrumentLog;
  readonly #mayState: () => boolean;
  readonly #commands = new Map<string, Handler>();
  readonly #controls = new Map<string, Handler>();
  /** Requests at work: of control, and by sender. */
  readonly #atWork = new Map<string, number>();
  #messagesAtWork = 0;

  /** @param mayState whether the sensor's journal takes what became of commands */
  constructor(connection: NatsConnection, name: string, log: InstrumentLog, mayState: () => boolean) {
    this.#mayState = mayState;
    this.#connection = connection;
    this.#name = name;
    this.#log = log;
  }

  /** Starts listening; answers may be added before or after. */
  listen(): void {
    this.#connection.subscribe(`control.${this.#name}.>`, {
      callback: (error, message) => {
        if (error !== null) return;
        const name = message.subject.split('.').slice(2).join('.');
        void this.#serve(message, { kind: 'control', name, from: 'platform' });
      },
    });
    this.#connection.subscribe(`message.${this.#name}.>`, {
      callback: (error, message) => {
        if (error !== null) return;
        // The server lets only <from>'s account send here, so the token is the sender and cannot be forged.
        const [, , from = '', ...command] = message.subject.split('.');
        void this.#serve(message, { kind: 'message', name: command.join('.'), from });
      },
    });
  }

  onCommand(command: AnsweredCommand, answer: Answer): void {
    this.#commands.set(command.name, { command, answer });
  }

  onControl(name: string, answer: Answer): void {
    this.#controls.set(name, { command: { ...untyped(name), timeoutMs: LIMITS.commandMaxMs }, answer });
  }

  async #serve(message: Msg, request: Request): Promise<void> {
    const { kind, name, from } = request;
    const handler = (kind === 'control' ? this.#controls : this.#commands).get(name);
    if (handler === undefined) {
      const text = `${this.#name} does not answer ${kind} ${name}`;
      this.#reply(message, request, refusal('BUS_UNKNOWN_COMMAND', text));
      return;
    }
    const place = kind === 'control' ? 'control' : `from ${from}`;
    const atWork = this.#atWork.get(place) ?? 0;
    const full = kind === 'control' ? atWork >= AT_WORK.control : this.#full(atWork);
    if (full) {
      const text = `${this.#name} is answering as many requests as it takes`;
      this.#reply(message, request, refusal('BUS_BUSY', text));
      return;
    }
    this.#atWork.set(place, atWork + 1);
    if (kind === 'message') this.#messagesAtWork += 1;
    await this.#work(message, request, handler);
    if (kind === 'message') this.#messagesAtWork -= 1;
    const left = (this.#atWork.get(place) ?? 1) - 1;
    if (left === 0) this.#atWork.delete(place);
    else this.#atWork.set(place, left);
  }

  #full(ofThisSender: number): boolean {
    return ofThisSender >= AT_WORK.ofOneSender || this.#messagesAtWork >= AT_WORK.messages;
  }

  async #work(message: Msg, request: Request, { command, answer }: Handler): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => {
      late.abort();
      const text = `${this.#name} did not finish ${request.name} within ${String(command.timeoutMs)} ms`;
      this.#log.warn('a request takes too long', { ...request });
      this.#reply(message, request, refusal('BUS_TIMEOUT', text));
    }, command.timeoutMs);
    let reply: unknown;
    try {
      const payload = this.#payloadOf(message, request, command);
      const result = this.#checkedReply(await answer(payload, request.from), request, command);
      const envelope = { ok: true, ...(result === undefined ? {} : { result }) };
      reply = request.kind === 'control' ? result : envelope;
    } catch (error) {
      const code = (error as { code?: unknown } | null)?.code;
      const text = error instanceof Error ? error.message : String(error);
      this.#log.warn('a request failed', { ...request, reason: text });
      reply = refusal(typeof code === 'string' ? code : 'BUS_COMMAND_FAILED', text);
    }
    clearTimeout(timer);
    // A reply that comes after the error would be a second one.
    if (!late.signal.aborted) this.#reply(message, request, reply);
  }

  #payloadOf(message: Msg, request: Request, command: AnsweredCommand): unknown {
    const what = `The request ${request.name} from ${request.from}`;
    const bytes = message.data.length;
    if (bytes > command.maxRequestBytes) {
      const most = String(command.maxRequestBytes);
      throw new InstrumentError({
        code: 'BUS_PAYLOAD_TOO_LARGE',
        message: `${what} has ${String(bytes)} bytes, more than ${most}`,
      });
    }
    let payload: unknown = {};
    try {
      if (bytes > 0) payload = message.json<unknown>();
    } catch (cause) {
      throw new InstrumentError({ code: 'BUS_PAYLOAD_INVALID', message: `${what} is not JSON`, cause });
    }
    if (command.request === undefined) return payload;
    return checked(command.request, payload, { code: 'BUS_PAYLOAD_INVALID', what, fields: {} });
  }

  #checkedReply(result: unknown, request: Request, command: AnsweredCommand): unknown {
    if (command.reply === undefined) return result;
    const what = `The reply of ${this.#name} to ${request.name}`;
    return checked(command.reply, result, { code: 'BUS_REPLY_INVALID', what, fields: {} });
  }

  #reply(message: Msg, request: Request, value: unknown): void {
    const { text, code } = inBounds(value);
    message.respond(text);
    if (request.kind === 'control' || request.from === 'platform' || !this.#mayState()) return;
    // For the sensor's journal of messages; the server itself sees that we answered, but not how.
    const statement = { from: request.from, command: request.name, ok: code === undefined, code };
    this.#connection.publish(`platform.${this.#name}.journal`, JSON.stringify(statement));
  }
}

/** As JSON; what is missing, too large or cannot be written becomes an error, so that nobody is left without an answer. */
function inBounds(value: unknown): { text: string; code: string | undefined } {
  const failed = (reply: Extract<CommandReply, { ok: false }>) => ({
    text: JSON.stringify(reply),
    code: reply.code,
  });
  try {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined || Buffer.byteLength(text) > LIMITS.commandBytes)
      return failed(refusal('BUS_REPLY_TOO_LARGE', 'the reply is missing or larger than 256 KiB'));
    const { ok, code } = value as Partial<Extract<CommandReply, { ok: false }>>;
    return { text, code: ok === false ? code : undefined };
  } catch {
    return failed(refusal('BUS_REPLY_INVALID', 'the reply cannot be written as JSON'));
  }
}

function refusal(code: string, message: string): Extract<CommandReply, { ok: false }> {
  return { ok: false, code: code.slice(0, 64), message: message.slice(0, 500) };
}
