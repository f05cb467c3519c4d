import { Agent, request, type Dispatcher } from 'undici';
import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { SensorStatus, StoredEvent } from '../contracts/index.ts';
import { BulkheadError, type ErrorCode } from '../kernel/index.ts';

/** Talks to a running sensord over its unix socket. */
export interface SensorClient {
  status(): Promise<SensorStatus>;
  instrumentLog(name: string, lines: number): Promise<string[]>;
  restart(name: string): Promise<void>;
  reload(): Promise<{ changed: boolean }>;
  shutdown(): Promise<void>;
  events(query: Record<string, string>, signal?: AbortSignal): AsyncGenerator<StoredEvent>;
  /** `GET /v1<path>`, parsed. @throws BulkheadError as sensord answered, or CLI_SENSOR_UNREACHABLE. */
  get(path: string, query?: Record<string, string>): Promise<unknown>;
  /** `POST /v1<path>` with a JSON body, parsed. */
  post(path: string, body?: unknown): Promise<unknown>;
  /** `POST /v1<path>` with bytes as they are: a secret that never becomes a string. */
  postSecret(path: string, secret: Buffer): Promise<unknown>;
  /** `POST /v1<path>` with a file as it is, read while it is sent. */
  upload(path: string, query: Record<string, string>, content: Readable): Promise<unknown>;
  /** `GET /v1<path>` as NDJSON, line by line as it comes. */
  lines(path: string, query?: Record<string, string>, signal?: AbortSignal): AsyncGenerator;
  /** `GET /v1<path>` as bytes, for what is written to a file. */
  bytes(path: string, query?: Record<string, string>, signal?: AbortSignal): AsyncGenerator<Buffer>;
  close(): Promise<void>;
}

/** A client for the sensord that listens on `socketPath`. Connects per request; nothing happens before the first. */
export function sensorClient(socketPath: string): SensorClient {
  const agent = new Agent({ connect: { socketPath }, headersTimeout: 120_000, bodyTimeout: 0 });
  const call = async (method: Dispatcher.HttpMethod, path: string, signal?: AbortSignal, body?: unknown) => {
    try {
      const response = await request(`http://sensord${path}`, {
        method,
        dispatcher: agent,
        signal: signal ?? null,
        ...(body === undefined
          ? {}
          : Buffer.isBuffer(body)
            ? { body, headers: { 'content-type': 'application/octet-stream' } }
            : body instanceof Readable
              ? { body, headers: { 'content-type': 'application/x-bulkhead-file' } }
              : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      if (response.statusCode < 300) return response.body;
      throw errorFrom(await response.body.text());
    } catch (error) {
      throw unreachable(error, socketPath);
    }
  };
  const json = async (method: Dispatcher.HttpMethod, path: string) => (await call(method, path)).json();
  async function* bytes(
    path: string,
    query?: Record<string, string>,
    signal?: AbortSignal,
  ): AsyncGenerator<Buffer> {
    yield* (await call('GET', address(path, query), signal)) as AsyncIterable<Buffer>;
  }
  async function* lines(path: string, query?: Record<string, string>, signal?: AbortSignal): AsyncGenerator {
    // Not readline: it leaves a reader that stops early with an open body, whose later abort nobody would catch.
    let rest = '';
    const decoder = new StringDecoder('utf8');
    for await (const chunk of bytes(path, query, signal)) {
      const complete = (rest + decoder.write(chunk)).split('\n');
      rest = complete.pop() ?? '';
      for (const line of complete) if (line !== '') yield JSON.parse(line) as unknown;
    }
  }
  return {
    status: async () => (await json('GET', '/v1/status')) as SensorStatus,
    instrumentLog: async (name, lines) => {
      const answer = await json(
        'GET',
        `/v1/instruments/${encodeURIComponent(name)}/log?lines=${String(lines)}`,
      );
      return (answer as { lines: string[] }).lines;
    },
    restart: async (name) => {
      await json('POST', `/v1/instruments/${encodeURIComponent(name)}/restart`);
    },
    reload: async () => (await json('POST', '/v1/config/reload')) as { changed: boolean },
    shutdown: async () => {
      await json('POST', '/v1/shutdown');
    },
    events: (query, signal) => lines('/events', query, signal) as AsyncGenerator<StoredEvent>,
    get: async (path, query) => json('GET', address(path, query)),
    post: async (path, body) => (await call('POST', address(path), undefined, body ?? {})).json(),
    postSecret: async (path, secret) => (await call('POST', address(path), undefined, secret)).json(),
    upload: async (path, query, content) =>
      (await call('POST', address(path, query), undefined, content)).json(),
    lines,
    bytes,
    close: () => agent.close(),
  };
}

function errorFrom(text: string): BulkheadError {
  try {
    const { error } = JSON.parse(text) as {
      error: { code: ErrorCode; message: string; hint?: string; fields?: Record<string, string> };
    };
    return new BulkheadError(error);
  } catch {
    return new BulkheadError({
      code: 'CLI_ANSWER_INVALID',
      message: `sensord answered: ${text.slice(0, 200)}`,
    });
  }
}

function unreachable(error: unknown, socketPath: string): unknown {
  const code = (error as { code?: string }).code;
  if (code !== 'ENOENT' && code !== 'ECONNREFUSED' && code !== 'EACCES') return error;
  return new BulkheadError({
    code: 'CLI_SENSOR_UNREACHABLE',
    message: `No sensor answers on ${socketPath} (${code}).`,
    hint:
      code === 'EACCES'
        ? 'Run the command as root.'
        : 'Start one with scripts/start, or name its socket with --socket.',
    fields: { socketPath },
    cause: error,
  });
}

function address(path: string, query: Record<string, string> = {}): string {
  const text = new URLSearchParams(query).toString();
  return `/v1${path}${text === '' ? '' : `?${text}`}`;
}
