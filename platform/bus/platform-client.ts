import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamClient } from '@nats-io/jetstream';
import { errors, headers, type NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { BulkheadError, parseStrict } from '../kernel/index.ts';
import { EVENT_HEADERS, PLATFORM } from '../contracts/index.ts';
import { BUS_LIMITS } from './limits.ts';
import { subjects } from './names.ts';

/** How long a platform event is tried again over a restart of the server; well below the duplicate window. */
const PUBLISH_MS = 15_000;

/**
 * Asks an instrument something over its control subjects.
 * @throws BulkheadError BUS_NO_RESPONDER, BUS_TIMEOUT, BUS_REPLY_INVALID
 */
export async function requestControl(
  connection: NatsConnection,
  instrument: string,
  command: string,
  payload: unknown,
  timeoutMs: number,
): Promise<unknown> {
  return ask(
    connection,
    { instrument, command, subject: subjects.control(instrument, command) },
    payload,
    timeoutMs,
  );
}

/** What an instrument answers to a command (PROTOCOL.md, section 6). */
export type CommandReply = { ok: true; result?: unknown } | { ok: false; code: string; message: string };

const CommandReplySchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), result: z.unknown().optional() }),
  z.object({ ok: z.literal(false), code: z.string().max(64), message: z.string().max(500) }),
]);

/**
 * Sends an instrument a command that it accepts, as `platform`.
 * @throws BulkheadError BUS_NO_RESPONDER, BUS_TIMEOUT, BUS_REPLY_INVALID
 */
export async function sendAsPlatform(
  connection: NatsConnection,
  instrument: string,
  command: string,
  payload: unknown,
  timeoutMs: number,
): Promise<CommandReply> {
  const subject = subjects.message(instrument, PLATFORM, command);
  const reply = await ask(connection, { instrument, command, subject }, payload, timeoutMs);
  return parseStrict(
    CommandReplySchema,
    reply,
    'BUS_REPLY_INVALID',
    `The reply of ${instrument} to ${subject}`,
  );
}

async function ask(
  connection: NatsConnection,
  to: { instrument: string; command: string; subject: string },
  payload: unknown,
  timeoutMs: number,
): Promise<unknown> {
  const { instrument, command, subject } = to;
  const fields = { instrument, operation: command, subject };
  try {
    const reply = await connection.request(subject, JSON.stringify(payload ?? {}), { timeout: timeoutMs });
    if (reply.data.length > BUS_LIMITS.messageBytes) throw new SyntaxError('too large');
    return JSON.parse(reply.string()) as unknown;
  } catch (cause) {
    if (cause instanceof SyntaxError) {
      throw new BulkheadError({
        code: 'BUS_REPLY_INVALID',
        message: `${instrument} answered ${subject} with something that is not JSON.`,
        hint: 'The instrument does not follow PROTOCOL.md; look at its log.',
        fields,
        cause,
      });
    }
    if (isNoResponder(cause)) {
      throw new BulkheadError({
        code: 'BUS_NO_RESPONDER',
        message: `${instrument} does not answer ${subject}: it is not connected to the bus.`,
        hint: 'See whether it runs (`bulkhead instrument list`) and what it logs.',
        fields,
        cause,
      });
    }
    throw new BulkheadError({
      code: 'BUS_TIMEOUT',
      message: `${instrument} did not answer ${subject} within ${String(timeoutMs)} ms.`,
      hint: 'It is connected but busy or stuck; look at its log.',
      fields,
      cause,
    });
  }
}

/**
 * Stores one platform event; the same message id on every try, so that it is stored once.
 * @throws BulkheadError BUS_PUBLISH_FAILED
 */
export async function publishEvent(
  client: () => JetStreamClient,
  event: { sensor: string; type: string; record: Readonly<Record<string, unknown>> },
): Promise<void> {
  const id = randomBytes(12).toString('base64url');
  const head = headers();
  head.set(EVENT_HEADERS.id, id);
  head.set(EVENT_HEADERS.source, `/sensor/${event.sensor}/instrument/${PLATFORM}`);
  head.set(EVENT_HEADERS.type, event.type);
  head.set(EVENT_HEADERS.time, new Date().toISOString());
  head.set(EVENT_HEADERS.count, '1');
  const subject = subjects.event(PLATFORM, event.type);
  const body = `${JSON.stringify(event.record)}\n`;
  const deadline = performance.now() + PUBLISH_MS;
  for (;;) {
    try {
      await client().publish(subject, body, { msgID: id, headers: head, timeout: 3_000, retries: 0 });
      return;
    } catch (cause) {
      if (performance.now() < deadline) {
        await sleep(200);
        continue;
      }
      throw new BulkheadError({
        code: 'BUS_PUBLISH_FAILED',
        message: `The platform's event ${event.type} could not be stored.`,
        hint: 'See `bulkhead doctor`: the bus is down or its stream is full.',
        fields: { subject },
        cause,
      });
    }
  }
}

function isNoResponder(error: unknown): boolean {
  return (
    error instanceof errors.NoRespondersError ||
    (error instanceof Error && error.cause instanceof errors.NoRespondersError) ||
    (error instanceof errors.RequestError && error.isNoResponders())
  );
}

/** What is said while there is no connection to the server. */
export function notReady(): BulkheadError {
  return new BulkheadError({
    code: 'BUS_NOT_READY',
    message: 'The bus does not run yet, or is being restarted.',
    hint: 'Try again in a moment; `bulkhead doctor` says whether nats-server runs.',
  });
}
