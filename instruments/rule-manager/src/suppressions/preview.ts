import type { Preview } from '../api/results.ts';
import type { Action, Scope, SuppressionBody } from '../documents/schemas.ts';
import { AddressSet } from './address-set.ts';
import type { AlertLog, AlertRow } from './alert-log.ts';
import { thresholdLines } from './threshold-lines.ts';

const MOST_LOOKED_AT = 200_000;
const EXAMPLES = 20;
const TOP = 10;
const DAY_MS = 86_400_000;

/** Which recorded alerts a suppression or limit would have hidden. */
export function previewOf(
  log: AlertLog,
  wanted: { body: SuppressionBody; scope: Scope; days: number },
  nowMs: number,
): Preview {
  const { body, scope } = wanted;
  const since = nowMs - wanted.days * DAY_MS;
  const rows = log.ofRule(body.sid, body.gid, since, MOST_LOOKED_AT + 1);
  const looked = rows.slice(0, MOST_LOOKED_AT);
  const hidden =
    body.action.type === 'suppress' ? suppressed(looked, body, scope) : limited(looked, body.action);
  const document = { id: '', kind: 'suppression' as const, scope, body, author: '', time: '', reason: '' };
  return {
    alerts: looked.length,
    hidden: hidden.length,
    since: new Date(since).toISOString(),
    partial: rows.length > MOST_LOOKED_AT,
    examples: hidden.slice(0, EXAMPLES).map((row) => ({
      time: new Date(row.time).toISOString(),
      source: row.src,
      destination: row.dst,
    })),
    top: mostFrequent(hidden),
    lines: thresholdLines(
      [document],
      () => true,
      () => undefined,
    ).lines,
  };
}

function suppressed(rows: readonly AlertRow[], body: SuppressionBody, scope: Scope): AlertRow[] {
  const addresses = 'address' in scope ? [scope.address] : body.addresses;
  if (addresses === undefined) return [...rows];
  const set = new AddressSet(addresses);
  const { track } = body;
  return rows.filter(
    ({ src, dst }) => (track !== 'by_dst' && set.has(src)) || (track !== 'by_src' && set.has(dst)),
  );
}

/** As Suricata counts: per key, in windows that begin with the first alert. */
function limited(rows: readonly AlertRow[], action: Exclude<Action, { type: 'suppress' }>): AlertRow[] {
  const windows = new Map<string, { start: number; count: number }>();
  const hidden: AlertRow[] = [];
  for (const row of [...rows].reverse()) {
    const key = keyOf(row, action.per);
    let window = windows.get(key);
    if (window === undefined || row.time - window.start >= action.seconds * 1000) {
      window = { start: row.time, count: 0 };
      windows.set(key, window);
    }
    window.count += 1;
    if (!shows(action, window)) hidden.push(row);
  }
  return hidden.reverse();
}

function shows(action: Exclude<Action, { type: 'suppress' }>, window: { count: number }): boolean {
  if (action.type === 'limit') return window.count <= action.count;
  if (action.type === 'both') return window.count === action.count;
  if (window.count < action.count) return false;
  window.count = 0;
  return true;
}

function keyOf({ src, dst }: AlertRow, per: 'by_src' | 'by_dst' | 'by_both' | 'by_rule'): string {
  if (per === 'by_rule') return '';
  if (per === 'by_both') return `${src} ${dst}`;
  return per === 'by_src' ? src : dst;
}

function mostFrequent(rows: readonly AlertRow[]): Preview['top'] {
  const counts = new Map<string, number>();
  for (const { src, dst } of rows) {
    for (const address of new Set([src, dst])) counts.set(address, (counts.get(address) ?? 0) + 1);
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, TOP)
    .map(([address, count]) => ({ address, count }));
}
