import { sizeOf, type Db } from './database.ts';
import { noteDropped, removeFromPack } from './remove.ts';
import { heldIds } from './subjects.ts';

/** How long records stay, and how large the store may be. */
export interface Keeping {
  retentionDays: { default: number; types: Readonly<Record<string, number>> };
  storeMib: number;
}

/** What one slice of upkeep did. */
export interface Upkeep {
  /** Records that were older than their type's retention. */
  expired: number;
  /** Records that had to make room before their time. */
  evicted: number;
  /** There is more to do: call again soon. */
  more: boolean;
}

const DAY_S = 86_400;
/** Packs that go in one transaction: short, so that new records are not kept waiting. */
const SLICE_PACKS = 64;
/** Dropping begins here and goes on to there, in parts of the allowed size: room for the journal and for merging stays. */
const FULL = 0.8;
const ENOUGH = 0.76;
/** Pages of the index that are merged at a time. */
const MERGE_PAGES = 200;

/**
 * One slice of upkeep: drops what is too old, then what no longer fits. Age counts from when a record was stored, by the store's
 * own clock; what would expire next goes first when there is no room.
 */
export function maintainSlice(db: Db, keeping: Keeping, dataS: number): Upkeep {
  const expired = dropExpired(db, keeping, dataS);
  if (expired.packs >= SLICE_PACKS) return { expired: expired.records, evicted: 0, more: true };
  const limit = keeping.storeMib * 1024 * 1024;
  const evicting = state(db, 'evicting') === '1';
  const used = sizeOf(db).usedBytes;
  if (used <= limit * (evicting ? ENOUGH : FULL)) {
    if (evicting) setState(db, 'evicting', '0');
    return { expired: expired.records, evicted: 0, more: mergeSlice(db) };
  }
  if (!evicting) setState(db, 'evicting', '1');
  const evicted = evictSlice(db, keeping);
  // The index gives its room back only when it merges away what was removed.
  mergeSlice(db, MERGE_PAGES * 4);
  return { expired: expired.records, evicted, more: evicted > 0 };
}

/** Asks for the index to be merged as a whole, in slices: words of what was purged go for good. */
export function wantMerge(db: Db): void {
  setState(db, 'merging', '1');
}

function dropExpired(db: Db, keeping: Keeping, dataS: number): { packs: number; records: number } {
  let records = 0;
  let packs = 0;
  for (const type of types(db)) {
    const before = dataS - daysOf(keeping, type) * DAY_S;
    const old = db
      .prepare('SELECT id FROM packs WHERE type = ? AND stored < ? AND held = 0 ORDER BY stored LIMIT ?')
      .pluck()
      .all(type, before, SLICE_PACKS - packs) as number[];
    if (old.length === 0) continue;
    packs += old.length;
    records += dropPacks(db, old, 'retention');
    if (packs >= SLICE_PACKS) break;
  }
  return { packs, records };
}

/** The oldest packs of that type whose oldest would expire next. */
function evictSlice(db: Db, keeping: Keeping): number {
  const oldest = db.prepare('SELECT min(stored) FROM packs WHERE type = ? AND held = 0').pluck();
  let next: { type: string; at: number } | undefined;
  for (const type of types(db)) {
    const stored = oldest.get(type) as number | null;
    if (stored === null) continue;
    const at = stored + daysOf(keeping, type) * DAY_S;
    if (next === undefined || at < next.at) next = { type, at };
  }
  if (next === undefined) return 0;
  const packs = db
    .prepare('SELECT id FROM packs WHERE type = ? AND held = 0 ORDER BY stored LIMIT ?')
    .pluck()
    .all(next.type, SLICE_PACKS) as number[];
  return dropPacks(db, packs, 'full');
}

function dropPacks(db: Db, ids: readonly number[], reason: 'retention' | 'full'): number {
  return db.transaction(() => {
    const range = db.prepare('SELECT id, id + count AS until FROM packs WHERE id = ?');
    let gone = 0;
    const anyHold = db.prepare('SELECT count(*) FROM holds').pluck().get() as number;
    for (const id of ids) {
      const pack = range.get(id) as { id: number; until: number };
      const spared = anyHold === 0 ? new Set<number>() : heldIds(db, pack.id, pack.until);
      gone += removeFromPack(db, id, { spared });
      // What is left is held; it is looked at again when a hold is released.
      if (spared.size > 0) db.prepare('UPDATE packs SET held = 1 WHERE id = ?').run(id);
    }
    noteDropped(db, reason, gone);
    return gone;
  })();
}

function mergeSlice(db: Db, pages = MERGE_PAGES): boolean {
  const merging = state(db, 'merging') === '1';
  if (!merging && pages === MERGE_PAGES) return false;
  const before = db.prepare('SELECT total_changes()').pluck().get() as number;
  // Negative: also segments that would not be merged yet (https://sqlite.org/fts5.html#the_merge_command).
  db.prepare("INSERT INTO words (words, rank) VALUES ('merge', ?)").run(merging ? -pages : pages);
  const changes = (db.prepare('SELECT total_changes()').pluck().get() as number) - before;
  if (changes >= 2) return merging;
  if (merging) setState(db, 'merging', '0');
  return false;
}

function types(db: Db): string[] {
  return db.prepare('SELECT DISTINCT type FROM counts WHERE minute = -1').pluck().all() as string[];
}

export function daysOf({ retentionDays }: Pick<Keeping, 'retentionDays'>, type: string): number {
  return Object.hasOwn(retentionDays.types, type)
    ? (retentionDays.types[type] ?? retentionDays.default)
    : retentionDays.default;
}

export function state(db: Db, key: string): string | undefined {
  return db.prepare('SELECT value FROM state WHERE key = ?').pluck().get(key) as string | undefined;
}

export function setState(db: Db, key: string, value: string): void {
  db.prepare('INSERT INTO state VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(
    key,
    value,
  );
}
