import type { Answer, Ask } from '../contracts/fleet/index.ts';
import { BulkheadError, describeError, type Logger } from '../kernel/index.ts';
import { allowedAsk } from './asks.ts';
import { fleetAuthor, hasRole } from './roles.ts';

const MAX_AT_ONCE = 64;
const MAX_BODY_BYTES = 2 << 20;
const CHUNK_BYTES = 64 << 10;
const DEFAULT_DEADLINE_MS = 30_000;
/** Also for what is followed: who wants more asks again. */
const MAX_DEADLINE_MS = 600_000;
const MAX_USER_CHARACTERS = 256;
const MAX_ROLES = 16;
/** Credit that a fleet gives beyond this is forgotten. */
const MAX_CREDIT_BYTES = 16 << 20;

export interface ApiRequest {
  method: 'GET' | 'POST';
  /** Path and query. */
  path: string;
  /** JSON. */
  body?: string | undefined;
  signal: AbortSignal;
}

/** The sensor's own API, asked on behalf of the fleet. */
export type SensorApi = (request: ApiRequest) => Promise<{ status: number; body: AsyncIterable<Uint8Array> }>;

export interface AskRunnerParts {
  log: Logger;
  api: SensorApi;
  /** Resolves when the part was taken by the transport: slow fleets slow the answer down. */
  send: (answer: Answer) => Promise<void>;
}

interface Running {
  aborter: AbortController;
  /** Bytes that may still be sent; undefined = as fast as the transport takes them. */
  credit: number | undefined;
  /** Called when credit came. */
  more: (() => void) | undefined;
}

/**
 * Answers what a fleet asks: checked against the list and against the person's roles, here, whatever the fleet checked.
 *
 * INVARIANTS: each ask gets one last part (`end`) unless it was cancelled or the link is gone; at most 64 at once, of each at most
 * one part of 64 KiB waits to be sent; `stop` ends them all.
 */
export class AskRunner {
  readonly #parts: AskRunnerParts;
  readonly #running = new Map<number, Running>();

  constructor(parts: AskRunnerParts) {
    this.#parts = parts;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Returns when the answer was sent; never rejects. */
  async run(ask: Ask): Promise<void> {
    const aborter = new AbortController();
    const running: Running = { aborter, credit: ask.windowBytes || undefined, more: undefined };
    try {
      if (this.#running.has(ask.id)) throw invalid('an id that is in use');
      if (this.#running.size >= MAX_AT_ONCE) throw busy();
      this.#running.set(ask.id, running);
      await this.#answer(ask, running);
    } catch (error) {
      if (!aborter.signal.aborted) await this.#refuse(ask, error);
    } finally {
      if (this.#running.get(ask.id) === running) this.#running.delete(ask.id);
    }
  }

  cancel(id: number): void {
    this.#running.get(id)?.aborter.abort(new Error('cancelled'));
  }

  /** So many bytes more may be sent of the answer. */
  credit(id: number, bytes: number): void {
    const running = this.#running.get(id);
    if (running?.credit === undefined) return;
    running.credit = Math.min(running.credit + bytes, MAX_CREDIT_BYTES);
    running.more?.();
  }

  stop(): void {
    for (const { aborter } of this.#running.values()) aborter.abort(new Error('the link ended'));
  }

  async #answer(ask: Ask, running: Running): Promise<void> {
    const cancelled = running.aborter.signal;
    const { log, api, send } = this.#parts;
    const request = checked(ask);
    const { user, roles } = ask;
    if (request.method === 'POST') {
      log.info(
        { user: fleetAuthor(user), roles, method: ask.method, path: request.path },
        'asked by the fleet',
      );
    }
    const deadline = AbortSignal.timeout(
      Math.min(ask.deadlineMs === 0 ? DEFAULT_DEADLINE_MS : ask.deadlineMs, MAX_DEADLINE_MS),
    );
    const signal = AbortSignal.any([cancelled, deadline]);
    let started = false;
    try {
      const reply = await api({ ...request, signal });
      for await (const piece of reply.body) {
        for (let from = 0; from < piece.byteLength;) {
          const size = Math.min(CHUNK_BYTES, await creditOf(running, signal));
          const chunk = Buffer.from(piece.subarray(from, from + size));
          if (running.credit !== undefined) running.credit -= chunk.length;
          await send({ id: ask.id, status: started ? 0 : reply.status, chunk, end: false });
          from += chunk.length;
          started = true;
        }
      }
      signal.throwIfAborted();
      await send({ id: ask.id, status: started ? 0 : reply.status, chunk: Buffer.alloc(0), end: true });
    } catch (error) {
      if (cancelled.aborted) return;
      // What was begun cannot become an error any more: it ends here, as a stream that was cut.
      if (started) await send({ id: ask.id, status: 0, chunk: Buffer.alloc(0), end: true });
      else throw deadline.aborted ? late(ask) : error;
    }
  }

  async #refuse(ask: Ask, error: unknown): Promise<void> {
    const { log, send } = this.#parts;
    const shown =
      error instanceof BulkheadError
        ? error
        : new BulkheadError({
            code: 'FLEET_LINK_ASK_FAILED',
            message: "The sensor's own API did not answer; its log says why.",
          });
    if (shown !== error) log.warn({ err: error }, `an ask of the fleet failed: ${describeError(error)}`);
    await send({
      id: ask.id,
      status: STATUS[shown.code] ?? 502,
      chunk: Buffer.from(JSON.stringify({ error: shown.toJSON() })),
      end: true,
    }).catch(() => undefined); // the link is gone, and with it whoever asked
  }
}

/** Waits until something may be sent. @returns how many bytes */
async function creditOf(running: Running, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  if (running.credit === undefined) return CHUNK_BYTES;
  while (running.credit <= 0) {
    await new Promise<void>((resolve, reject) => {
      const gone = (): void => {
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', gone, { once: true });
      running.more = () => {
        signal.removeEventListener('abort', gone);
        resolve();
      };
    });
    running.more = undefined;
  }
  return running.credit;
}

const STATUS: Readonly<Record<string, number>> = Object.freeze({
  FLEET_LINK_ASK_INVALID: 400,
  FLEET_LINK_ASK_FORBIDDEN: 403,
  FLEET_LINK_ROLE_MISSING: 403,
  FLEET_LINK_ASK_BUSY: 429,
  FLEET_LINK_ASK_LATE: 504,
});

function checked(ask: Ask): Omit<ApiRequest, 'signal'> {
  const { method, user, roles, bodyJson } = ask;
  const { allowed, path } = allowedAsk(method, ask.path);
  if (user === '' || user.length > MAX_USER_CHARACTERS) throw invalid('no user, or too long a name');
  if (roles.length > MAX_ROLES) throw invalid('too many roles');
  if (!hasRole(roles, allowed.least)) {
    throw new BulkheadError({
      code: 'FLEET_LINK_ROLE_MISSING',
      message: `${allowed.method} ${allowed.path} needs the role ${allowed.least} or more.`,
      hint: 'Ask somebody whose role suffices, or an administrator of the fleet.',
      fields: { needed: allowed.least },
    });
  }
  if (allowed.method === 'GET') {
    if (bodyJson.length > 0) throw invalid('a body where there is none');
    return { method: 'GET', path };
  }
  if (bodyJson.length > MAX_BODY_BYTES) throw invalid('too large a body');
  const body = objectOf(bodyJson);
  if (allowed.author !== undefined) body[allowed.author] = fleetAuthor(user);
  return { method: 'POST', path, body: JSON.stringify(body) };
}

function objectOf(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw invalid('a body that is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('a body that is no object');
  return { ...value };
}

function invalid(what: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINK_ASK_INVALID',
    message: `The fleet asked with ${what}.`,
    hint: 'This is a fault of the fleet, or of somebody in its place. Nothing was done.',
  });
}

function busy(): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINK_ASK_BUSY',
    message: `The fleet asks more than ${String(MAX_AT_ONCE)} things of this sensor at once.`,
    hint: 'Try again in a moment.',
    fields: { limit: MAX_AT_ONCE },
  });
}

function late({ deadlineMs }: Ask): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINK_ASK_LATE',
    message: `The sensor had no answer within ${String((deadlineMs || DEFAULT_DEADLINE_MS) / 1000)} s.`,
    hint: 'Ask for less, or again later.',
  });
}
