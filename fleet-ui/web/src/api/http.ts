import type { ErrorReply } from '@bulkhead/fleet-api';

/** The base of every path that the web app asks for. */
export const API = '/api/v1';

/** A refusal or a failure as people get to see it. */
export class ApiError extends Error {
  /** Of the catalogue, or `NO_ANSWER` when nobody answered. */
  readonly code: string;
  readonly hint: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
  /** HTTP status; 0 = nobody answered. */
  readonly status: number;

  constructor(
    status: number,
    reply: Omit<ErrorReply, 'fields'> & { fields?: Record<string, unknown> | undefined },
  ) {
    super(reply.message);
    this.name = 'ApiError';
    this.status = status;
    this.code = reply.code;
    this.hint = reply.hint;
    this.fields = reply.fields ?? {};
  }
}

/** What a request may say beside its method and path. */
export interface RequestOptions {
  body?: unknown;
  query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  signal?: AbortSignal;
}

/** `?a=1&b=2&b=3`, or nothing; what is undefined or empty is left out. */
export function queryText(query: RequestOptions['query'] = {}): string {
  const parts = Object.entries(query).flatMap(([name, value]) => {
    const values = Array.isArray(value) ? (value as readonly string[]) : [value];
    return values
      .filter((one) => one !== undefined && one !== '')
      .map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(String(one))}`);
  });
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/**
 * Asks the fleet. The session is a cookie, which scripts cannot read; nothing secret stands in an address.
 * @throws ApiError
 */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const { body, query, signal } = options;
  let response: Response;
  try {
    response = await fetch(`${API}${path}${queryText(query)}`, {
      method,
      credentials: 'same-origin',
      redirect: 'error',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, {
      code: 'NO_ANSWER',
      message: 'The fleet does not answer.',
      hint: 'See that fleetd runs and that this machine reaches it. The page goes on by itself when it answers again.',
    });
  }
  const text = await response.text();
  const value = parsed(text);
  if (response.ok) return value as T;
  throw new ApiError(response.status, replyOf(value, response.status));
}

export const get = <T>(path: string, options?: RequestOptions): Promise<T> =>
  request<T>('GET', path, options);
export const post = <T>(path: string, body: unknown = {}): Promise<T> => request<T>('POST', path, { body });
export const put = <T>(path: string, body: unknown): Promise<T> => request<T>('PUT', path, { body });
export const patch = <T>(path: string, body: unknown): Promise<T> => request<T>('PATCH', path, { body });
export const remove = <T>(path: string, body?: unknown): Promise<T> =>
  request<T>('DELETE', path, body === undefined ? {} : { body });

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

/** The fleet answers flat, a sensor's own API below `error`; what stands in between may answer anything. */
function replyOf(value: unknown, status: number): ErrorReply {
  const inner = (value as { error?: unknown } | undefined)?.error;
  for (const one of [value, inner]) {
    const reply = one as Partial<ErrorReply> | null | undefined;
    if (typeof reply?.code === 'string' && typeof reply.message === 'string') return reply as ErrorReply;
  }
  return {
    code: `HTTP_${String(status)}`,
    message: `The fleet answered with status ${String(status)} and said nothing more.`,
    hint: 'Something between this browser and fleetd may have answered in its place. The log of fleetd tells more.',
  };
}
