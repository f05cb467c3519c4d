import type { DownloadJob } from '@bulkhead/sdk';
import { encodingOf, endIsMarked, lengthOf, receiveBody } from './body.ts';
import type { Proxy, Resolve, Way } from './connection.ts';
import { DownloadError } from './errors.ts';
import { openFile, type Opened } from './exchange.ts';
import { checkIntegrity, checkPinned, isChecked } from './verification.ts';
import type { TransferLimits } from './limits.ts';
import type { PartialFile, PartNote } from './partial-file.ts';
import { hostOf, readUrl, redirectRules, type RedirectRules } from './redirects.ts';
import type { Version } from './state.ts';
import { trustOf } from './trust.ts';
import { conditionalHeaders, rangeOf, resumableBy, retryAfterS, validatorsOf } from './validators.ts';

/** What one try needs. */
export interface Attempt {
  job: DownloadJob;
  fingerprint: string;
  /** What the receiver has; absent: the file is wanted in any case. */
  known: Version | undefined;
  part: PartialFile;
  resolve: Resolve;
  proxy: Proxy | undefined;
  limits: TransferLimits;
  signal: AbortSignal;
  progress: (bytes: number, totalBytes: number | undefined) => void;
}

/** What came of it: nothing new, or a verified, durable file at the path of `part`. */
export type Fetched =
  | { changed: false; status: number; version?: Version }
  | { changed: true; status: number; resumedFrom: number; version: Version };

/**
 * Fetches a file once: asks only for what is new, goes on where a transfer broke off, and checks what came.
 * @throws DownloadError; what was received until then is kept when it can be resumed
 */
export async function fetchOnce(attempt: Attempt): Promise<Fetched> {
  const { job, signal } = attempt;
  signal.throwIfAborted();
  const start = readUrl(job.url);
  const rules = redirectRules(start, job.redirectHosts);
  const way = wayOf(attempt, start);
  // Found before anything is sent.
  if (job.ca !== undefined) trustOf(job.ca);
  const saved = await attempt.part.saved(attempt.fingerprint);
  const usable = saved !== undefined && saved.total <= job.maxBytes ? saved : undefined;
  if (usable !== undefined) {
    const resumed = await receive(attempt, { start, rules, way }, usable);
    if (resumed !== 'begin anew') return resumed;
  }
  await attempt.part.remove();
  const fetched = await receive(attempt, { start, rules, way }, undefined);
  if (fetched === 'begin anew')
    throw statusError(206, `of ${hostOf(start)} is a part, which was not asked for,`);
  return fetched;
}

interface Journey {
  start: URL;
  rules: RedirectRules;
  way: Way;
}

async function receive(
  attempt: Attempt,
  { start, rules, way }: Journey,
  resume: PartNote | undefined,
): Promise<Fetched | 'begin anew'> {
  const { known } = attempt;
  const headers =
    resume === undefined
      ? conditionalHeaders(known ?? {})
      : { range: `bytes=${String(resume.bytes)}-`, 'if-range': resume.validator };
  const opened = await openFile(start, headers, rules, way);
  const { response, status } = opened;
  try {
    const conditional = 'if-none-match' in headers || 'if-modified-since' in headers;
    if (status === 304 && conditional) return { changed: false, status };
    // The file is another by now, or the server knows no ranges: a 200 has it all.
    if (status === 200) return await take(attempt, opened, way, undefined);
    if (resume !== undefined && isRestOf(opened, resume)) return await take(attempt, opened, way, resume);
    if (status === 206 || (resume !== undefined && status === 416)) return 'begin anew';
    throw statusError(status, `of ${hostOf(opened.url)}`, retryAfterS(response, Date.now()));
  } finally {
    response.destroy();
  }
}

/** Receives and verifies. What broke off is kept for another try; what is not right, or does not fit, is not. */
async function take(
  attempt: Attempt,
  { response, status, url }: Opened,
  way: Way,
  resume: PartNote | undefined,
): Promise<Fetched> {
  const { job, part, limits, fingerprint } = attempt;
  refuseWrongType(response.headers['content-type'], url);
  const encoding = encodingOf(response, url.pathname);
  if (!endIsMarked(response) && !isChecked(job)) {
    throw new DownloadError(
      'DOWNLOADER_LENGTH_UNKNOWN',
      `${hostOf(url)} does not say where the file ends; it is taken only with a checksum or a signature.`,
    );
  }
  const length = encoding === 'identity' ? lengthOf(response) : undefined;
  const from = resume?.bytes ?? 0;
  const total = length === undefined ? undefined : from + length;
  const validator = resume?.validator ?? resumableBy(response);
  const writer = await part.write(resume, limits);
  try {
    if (total !== undefined && total <= job.maxBytes) await writer.checkRoom(total - from);
    if (total !== undefined && total > 0 && validator !== undefined) {
      writer.resumable({ fingerprint, validator, total });
    }
    attempt.progress(from, total);
    await receiveBody(response, encoding, { maxBytes: job.maxBytes, from, limits }, async (chunk) => {
      await writer.write(chunk);
      attempt.progress(writer.bytes, total);
    });
    if (writer.bytes === 0)
      throw new DownloadError('DOWNLOADER_EMPTY', `${hostOf(url)} sends an empty file.`);
    const sha256 = await writer.finish();
    checkPinned(job, sha256);
    await checkIntegrity(job, { path: part.path, bytes: writer.bytes, sha256 }, way, url, limits);
    const version: Version = { sha256, bytes: writer.bytes, ...validatorsOf(response) };
    // The same bytes again, of a source that has no validators.
    if (attempt.known?.sha256 === sha256) {
      await part.remove();
      return { changed: false, status, version };
    }
    return { changed: true, status, resumedFrom: from, version };
  } catch (error) {
    if (worthKeeping(error)) await writer.checkpoint().catch(() => undefined);
    else await part.remove();
    way.signal.throwIfAborted();
    throw error;
  } finally {
    await writer.close();
  }
}

/** The rest of the very file that a part of was received. */
function isRestOf({ response, status, url }: Opened, resume: PartNote): boolean {
  if (status !== 206 || encodingOf(response, url.pathname) !== 'identity') return false;
  const range = rangeOf(response);
  if (range?.from !== resume.bytes || range.total !== resume.total || range.to !== range.total - 1)
    return false;
  // A server that takes no notice of If-Range betrays itself by another validator.
  const { etag, lastModified } = validatorsOf(response);
  const now = resume.validator.startsWith('"') ? etag : lastModified;
  return now === undefined || now === resume.validator;
}

/** Broken off in the middle: the rest can be asked for. Everything else says something about the file or the source. */
function worthKeeping(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === 'DOWNLOADER_BROKEN_OFF' || code === 'DOWNLOADER_TIMEOUT' || code === 'DOWNLOADER_TOO_SLOW';
}

/** A sign-in page instead of the file: hotels, proxies and expired subscriptions answer 200 with one. */
function refuseWrongType(type: string | undefined, url: URL): void {
  const kind = type?.split(';')[0]?.trim().toLowerCase();
  if (kind !== 'text/html' && kind !== 'application/xhtml+xml') return;
  if (/\.x?html?$/i.test(url.pathname)) return;
  throw new DownloadError('DOWNLOADER_TYPE_REFUSED', `${hostOf(url)} sends a web page instead of the file.`);
}

function wayOf({ job, resolve, proxy, limits, signal }: Attempt, start: URL): Way {
  const written = [hostOf(start), ...job.redirectHosts];
  if (job.sha256Url !== undefined) written.push(hostOf(readUrl(job.sha256Url)));
  return {
    resolve,
    proxy,
    writtenHosts: new Set(written),
    privateAddresses: job.privateAddresses,
    ca: job.ca,
    limits,
    signal,
  };
}

function statusError(status: number, who: string, after?: number): DownloadError {
  return new DownloadError('DOWNLOADER_STATUS', `The answer ${who} is ${String(status)}.`, {
    status,
    retryAfterS: after,
  });
}
