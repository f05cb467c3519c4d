/** Codes that a download fails with; the README says what to do about each. */
export type DownloadErrorCode =
  | 'DOWNLOADER_ADDRESS_REFUSED'
  | 'DOWNLOADER_BROKEN_OFF'
  | 'DOWNLOADER_CA_INVALID'
  | 'DOWNLOADER_CHECKSUM_MISSING'
  | 'DOWNLOADER_CHECKSUM_WRONG'
  | 'DOWNLOADER_CONNECT_FAILED'
  | 'DOWNLOADER_DELIVERY_FAILED'
  | 'DOWNLOADER_EMPTY'
  | 'DOWNLOADER_ENCODING_REFUSED'
  | 'DOWNLOADER_HEADERS_REFUSED'
  | 'DOWNLOADER_HOST_REFUSED'
  | 'DOWNLOADER_KEY_INVALID'
  | 'DOWNLOADER_LENGTH_UNKNOWN'
  | 'DOWNLOADER_NO_ROOM'
  | 'DOWNLOADER_NOT_RESOLVED'
  | 'DOWNLOADER_PROXY_REFUSED'
  | 'DOWNLOADER_REDIRECT_REFUSED'
  | 'DOWNLOADER_REMOVED'
  | 'DOWNLOADER_SIGNATURE_WRONG'
  | 'DOWNLOADER_STATUS'
  | 'DOWNLOADER_TIMEOUT'
  | 'DOWNLOADER_TLS_REFUSED'
  | 'DOWNLOADER_TOO_LARGE'
  | 'DOWNLOADER_TOO_SLOW'
  | 'DOWNLOADER_TYPE_REFUSED'
  | 'DOWNLOADER_UNKNOWN'
  | 'DOWNLOADER_URL_REFUSED'
  | 'DOWNLOADER_VOLUME_FAILED';

/** What a source said along with its refusal. */
export interface DownloadErrorFields {
  /** HTTP status. */
  status?: number | undefined;
  /** Seconds after which the source wants to be asked again. */
  retryAfterS?: number | undefined;
  cause?: unknown;
}

/** A failed download with a stable code. The message holds no address's query and nothing unprintable. */
export class DownloadError extends Error {
  readonly code: DownloadErrorCode;
  readonly status: number | undefined;
  readonly retryAfterS: number | undefined;

  constructor(code: DownloadErrorCode, message: string, fields: DownloadErrorFields = {}) {
    super(printable(message, 300), fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'DownloadError';
    this.code = code;
    this.status = fields.status;
    this.retryAfterS = fields.retryAfterS;
  }
}

/** Text of a stranger for people: printable ASCII only, and bounded. */
export function printable(text: string, most: number): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, most);
}

/** The reason of whatever was thrown, for a message. */
export function reasonOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error), 200);
}

/** An error of the file system as one of ours: no room is told apart. */
export function volumeError(error: unknown): DownloadError {
  if (error instanceof DownloadError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new DownloadError('DOWNLOADER_NO_ROOM', 'The volume is full.', { cause: error })
    : new DownloadError('DOWNLOADER_VOLUME_FAILED', `The volume failed: ${reasonOf(error)}.`, {
        cause: error,
      });
}
