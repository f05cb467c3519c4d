/** Every code this client raises. */
export type LxdErrorCode =
  | 'LXD_SOCKET_NOT_FOUND'
  | 'LXD_UNREACHABLE'
  | 'LXD_TIMEOUT'
  | 'LXD_ABORTED'
  | 'LXD_BAD_ANSWER'
  | 'LXD_BAD_REQUEST'
  | 'LXD_FORBIDDEN'
  | 'LXD_NOT_FOUND'
  | 'LXD_CONFLICT'
  | 'LXD_CHANGED'
  | 'LXD_SERVER_ERROR'
  | 'LXD_OPERATION_FAILED'
  | 'LXD_OPERATION_CANCELLED'
  | 'LXD_STREAM_LOST'
  | 'LXD_EXEC_TIMEOUT';

/** What an {@link LxdError} is made of. */
export interface LxdErrorInit {
  code: LxdErrorCode;
  /** What failed and on what. */
  message: string;
  /** HTTP status, or the status code inside an operation; undefined when nothing was answered. */
  status?: number;
  cause?: unknown;
}

/** The one error class of this package. The daemon's own words are in the message. */
export class LxdError extends Error {
  readonly code: LxdErrorCode;
  readonly status: number | undefined;

  constructor(init: LxdErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'LxdError';
    this.code = init.code;
    this.status = init.status;
  }
}

/** The code for an error answer of the daemon with this HTTP status. */
export function codeOfStatus(status: number): LxdErrorCode {
  switch (status) {
    case 400:
      return 'LXD_BAD_REQUEST';
    case 401:
    case 403:
      return 'LXD_FORBIDDEN';
    case 404:
      return 'LXD_NOT_FOUND';
    case 409:
      return 'LXD_CONFLICT';
    case 412:
      return 'LXD_CHANGED';
    default:
      return 'LXD_SERVER_ERROR';
  }
}

/** True when `error` is an {@link LxdError} with one of these codes. */
export function isLxdError(error: unknown, ...codes: LxdErrorCode[]): error is LxdError {
  return error instanceof LxdError && (codes.length === 0 || codes.includes(error.code));
}

/** What a failed connection means in words, with the socket in it. */
export function unreachable(socket: string, cause: unknown): LxdError {
  const reason = (cause as { code?: unknown } | null)?.code;
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such socket',
    ECONNREFUSED: 'nobody listens there',
    ECONNRESET: 'the daemon closed the connection',
    UND_ERR_SOCKET: 'the daemon closed the connection',
    EPIPE: 'the daemon closed the connection',
    EACCES: 'this user may not open it',
  };
  const text = typeof reason === 'string' ? (words[reason] ?? reason) : messageOf(cause);
  return new LxdError({
    code: 'LXD_UNREACHABLE',
    message: `The LXD daemon does not answer at ${socket}: ${text}.`,
    cause,
  });
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
