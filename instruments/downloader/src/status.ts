import type { DownloadState, Health } from '@bulkhead/sdk';
import type { DownloadRecord } from './state.ts';

/** Where the transfer at work is. */
export interface Progress {
  phase: 'fetching' | 'delivering';
  bytes: number;
  totalBytes: number | undefined;
}

/**
 * How one download is, for `download.status`.
 * @param progress Of the transfer at work; undefined: none is.
 * @param dueMs On the clock of `performance.now()`.
 */
export function stateOf(
  id: string,
  record: DownloadRecord | undefined,
  progress: Progress | undefined,
  dueMs: number | undefined,
): DownloadState {
  const version = record?.delivered;
  const bytes = progress?.bytes ?? version?.bytes;
  return {
    id,
    state: progress?.phase ?? restingState(record),
    failures: record?.failures ?? 0,
    ...(bytes === undefined ? {} : { bytes }),
    ...(progress?.totalBytes === undefined ? {} : { totalBytes: progress.totalBytes }),
    ...(record?.lastTry === undefined ? {} : { lastTry: record.lastTry }),
    ...(record?.lastSuccess === undefined ? {} : { lastSuccess: record.lastSuccess }),
    ...(dueMs === undefined || progress !== undefined ? {} : { nextTry: wallTime(dueMs) }),
    ...(version === undefined ? {} : { sha256: version.sha256 }),
    // 256 downloads have to fit into one reply.
    ...(version?.etag === undefined || version.etag.length > 100 ? {} : { etag: version.etag }),
    ...(record?.code === undefined ? {} : { code: record.code }),
    ...(record?.message === undefined ? {} : { message: record.message.slice(0, 200) }),
  };
}

/** What health is judged by. */
export interface HealthFacts {
  downloads: readonly DownloadState[];
  told: boolean;
  trouble: string | undefined;
  counters: Readonly<Record<string, number>>;
}

/** How many failing downloads are named. */
const NAMED = 4;

/** Judges: a source that cannot be reached is the source's fault, and never a reason to start the instrument again. */
export function judgeHealth({ downloads, told, trouble, counters }: HealthFacts): Health {
  const failing = downloads.filter(({ failures }) => failures > 0);
  const said: string[] = [];
  if (trouble !== undefined) said.push(`What came of downloads cannot be remembered: ${trouble}.`);
  if (failing.length > 0) {
    const named = failing
      .slice(0, NAMED)
      .map(({ id, code, failures }) => `${id} (${code ?? 'unknown'}, ${String(failures)} in a row)`);
    const more = failing.length > NAMED ? ` and ${String(failing.length - NAMED)} more` : '';
    said.push(`Downloads that fail: ${named.join(', ')}${more}.`);
  }
  const all = {
    ...counters,
    downloads: downloads.length,
    fresh: downloads.filter(({ state }) => state === 'fresh').length,
    failing: failing.length,
  };
  if (said.length > 0) return { state: 'degraded', detail: said.join(' '), counters: all };
  if (!told) return { state: 'ok', detail: 'The sensor named no downloads yet.', counters: all };
  return { state: 'ok', counters: all };
}

function restingState(record: DownloadRecord | undefined): 'waiting' | 'fresh' | 'failed' {
  if (record === undefined) return 'waiting';
  if (record.failures > 0) return 'failed';
  return record.delivered !== undefined && record.lastSuccess !== undefined ? 'fresh' : 'waiting';
}

function wallTime(dueMs: number): string {
  return new Date(Date.now() + Math.max(0, dueMs - performance.now())).toISOString();
}
