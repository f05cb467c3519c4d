import { severityOf } from '../describe.ts';
import type { Db } from './database.ts';
import { addCounts, addDropped, countKey } from './insert.ts';
import { eventOf, packLines, unpackLines, type Pack } from './packs.ts';

/**
 * Removes records from one pack, with their index words and counts; with the last of them the pack goes. Within a transaction.
 * @param spared ids that stay
 * @param only ids that go; undefined = all
 * @returns how many went
 */
export function removeFromPack(
  db: Db,
  packId: number,
  { spared, only }: { spared?: ReadonlySet<number>; only?: ReadonlySet<number> },
): number {
  const pack = db.prepare('SELECT * FROM packs WHERE id = ?').get(packId) as Pack | undefined;
  if (pack === undefined) return 0;
  let lines: string[];
  try {
    lines = unpackLines(pack.records);
  } catch {
    lines = []; // unreadable, so nobody can see what it holds: it goes as a whole
  }
  const counts = new Map<string, number>();
  const unindex = db.prepare('DELETE FROM words WHERE rowid = ?');
  let gone = 0;
  for (let index = 0; index < pack.count; index += 1) {
    const id = pack.id + index;
    if (lines.length > 0 && (lines[index] ?? '') === '') continue;
    if (lines.length > 0 && (spared?.has(id) === true || only?.has(id) === false)) continue;
    unindex.run(id);
    gone += 1;
    if (lines.length === 0) continue;
    const severity = severityIn(pack, lines, index);
    const key = countKey(id, pack.type, pack.instrument, severity);
    counts.set(key, (counts.get(key) ?? 0) - 1);
    lines[index] = '';
  }
  const left = lines.filter((line) => line !== '').length;
  if (left === 0) db.prepare('DELETE FROM packs WHERE id = ?').run(packId);
  else if (gone > 0) {
    db.prepare('UPDATE packs SET live = ?, records = ? WHERE id = ?').run(left, packLines(lines), packId);
  }
  addCounts(db, counts);
  db.prepare('DELETE FROM counts WHERE n <= 0 AND minute IN (?, ?, -1)').run(
    Math.floor(pack.id / 1024 / 60_000),
    Math.floor((pack.id + pack.count) / 1024 / 60_000),
  );
  return gone;
}

/** Notes how many records went, and why. */
export function noteDropped(db: Db, reason: 'retention' | 'full' | 'purge', n: number): void {
  if (n > 0) addDropped(db, reason, n);
}

function severityIn(pack: Pack, lines: readonly string[], index: number): string {
  if (pack.type !== 'alert' && !lines[index]?.includes('"severity"')) return 'info';
  try {
    const event = eventOf(pack, lines, index);
    return event === undefined ? 'info' : severityOf(event);
  } catch {
    return 'info';
  }
}
