import { Agent, request, type Dispatcher } from 'undici';
import type { Readable } from 'node:stream';
import { WebSocket } from 'ws';
import { codeOfStatus, LxdError, messageOf, unreachable } from './errors.ts';

/** Query parameters; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** One call. */
export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Already encoded, starts with `/1.0`. */
  path: string;
  query?: Query;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  body?: Readable | Buffer;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
  /** Longest silence of the daemon before its answer starts, and between its parts. Default 30 s. */
  timeoutMs?: number;
  /** More than this in the answer is an error. Default 64 MiB. */
  maxBytes?: number;
}

/** An answer of the daemon as it came. */
export interface RawAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

/** The daemon's envelope (`api.ResponseRaw`). */
export interface Envelope {
  type: 'sync' | 'async' | 'error';
  metadata: unknown;
  /** `/1.0/operations/<uuid>` of an async answer. */
  operation: string;
  etag: string | undefined;
}

/**
 * HTTP and WebSocket over one unix socket.
 *
 * INVARIANTS: any number of calls at the same time; each is bounded in time and size and ends when its signal aborts;
 * after `close` every call fails. Keeps no state besides idle connections.
 */
export class Transport {
  readonly socket: string;
  readonly #agent: Agent;

  constructor(socket: string) {
    this.socket = socket;
    this.#agent = new Agent({ connect: { socketPath: socket, timeout: 5_000 }, connections: 32 });
  }

  /** Calls and reads the whole answer, whatever its status. */
  async raw(call: Call): Promise<RawAnswer> {
    const answer = await this.#send(call);
    const body = await this.#read(answer, call);
    return { status: answer.statusCode, headers: answer.headers, body };
  }

  /** Calls and gives the answer's body as a stream once the daemon said yes. */
  async stream(call: Call): Promise<{ headers: RawAnswer['headers']; body: Readable }> {
    const answer = await this.#send(call);
    if (answer.statusCode >= 400) {
      parseEnvelope({
        status: answer.statusCode,
        headers: answer.headers,
        body: await this.#read(answer, call),
      });
    }
    return { headers: answer.headers, body: answer.body };
  }

  /** Calls and parses the envelope. @throws LxdError for an error answer. */
  async call(call: Call): Promise<Envelope> {
    return parseEnvelope(await this.raw(call));
  }

  /** Opens a WebSocket. The caller must attach its `error` listener before yielding. */
  webSocket(path: string, query: Query = {}): WebSocket {
    return new WebSocket(`ws+unix://${this.socket}:${withQuery(path, query)}`, {
      handshakeTimeout: 10_000,
      maxPayload: 16 << 20,
      perMessageDeflate: false,
    });
  }

  /** Ends idle connections and makes further calls fail. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #send(call: Call): Promise<Dispatcher.ResponseData> {
    const timeoutMs = call.timeoutMs ?? 30_000;
    const json = call.json === undefined ? undefined : JSON.stringify(call.json);
    try {
      return await request(`http://lxd${withQuery(call.path, call.query ?? {})}`, {
        dispatcher: this.#agent,
        method: call.method ?? 'GET',
        headers: {
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...call.headers,
        },
        body: json ?? call.body ?? null,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      });
    } catch (error) {
      throw this.#failure(error, call);
    }
  }

  async #read(answer: Dispatcher.ResponseData, call: Call): Promise<Buffer> {
    const limit = call.maxBytes ?? 64 << 20;
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > limit) {
          throw new LxdError({
            code: 'LXD_BAD_ANSWER',
            message: `The answer to ${describe(call)} is larger than ${String(limit)} bytes.`,
            status: answer.statusCode,
          });
        }
        chunks.push(chunk);
      }
    } catch (error) {
      throw this.#failure(error, call);
    }
    return Buffer.concat(chunks);
  }

  #failure(error: unknown, call: Call): LxdError {
    if (error instanceof LxdError) return error;
    const code = (error as { code?: unknown } | null)?.code;
    if (call.signal?.aborted === true) {
      return new LxdError({ code: 'LXD_ABORTED', message: `${describe(call)} was aborted.`, cause: error });
    }
    if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
      return new LxdError({
        code: 'LXD_TIMEOUT',
        message: `The LXD daemon did not answer ${describe(call)} in time.`,
        cause: error,
      });
    }
    return unreachable(this.socket, error);
  }
}

/**
 * Reads the daemon's envelope.
 * @throws LxdError with the daemon's words for an error answer; LXD_BAD_ANSWER when it is no envelope.
 */
export function parseEnvelope(answer: RawAnswer): Envelope {
  let value: unknown;
  try {
    value = JSON.parse(answer.body.toString('utf8'));
  } catch (cause) {
    throw new LxdError({
      code: 'LXD_BAD_ANSWER',
      message: `The LXD daemon answered status ${String(answer.status)} with something that is not JSON: ${messageOf(cause)}`,
      status: answer.status,
      cause,
    });
  }
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (fields['type'] === 'error' || answer.status >= 400) {
    const status = typeof fields['error_code'] === 'number' ? fields['error_code'] : answer.status;
    const words = typeof fields['error'] === 'string' ? fields['error'] : 'no reason given';
    throw new LxdError({ code: codeOfStatus(status), message: `LXD refused: ${words}`, status });
  }
  if (fields['type'] !== 'sync' && fields['type'] !== 'async') {
    throw new LxdError({
      code: 'LXD_BAD_ANSWER',
      message: 'The LXD daemon answered without the envelope of its API.',
      status: answer.status,
    });
  }
  const etag = answer.headers['etag'];
  return {
    type: fields['type'],
    metadata: fields['metadata'],
    operation: typeof fields['operation'] === 'string' ? fields['operation'] : '',
    etag: typeof etag === 'string' ? etag : undefined,
  };
}

/** `/1.0/a/b` with its query string. */
export function withQuery(path: string, query: Query): string {
  const parts = Object.entries(query)
    .filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined)
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`);
  return parts.length === 0 ? path : `${path}?${parts.join('&')}`;
}

/** A path from segments; each is encoded, so no name can climb out of its place. */
export function apiPath(...segments: string[]): string {
  return `/1.0${segments.map((segment) => `/${encodeURIComponent(segment)}`).join('')}`;
}

function describe(call: Call): string {
  return `${call.method ?? 'GET'} ${call.path}`;
}
