import { StringDecoder } from 'node:string_decoder';
import { Agent, request, type Dispatcher } from 'undici';
import { BulkheadError, type ErrorCode } from '../../kernel/index.ts';

/** How a fleet is reached. */
export interface FleetAccess {
  url: string;
  ca?: string | undefined;
  /** Absent: as nobody. */
  token?: string | undefined;
}

type Query = Readonly<Record<string, string | undefined>>;
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Talks to a fleet's API, at `/api/v1<path>`. Everything throws BulkheadError as the fleet answered, or CLI_FLEET_*. */
export interface FleetClient {
  readonly url: string;
  get<T>(path: string, query?: Query): Promise<T>;
  send<T>(method: Exclude<Method, 'GET'>, path: string, body?: unknown): Promise<T>;
  /** An answer as it comes, for what is written to a file. */
  bytes(path: string, query?: Query): AsyncGenerator<Buffer>;
  /** Server-sent events of one kind, parsed, until the signal or the end of the connection. */
  live<T>(path: string, kind: string, query: Query, signal: AbortSignal): AsyncGenerator<T>;
  close(): Promise<void>;
}

const ANSWER_MS = 60_000;
const CONNECT_MS = 15_000;
/** No answer that is read as a whole is larger. */
const MAX_ANSWER_BYTES = 64 << 20;
const MAX_LINE_CHARACTERS = 4 << 20;

/** Connects per request; nothing happens before the first. */
export function fleetClient({ url, ca, token }: FleetAccess): FleetClient {
  const agent = new Agent({
    connect: { timeout: CONNECT_MS, ...(ca === undefined ? {} : { ca }) },
    headersTimeout: ANSWER_MS,
    bodyTimeout: 0,
  });
  const call = async (method: Method, path: string, body?: unknown, signal?: AbortSignal) => {
    let response: Dispatcher.ResponseData;
    try {
      response = await request(`${url}${path}`, {
        method,
        dispatcher: agent,
        signal: signal ?? null,
        headers: {
          accept: 'application/json, application/x-ndjson, text/event-stream',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      if (signal?.aborted === true) throw error;
      throw unreachable(error, url);
    }
    if (response.statusCode >= 200 && response.statusCode < 300) return response.body;
    const said = await textOf(response.body, url);
    throw response.statusCode === 401 ? loginRefused(url) : answered(response.statusCode, said);
  };
  const json = async (method: Method, path: string, body?: unknown): Promise<unknown> => {
    const text = await textOf(await call(method, path, body), url);
    try {
      return text === '' ? {} : (JSON.parse(text) as unknown);
    } catch {
      throw notUnderstood(url, text);
    }
  };
  return {
    url,
    get: async <T>(path: string, query?: Query) => (await json('GET', address(path, query))) as T,
    send: async <T>(method: Exclude<Method, 'GET'>, path: string, body?: unknown) =>
      (await json(method, address(path), body ?? (method === 'DELETE' ? undefined : {}))) as T,
    async *bytes(path, query) {
      yield* (await call('GET', address(path, query))) as AsyncIterable<Buffer>;
    },
    async *live<T>(path: string, kind: string, query: Query, signal: AbortSignal) {
      const body = await call('GET', address(path, query), undefined, signal);
      for await (const { event, data } of sentEvents(body as AsyncIterable<Buffer>)) {
        if (event === kind) yield JSON.parse(data) as T;
      }
    },
    close: () => agent.close(),
  };
}

function address(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter((part): part is [string, string] => part[1] !== undefined);
  const text = new URLSearchParams(given).toString();
  return `/api/v1${path}${text === '' ? '' : `?${text}`}`;
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as the fleet uses it. */
async function* sentEvents(body: AsyncIterable<Buffer>): AsyncGenerator<{ event: string; data: string }> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let event = 'message';
  let data: string[] = [];
  for await (const chunk of body) {
    const lines = (rest + decoder.write(chunk)).split(/\r?\n/);
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARACTERS) throw new Error('a line of the live stream is too long');
    for (const line of lines) {
      const [, field, value = ''] = /^([a-z]+)(?:: ?(.*))?$/.exec(line) ?? [];
      if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
      else if (line === '') {
        if (data.length > 0) yield { event, data: data.join('\n') };
        event = 'message';
        data = [];
      }
    }
  }
}

async function textOf(body: AsyncIterable<Buffer>, url: string): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw notUnderstood(url, 'more than it may');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The fleet's own refusals, and those of a sensor that it hands through. */
function answered(status: number, text: string): BulkheadError {
  try {
    const said = JSON.parse(text) as Refusal & { error?: Refusal };
    const { code, message, hint, fields } = said.error ?? said;
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,79}$/.test(code) && typeof message === 'string') {
      return new BulkheadError({
        code: code as ErrorCode,
        message,
        ...(hint === undefined ? {} : { hint }),
        ...(fields === undefined ? {} : { fields }),
      });
    }
  } catch {
    // Said below.
  }
  return new BulkheadError({
    code: 'CLI_FLEET_ANSWER_INVALID',
    message: `The fleet answered with HTTP status ${String(status)} and nothing that explains it.`,
    fields: { status },
  });
}

interface Refusal {
  code?: unknown;
  message?: unknown;
  hint?: string;
  fields?: Record<string, string>;
}

/** The token is not, or not any more, one of the fleet's. */
export function loginRefused(url: string): BulkheadError {
  return new BulkheadError({
    code: 'CLI_FLEET_LOGIN_REFUSED',
    message: `The fleet at ${url} does not know the token, or it has expired or was revoked.`,
    hint: 'Make another in the fleet (page "API tokens"), then: bulkhead fleet login',
    fields: { url },
  });
}

function notUnderstood(url: string, text: string): BulkheadError {
  return new BulkheadError({
    code: 'CLI_FLEET_ANSWER_INVALID',
    message: `What answers at ${url} is not a fleet, or of another version: ${JSON.stringify(text.slice(0, 80))}`,
    fields: { url },
  });
}

const UNTRUSTED =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER_CERT(_LOCALLY)?|VERIFY_LEAF_SIGNATURE)|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID)$/;

/** Connecting failed. */
function unreachable(error: unknown, url: string): BulkheadError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = String((cause as { code?: unknown }).code ?? (cause instanceof Error ? cause.message : cause));
  if (UNTRUSTED.test(code)) {
    return new BulkheadError({
      code: 'CLI_FLEET_UNTRUSTED',
      message: `Who answers at ${url} does not prove to be a fleet that is trusted (${code}). Nothing was sent.`,
      hint:
        code === 'ERR_TLS_CERT_ALTNAME_INVALID'
          ? 'Use a name by which the fleet goes (`names` in its configuration).'
          : "Log in with --fingerprint (the part behind # of a join token of this fleet) or with --ca and the fleet's ca.pem.",
      fields: { url },
      cause: error,
    });
  }
  return new BulkheadError({
    code: 'CLI_FLEET_UNREACHABLE',
    message: `No fleet answers at ${url} (${code}).`,
    hint: 'See that fleetd runs, and that this machine may reach it.',
    fields: { url },
    cause: error,
  });
}
