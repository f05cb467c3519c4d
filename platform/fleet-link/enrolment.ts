import { request } from 'node:http';
import type { Socket } from 'node:net';
import { z } from 'zod';
import {
  AdoptReplySchema,
  CaReplySchema,
  ENROLMENT_PATHS,
  isLoopbackHost,
  NonceReplySchema,
  ReturnReplySchema,
  type AdoptReply,
  type AdoptRequest,
  type ReturnReply,
  type ReturnRequest,
} from '../contracts/index.ts';
import { BulkheadError, describeError } from '../kernel/index.ts';
import { dial, secure, unreachable } from './dial.ts';
import { hostPort, type Endpoint, type Proxy } from './endpoint.ts';

const TIMEOUT_MS = 15_000;
/** No answer of enrolment is larger. */
const MAX_ANSWER_BYTES = 256 << 10;

// Not strict: a newer fleet may say more.
const ErrorSchema = z.object({ code: z.string().max(100), message: z.string().max(2000) });

export interface EnrolmentParts {
  fleet: Endpoint;
  proxy?: Proxy | undefined;
  /** PEM of the authority that is believed; absent only while it is not known yet. */
  ca?: string | undefined;
  /** Without TLS; refused for anything but this machine. */
  plain?: boolean | undefined;
}

/** The fleet's HTTP side, as far as a sensor needs it. */
export class Enrolment {
  readonly #parts: EnrolmentParts;

  constructor(parts: EnrolmentParts) {
    this.#parts = parts;
  }

  /** The authority of whoever answers, unproven. @throws BulkheadError FLEET_LINK_UNREACHABLE, FLEET_LINK_ANSWER_INVALID */
  async authority(): Promise<string> {
    return (await this.#ask('GET', ENROLMENT_PATHS.ca, CaReplySchema)).ca;
  }

  /** @throws BulkheadError FLEET_LINK_ADOPTION_REFUSED with what the fleet said */
  async adopt(asked: AdoptRequest): Promise<AdoptReply> {
    return this.#ask('POST', ENROLMENT_PATHS.adopt, AdoptReplySchema, asked);
  }

  async nonce(): Promise<string> {
    return (await this.#ask('GET', ENROLMENT_PATHS.nonce, NonceReplySchema)).nonce;
  }

  async comeBack(asked: ReturnRequest): Promise<ReturnReply> {
    return this.#ask('POST', ENROLMENT_PATHS.return, ReturnReplySchema, asked);
  }

  async #ask<T extends z.ZodType>(
    method: 'GET' | 'POST',
    path: string,
    schema: T,
    body?: unknown,
  ): Promise<z.output<T>> {
    const { fleet } = this.#parts;
    const socket = await this.#connection();
    let answer: { status: number; text: string };
    try {
      answer = await exchange(socket, { method, path, host: hostPort(fleet), body });
    } catch (error) {
      if (error instanceof BulkheadError) throw error;
      throw unreachable(hostPort(fleet), describeError(error), error);
    } finally {
      socket.destroy();
    }
    const value = jsonOf(answer.text);
    if (answer.status >= 200 && answer.status < 300) {
      const parsed = schema.safeParse(value);
      if (parsed.success) return parsed.data;
    }
    const refusal = ErrorSchema.safeParse(value);
    if (refusal.success) throw refused(refusal.data, answer.status);
    throw new BulkheadError({
      code: 'FLEET_LINK_ANSWER_INVALID',
      message: `${hostPort(fleet)} gave no valid answer to ${method} ${path} (status ${String(answer.status)}).`,
      hint: 'Check that host and port are those of a fleet.',
      fields: { fleet: hostPort(fleet), status: answer.status },
    });
  }

  async #connection(): Promise<Socket> {
    const { fleet, proxy, ca, plain = false } = this.#parts;
    const socket = await dial(fleet, proxy, TIMEOUT_MS);
    if (plain && proxy === undefined && isLoopbackHost(fleet.host)) return socket;
    return secure(socket, fleet, { ca }, TIMEOUT_MS);
  }
}

interface HttpExchange {
  method: string;
  path: string;
  host: string;
  body: unknown;
}

async function exchange(
  socket: Socket,
  { method, path, host, body }: HttpExchange,
): Promise<{ status: number; text: string }> {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const asked = request({
      method,
      path,
      createConnection: () => socket,
      headers: {
        host,
        accept: 'application/json',
        connection: 'close',
        ...(payload === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': payload.byteLength }),
      },
    });
    const timer = setTimeout(() => {
      asked.destroy(new Error(`no answer within ${String(TIMEOUT_MS / 1000)} s`));
    }, TIMEOUT_MS);
    asked.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    asked.once('response', (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.byteLength;
        if (bytes > MAX_ANSWER_BYTES) asked.destroy(new Error('the answer is too large'));
        else parts.push(part);
      });
      response.once('error', reject);
      response.once('end', () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') });
      });
    });
    asked.end(payload);
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function refused({ code, message }: { code: string; message: string }, status: number): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINK_ADOPTION_REFUSED',
    message: `The fleet refused: ${printable(message)} (${printable(code)})`,
    hint: 'A code works once and for a short time: have the fleet make a new one.',
    fields: { reason: printable(code), status },
  });
}

/** Text of the other side for a terminal: no control characters. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ').slice(0, 1000);
}
