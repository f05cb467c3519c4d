import type { Found, Hold, Purge, PurgeOutcome } from '../../data/index.ts';
import { table } from '../wording.ts';

/** What was found about a subject, copy by copy. */
export function foundText(subject: string, { matches, unanswered, held }: Found): string {
  const there = matches.filter(({ records, complete }) => records > 0 || !complete);
  const rows = there.map((match) => [
    match.copy,
    `${match.complete ? '' : '>= '}${String(match.records)}`,
    match.oldest ?? '-',
    match.newest ?? '-',
    match.basis,
    match.note ?? '',
  ]);
  const lines = [
    ...(held === undefined ? [] : [`${subject} is held since ${held.at} by ${held.by}: ${held.reason}`]),
    rows.length === 0
      ? `no record about ${subject}`
      : table([['COPY', 'RECORDS', 'OLDEST', 'NEWEST', 'BASIS', ''], ...rows]),
    ...unanswered.map(({ source, error }) => `! not looked through: ${source}: ${error}`),
  ];
  return `${lines.join('\n')}\n`;
}

export function holdsText(holds: readonly Hold[]): string {
  if (holds.length === 0) return 'nothing is held\n';
  const rows = holds.map(({ subject, at, by, reason }) => [
    'address' in subject ? subject.address : subject.name,
    at,
    by,
    reason,
  ]);
  return `${table([['HELD', 'SINCE', 'BY', 'REASON'], ...rows])}\n`;
}

/** What a purge did in each copy, and what it could not. */
export function purgedText(subject: string, { requestId, finished, results, waiting }: PurgeOutcome): string {
  const rows = results.map(({ copy, deleted, basis, note }) => [copy, String(deleted), basis, note ?? '']);
  const lines = [
    rows.length === 0
      ? `nothing about ${subject} was deleted`
      : table([['COPY', 'DELETED', 'BASIS', ''], ...rows]),
    ...waiting.map(({ source, error }) => `! waits for ${source}: ${error}`),
    finished
      ? `finished (request ${requestId})`
      : `not finished: it goes on by itself (request ${requestId})`,
  ];
  return `${lines.join('\n')}\n`;
}

export function purgesText(purges: readonly (Omit<Purge, 'done'> & { done: string[] })[]): string {
  if (purges.length === 0) return 'no deletion is unfinished\n';
  const rows = purges.map(({ subject, at, by, requestId, done }) => [
    'address' in subject ? subject.address : subject.name,
    at,
    by,
    requestId,
    done.join(', ') || 'none yet',
  ]);
  return `${table([['PURGE OF', 'SINCE', 'BY', 'REQUEST', 'DONE'], ...rows])}\n`;
}
