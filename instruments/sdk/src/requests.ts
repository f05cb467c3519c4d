import { errors, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { InstrumentError, notPermitted, type InstrumentErrorCode } from './errors.ts';
import { LIMITS } from './protocol.ts';

/** One request of ours, and what bounds it. */
export interface OutgoingRequest {
  /** Our own name. */
  from: string;
  /** Who answers, in words. */
  to: string;
  operation: 'send' | 'ask';
  subject: string;
  payload: unknown;
  /** Largest body in bytes. */
  maxBytes: number;
  /** At most 60 s: after that the server has forgotten the way back. */
  timeoutMs: number;
}

/**
 * Sends one request and waits for its one reply.
 * @throws InstrumentError BUS_NOT_PERMITTED, BUS_PAYLOAD_TOO_LARGE, BUS_PAYLOAD_INVALID, BUS_NO_RESPONDER, BUS_TIMEOUT,
 *         BUS_REPLY_INVALID; `refused` when the other side answered with an error, with its code in `fields.reason`
 */
export async function request(
  connection: NatsConnection,
  outgoing: OutgoingRequest,
  refused: (reason: string) => InstrumentErrorCode,
): Promise<unknown> {
  const body = bodyOf(outgoing);
  const timeoutMs = Math.min(Math.max(1, outgoing.timeoutMs), LIMITS.commandMaxMs);
  let reply: Msg;
  try {
    reply = await connection.request(outgoing.subject, body, { timeout: timeoutMs });
  } catch (cause) {
    throw failure(outgoing, timeoutMs, cause);
  }
  return resultOf(outgoing, reply, refused);
}

function bodyOf(outgoing: OutgoingRequest): string {
  let body: string | undefined;
  try {
    body = JSON.stringify(outgoing.payload ?? {});
  } catch (cause) {
    throw error(outgoing, 'BUS_PAYLOAD_INVALID', 'the payload cannot be written as JSON', { cause });
  }
  const bytes = Buffer.byteLength(body);
  if (bytes <= outgoing.maxBytes) return body;
  throw error(
    outgoing,
    'BUS_PAYLOAD_TOO_LARGE',
    `the payload has ${String(bytes)} bytes, more than ${String(outgoing.maxBytes)}`,
    { bytes, maxBytes: outgoing.maxBytes },
  );
}

function failure(outgoing: OutgoingRequest, timeoutMs: number, cause: unknown): InstrumentError {
  const { from, to, operation, subject } = outgoing;
  const causes = [cause, cause instanceof Error ? cause.cause : undefined];
  if (causes.some((one) => one instanceof errors.PermissionViolationError))
    return notPermitted(from, operation, subject);
  if (causes.some((one) => one instanceof errors.NoRespondersError)) {
    return error(outgoing, 'BUS_NO_RESPONDER', `${to} does not answer there at the moment`, { cause });
  }
  const late = causes.some((one) => one instanceof errors.TimeoutError);
  const why = late ? `no answer within ${String(timeoutMs)} ms` : 'the connection was lost meanwhile';
  return error(outgoing, 'BUS_TIMEOUT', why, { timeoutMs, cause });
}

function resultOf(
  outgoing: OutgoingRequest,
  reply: Msg,
  refused: (reason: string) => InstrumentErrorCode,
): unknown {
  if (reply.data.length > LIMITS.commandBytes)
    throw error(outgoing, 'BUS_REPLY_INVALID', 'the answer is larger than 256 KiB', {
      bytes: reply.data.length,
    });
  let value: Partial<{ ok: boolean; result: unknown; code: unknown; message: unknown }> | null;
  try {
    value = reply.json();
  } catch (cause) {
    throw error(outgoing, 'BUS_REPLY_INVALID', 'the answer is not JSON', { cause });
  }
  if (value?.ok === true) return value.result;
  if (value?.ok !== false)
    throw error(outgoing, 'BUS_REPLY_INVALID', 'the answer says neither that it worked nor that it did not');
  const reason = textOf(value.code, 'unknown').slice(0, 64);
  const text = textOf(value.message, 'no reason given').slice(0, 500);
  throw error(outgoing, refused(reason), `${outgoing.to} refused: ${text}`, { reason });
}

function error(
  outgoing: OutgoingRequest,
  code: InstrumentErrorCode,
  what: string,
  details: { cause?: unknown } & Record<string, unknown> = {},
): InstrumentError {
  const { from, operation, subject } = outgoing;
  const { cause, ...more } = details as { cause?: unknown } & Record<string, string | number>;
  return new InstrumentError({
    code,
    message: `${from}, ${operation} on ${subject}: ${what}.`,
    fields: { instrument: from, operation, subject, ...more },
    cause,
  });
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
