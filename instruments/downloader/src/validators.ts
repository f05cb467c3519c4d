import type { IncomingMessage } from 'node:http';

/** What tells two versions of a file apart (RFC 9110 section 8.8). */
export interface Validators {
  etag?: string | undefined;
  lastModified?: string | undefined;
}

/** Longest entity tag that is kept. */
const MAX_ETAG = 512;
const ETAG = /^(?:W\/)?"[\x21\x23-\x7e]*"$/;
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** The validators of a response; what is not of their form is left out, since it is sent back. */
export function validatorsOf({ headers }: IncomingMessage): Validators {
  const etag = headers.etag;
  const lastModified = headers['last-modified'];
  return {
    ...(etag !== undefined && etag.length <= MAX_ETAG && ETAG.test(etag) ? { etag } : {}),
    ...(lastModified !== undefined && HTTP_DATE.test(lastModified) ? { lastModified } : {}),
  };
}

/** Headers that ask for a file only if it is another. */
export function conditionalHeaders({ etag, lastModified }: Validators): Record<string, string> {
  return {
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
  };
}

/**
 * The validator by which the rest of a broken transfer may be asked for: a strong entity tag, else a date that lay a minute back
 * when the first part came (RFC 9110 section 8.8.2.2). Undefined: none, so nothing can be resumed.
 */
export function resumableBy(response: IncomingMessage): string | undefined {
  const { etag, lastModified } = validatorsOf(response);
  if (etag?.startsWith('"') === true) return etag;
  if (etag !== undefined || lastModified === undefined) return undefined;
  const ageMs = Date.parse(response.headers.date ?? '') - Date.parse(lastModified);
  return ageMs >= 60_000 ? lastModified : undefined;
}

/** Where a 206 response begins and how long the whole file is; undefined when it does not say so in one range. */
export function rangeOf({
  headers,
}: IncomingMessage): { from: number; to: number; total: number } | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(headers['content-range'] ?? '');
  if (match === null) return undefined;
  const [from, to, total] = match.slice(1).map(Number) as [number, number, number];
  return from <= to && to < total ? { from, to, total } : undefined;
}

/** Seconds after which a source wants to be asked again (`Retry-After`, seconds or a date); undefined when it does not say. */
export function retryAfterS({ headers }: IncomingMessage, nowMs: number): number | undefined {
  const text = headers['retry-after'];
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  if (!HTTP_DATE.test(text)) return undefined;
  return Math.max(0, Math.round((Date.parse(text) - nowMs) / 1000));
}
