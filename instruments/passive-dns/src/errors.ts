/** Codes that the instrument answers with. */
export type PassiveDnsErrorCode =
  /** The database cannot be opened at the moment; health says why. */
  | 'PASSIVE_DNS_UNAVAILABLE'
  /** What was asked is not of the form that a lookup has. */
  | 'PASSIVE_DNS_QUERY_INVALID'
  /** The page has no such address. */
  | 'PASSIVE_DNS_UNKNOWN'
  /** A page of another origin asks, or something is to be changed. */
  | 'PASSIVE_DNS_NOT_ALLOWED'
  /** A request failed for another reason; the log says which. */
  | 'PASSIVE_DNS_FAILED';

/** A refusal with a stable code; the sdk hands code and message to whoever asked. */
export class PassiveDnsError extends Error {
  readonly code: PassiveDnsErrorCode;

  constructor(code: PassiveDnsErrorCode, message: string) {
    super(message);
    this.name = 'PassiveDnsError';
    this.code = code;
  }
}

/** An error in words, with its code. */
export function saidBy(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && !text.includes(code) ? `${text} (${code})` : text;
}
