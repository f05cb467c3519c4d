import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { DownloadError, printable, reasonOf } from './errors.ts';
import type { TransferLimits } from './limits.ts';

/** What a body may be. */
export interface BodyBounds {
  /** Of the file, on the wire and when it is unpacked, together with what was there of it before. */
  maxBytes: number;
  /** Bytes of the file that are there already. */
  from: number;
  limits: TransferLimits;
}

/** How the body of a response is packed for the way. @throws DownloadError DOWNLOADER_ENCODING_REFUSED */
export function encodingOf(response: IncomingMessage, path: string): 'identity' | 'gzip' {
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return 'identity';
  if (encoding === 'gzip' || encoding === 'x-gzip') {
    // Many servers name the packing of the file itself here; unpacked it would not be what its name says.
    return /\.t?gz$/i.test(path) ? 'identity' : 'gzip';
  }
  throw new DownloadError(
    'DOWNLOADER_ENCODING_REFUSED',
    `The content encoding "${printable(encoding, 40)}" is not taken.`,
  );
}

/** What a response says of the length of its body; undefined when it does not. */
export function lengthOf(response: IncomingMessage): number | undefined {
  const text = response.headers['content-length'];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** A body ends where its length or its last chunk says. One that ends with the connection could be cut by anybody. */
export function endIsMarked(response: IncomingMessage): boolean {
  return lengthOf(response) !== undefined || /\bchunked\b/i.test(response.headers['transfer-encoding'] ?? '');
}

/**
 * Reads the body of a response into `write`, within all bounds.
 * @throws DownloadError DOWNLOADER_TOO_LARGE, DOWNLOADER_TOO_SLOW, DOWNLOADER_TIMEOUT, DOWNLOADER_BROKEN_OFF,
 *         DOWNLOADER_ENCODING_REFUSED, and what `write` throws
 */
export async function receiveBody(
  response: IncomingMessage,
  encoding: 'identity' | 'gzip',
  bounds: BodyBounds,
  write: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  const announced = lengthOf(response);
  if (announced !== undefined && bounds.from + announced > bounds.maxBytes) {
    response.destroy();
    throw tooLarge(bounds.maxBytes);
  }
  let kept = bounds.from;
  let faultOfWriter: Error | undefined;
  const sink = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of source) {
      kept += chunk.length;
      if (kept > bounds.maxBytes) throw tooLarge(bounds.maxBytes);
      try {
        await write(chunk);
      } catch (error) {
        faultOfWriter = error as Error;
        throw error;
      }
    }
  };
  const watch = watchPace(response, announced ?? bounds.maxBytes, bounds.limits);
  try {
    const wire = counted(response, watch, bounds);
    await (encoding === 'gzip' ? pipeline(wire, createGunzip(), sink) : pipeline(wire, sink));
  } catch (error) {
    if (faultOfWriter !== undefined) throw faultOfWriter;
    throw transferError(watch.fault() ?? error);
  } finally {
    watch.end();
    response.destroy();
  }
}

async function* counted(
  response: IncomingMessage,
  watch: Pace,
  { maxBytes, from }: BodyBounds,
): AsyncGenerator<Buffer> {
  let received = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    received += chunk.length;
    if (from + received > maxBytes) throw tooLarge(maxBytes);
    watch.arrived(chunk.length);
    yield chunk;
  }
  // Ended by the connection instead of by its own mark.
  if (!response.complete) throw new Error('the connection was closed before the end');
}

interface Pace {
  arrived(bytes: number): void;
  /** Why it was cut off. */
  fault(): DownloadError | undefined;
  end(): void;
}

/** Cuts a transfer off that stands still, crawls, or takes for ever. */
function watchPace(response: IncomingMessage, size: number, limits: TransferLimits): Pace {
  const started = performance.now();
  const allowedMs = limits.totalMs + (size / limits.totalBytesPerS) * 1000;
  let lastByte = started;
  let windowStart = started;
  let windowBytes = 0;
  let fault: DownloadError | undefined;
  const cut = (code: 'DOWNLOADER_TOO_SLOW' | 'DOWNLOADER_TIMEOUT', message: string): void => {
    fault ??= new DownloadError(code, message);
    response.destroy(fault);
  };
  const everyMs = Math.max(20, Math.min(limits.idleMs, limits.rateWindowMs, limits.totalMs, 4_000) / 4);
  const timer = setInterval(() => {
    const now = performance.now();
    if (now - lastByte > limits.idleMs) {
      cut('DOWNLOADER_TIMEOUT', `Nothing came for ${seconds(limits.idleMs)}.`);
    } else if (now - started > allowedMs) {
      cut('DOWNLOADER_TIMEOUT', `The transfer took longer than ${seconds(allowedMs)}.`);
    } else if (now - windowStart >= limits.rateWindowMs) {
      const rate = windowBytes / ((now - windowStart) / 1000);
      if (rate < limits.minBytesPerS) {
        cut('DOWNLOADER_TOO_SLOW', `Only ${rate.toFixed(0)} bytes came per second.`);
      }
      windowStart = now;
      windowBytes = 0;
    }
  }, everyMs);
  return {
    arrived: (bytes) => {
      lastByte = performance.now();
      windowBytes += bytes;
    },
    fault: () => fault,
    end: () => {
      clearInterval(timer);
    },
  };
}

function transferError(cause: unknown): DownloadError {
  if (cause instanceof DownloadError) return cause;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (code.startsWith('Z_')) {
    return new DownloadError('DOWNLOADER_ENCODING_REFUSED', `The body is no gzip: ${reasonOf(cause)}.`, {
      cause,
    });
  }
  return new DownloadError('DOWNLOADER_BROKEN_OFF', `The transfer broke off: ${reasonOf(cause)}.`, { cause });
}

function tooLarge(maxBytes: number): DownloadError {
  return new DownloadError('DOWNLOADER_TOO_LARGE', `The file is larger than ${String(maxBytes)} bytes.`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 1000 ? 2 : 0)} s`;
}
