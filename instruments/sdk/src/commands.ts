import { errors, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { InstrumentError, notPermitted } from './errors.ts';
import type { InstrumentLog } from './log.ts';
import { LIMITS } from './protocol.ts';

/** A reply to a command: the result, or a code and a message. */
export type CommandReply = { ok: true; result?: unknown } | { ok: false; code: string; message: string };

/** Answers one kind of request; what it throws becomes `{ok: false}`. */
export type Answer = (payload: unknown, from: string) => unknown;

/** Requests at work at the same time; more are turned away, so that a flood cannot fill the memory. */
const MAX_AT_WORK = 16;

/**
 * Answers requests on the instrument's subjects: commands from others (`message.<name>.<from>.<command>`) and control
 * (`control.<name>.<command>`).
 *
 * INVARIANTS: at most 16 requests are at work; each gets exactly one reply, also when the answer throws.
 */
export class CommandServer {
  readonly #connection: NatsConnection;
  readonly #name: string;
  readonly #log: InstrumentLog;
  readonly #commands = new Map<string, Answer>();
  readonly #controls = new Map<string, Answer>();
  #atWork = 0;

  constructor(connection: NatsConnection, name: string, log: InstrumentLog) {
    this.#connection = connection;
    this.#name = name;
    this.#log = log;
  }

  /** Starts listening; answers may be added before or after. */
  listen(): void {
    this.#connection.subscribe(`control.${this.#name}.>`, {
      callback: (error, message) => {
        if (error === null)
          void this.#serve(message, 'control', message.subject.split('.').slice(2).join('.'), 'platform');
      },
    });
    this.#connection.subscribe(`message.${this.#name}.>`, {
      callback: (error, message) => {
        if (error !== null) return;
        // The server lets only <from>'s account send here, so the token is the sender and cannot be forged.
        const [, , from = '', ...command] = message.subject.split('.');
        void this.#serve(message, 'message', command.join('.'), from);
      },
    });
  }

  onCommand(command: string, answer: Answer): void {
    this.#commands.set(command, answer);
  }

  onControl(command: string, answer: Answer): void {
    this.#controls.set(command, answer);
  }

  async #serve(message: Msg, kind: 'control' | 'message', command: string, from: string): Promise<void> {
    const answer = (kind === 'control' ? this.#controls : this.#commands).get(command);
    if (answer === undefined) {
      this.#reply(
        message,
        refusal('BUS_UNKNOWN_COMMAND', `${this.#name} does not answer ${kind} ${command}`),
      );
      return;
    }
    if (this.#atWork >= MAX_AT_WORK) {
      this.#reply(message, refusal('BUS_BUSY', `${this.#name} is answering as many requests as it takes`));
      return;
    }
    this.#atWork += 1;
    try {
      const result = await answer(parsePayload(message), from);
      this.#reply(
        message,
        kind === 'control' ? result : { ok: true, ...(result === undefined ? {} : { result }) },
      );
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      const text = error instanceof Error ? error.message : String(error);
      this.#log.warn('a request failed', { kind, command, from, reason: text });
      this.#reply(message, refusal(typeof code === 'string' ? code : 'BUS_COMMAND_FAILED', text));
    } finally {
      this.#atWork -= 1;
    }
  }

  #reply(message: Msg, value: unknown): void {
    let text = JSON.stringify(value) as string | undefined;
    if (text === undefined || Buffer.byteLength(text) > LIMITS.commandBytes) {
      text = JSON.stringify(refusal('BUS_REPLY_TOO_LARGE', 'the reply is missing or larger than 256 KiB'));
    }
    message.respond(text);
  }
}

/**
 * Sends one command and waits for its reply.
 * @throws InstrumentError BUS_NOT_PERMITTED, BUS_NO_RESPONDER, BUS_TIMEOUT, BUS_COMMAND_FAILED
 */
export async function sendCommand(
  connection: NatsConnection,
  from: string,
  to: string,
  command: string,
  payload: unknown,
  timeoutMs: number,
): Promise<unknown> {
  const subject = `message.${to}.${from}.${command}`;
  const fields = { instrument: from, operation: 'send', subject };
  const body = JSON.stringify(payload ?? {});
  if (Buffer.byteLength(body) > LIMITS.commandBytes) {
    throw failed(`${from} cannot send on ${subject}: the payload is larger than 256 KiB.`, {
      ...fields,
      reason: 'too large',
    });
  }
  let reply: Msg;
  try {
    reply = await connection.request(subject, body, { timeout: timeoutMs });
  } catch (cause) {
    const inner = cause instanceof Error ? cause.cause : undefined;
    if (
      inner instanceof errors.PermissionViolationError ||
      cause instanceof errors.PermissionViolationError
    ) {
      throw notPermitted(from, 'send', subject);
    }
    if (cause instanceof errors.NoRespondersError || inner instanceof errors.NoRespondersError) {
      throw new InstrumentError({
        code: 'BUS_NO_RESPONDER',
        message: `${to} does not answer ${subject}: it is not connected to the bus.`,
        fields,
        cause,
      });
    }
    throw new InstrumentError({
      code: 'BUS_TIMEOUT',
      message: `${to} did not answer ${subject} within ${String(timeoutMs)} ms.`,
      fields,
      cause,
    });
  }
  return readReply(reply, to, subject, fields);
}

function readReply(reply: Msg, to: string, subject: string, fields: Record<string, string>): unknown {
  let value: Partial<{ ok: boolean; result: unknown; code: unknown; message: unknown }> | null;
  try {
    value = reply.json();
  } catch (cause) {
    throw failed(
      `${to} answered ${subject} with something that is not JSON.`,
      { ...fields, reason: 'not JSON' },
      cause,
    );
  }
  if (value?.ok === true) return value.result;
  const reason = textOf(value?.code, 'unknown').slice(0, 64);
  const text = textOf(value?.message, 'no reason given').slice(0, 500);
  throw failed(`${to} refused ${subject}: ${text}`, { ...fields, reason });
}

function parsePayload(message: Msg): unknown {
  if (message.data.length > LIMITS.commandBytes) throw new RangeError('the payload is larger than 256 KiB');
  return message.data.length === 0 ? {} : message.json<unknown>();
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function refusal(code: string, message: string): CommandReply {
  return { ok: false, code: code.slice(0, 64), message: message.slice(0, 500) };
}

function failed(message: string, fields: Record<string, string>, cause?: unknown): InstrumentError {
  return new InstrumentError({ code: 'BUS_COMMAND_FAILED', message, fields, cause });
}
