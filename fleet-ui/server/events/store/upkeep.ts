import { expireAssets, readOlderAssets } from './assets.ts';
import { forgetCounts, LEVEL_MS } from './counts.ts';
import { addDropped } from './insert.ts';
import { IDS_PER_MS, setState, state, usedBytes, type Db } from './database.ts';

/** How long records stay, and how large the store may be. */
export interface Keeping {
  retentionDays: number;
  storeMib: number;
}

/** What one slice of upkeep did. */
export interface Upkeep {
  expired: number;
  evicted: number;
  /** There is more to do: call again soon. */
  more: boolean;
  /** Days that the clock went on by and that are not believed: see {@link advanceClock}. */
  doubtedDays: number;
}

const DAY_MS = 86_400_000;
/** Packs that go in one transaction: short, so that new records are not kept waiting. */
const SLICE_PACKS = 64;
/** Dropping begins here and goes on to there, in parts of the allowed size. */
const FULL = 0.9;
const ENOUGH = 0.86;
const MERGE_PAGES = 400;
/** Longest step of the clock between two looks that makes records older. */
const BELIEVED_MS = 7 * DAY_MS;

/** One slice: drops what is too old, then the oldest while there is too much. */
export function maintainSlice(db: Db, keeping: Keeping, nowMs: number): Upkeep {
  const clock = advanceClock(db, nowMs);
  const before = (clock.dataMs - keeping.retentionDays * DAY_MS) * IDS_PER_MS;
  const expired = dropOldest(db, 'retention', before);
  const base = { expired: expired.records, evicted: 0, doubtedDays: clock.doubtedDays };
  if (expired.packs >= SLICE_PACKS) return { ...base, more: true };
  const limit = keeping.storeMib * 1024 * 1024;
  const evicting = state(db, 'evicting') === '1';
  if (usedBytes(db) <= limit * (evicting ? ENOUGH : FULL)) {
    if (evicting) setState(db, 'evicting', '0');
    expireAssets(db, before / IDS_PER_MS, nowMs);
    return { ...base, more: readOlderAssets(db) };
  }
  if (!evicting) setState(db, 'evicting', '1');
  const evicted = dropOldest(db, 'full', Number.MAX_SAFE_INTEGER);
  // The index gives its room back only when it merges away what was removed.
  db.prepare("INSERT INTO words (words, rank) VALUES ('merge', ?)").run(MERGE_PAGES);
  return { ...base, evicted: evicted.records, more: evicted.packs > 0 };
}

/**
 * The clock by which records grow old: it follows the machine's, but no step of more than a week between two looks, so that a clock that
 * was set wrong drops nothing. The rest is doubted until the machine's clock comes back, or a person believes it.
 */
export function advanceClock(db: Db, nowMs: number): { dataMs: number; doubtedDays: number } {
  const text = state(db, 'clock');
  const last = text === undefined ? undefined : (JSON.parse(text) as { dataMs: number; wallMs: number });
  const step = last === undefined ? 0 : Math.min(Math.max(0, nowMs - last.wallMs), BELIEVED_MS);
  const dataMs = last === undefined ? nowMs : Math.min(nowMs, last.dataMs + step);
  setState(db, 'clock', JSON.stringify({ dataMs, wallMs: nowMs }));
  return { dataMs, doubtedDays: (nowMs - dataMs) / DAY_MS };
}

/** A person confirms that the fleet was off for as long as its clock says. */
export function believeClock(db: Db, nowMs: number): void {
  setState(db, 'clock', JSON.stringify({ dataMs: nowMs, wallMs: nowMs }));
}

function dropOldest(
  db: Db,
  reason: 'retention' | 'full',
  beforeId: number,
): { packs: number; records: number } {
  return db.transaction(() => {
    const packs = db
      .prepare(
        'SELECT id, count, live, stream, sequence FROM packs WHERE id + count <= ? ORDER BY id LIMIT ?',
      )
      .all(beforeId, SLICE_PACKS) as {
      id: number;
      count: number;
      live: number;
      stream: number;
      sequence: number;
    }[];
    if (packs.length === 0) return { packs: 0, records: 0 };
    const unindex = db.prepare('DELETE FROM words WHERE rowid = ?');
    const remove = db.prepare('DELETE FROM packs WHERE id = ?');
    // What went must not come back when a sensor sends it once more.
    const floor = db.prepare('UPDATE streams SET floor = max(floor, ?) WHERE n = ?');
    let records = 0;
    for (const pack of packs) {
      for (let id = pack.id; id < pack.id + pack.count; id += 1) unindex.run(id);
      remove.run(pack.id);
      floor.run(pack.sequence, pack.stream);
      records += pack.live;
    }
    addDropped(db, reason, records);
    forgetBefore(db);
    return { packs: packs.length, records };
  })();
}

/** Counts and marks of what is gone; of the hour (and the day) in which the oldest record lies, counts stay whole. */
function forgetBefore(db: Db): void {
  const oldest = db.prepare('SELECT id FROM packs ORDER BY id LIMIT 1').pluck().get() as number | undefined;
  const from = oldest ?? Number.MAX_SAFE_INTEGER;
  const beforeMs = from / IDS_PER_MS;
  forgetCounts(db, beforeMs);
  db.prepare('DELETE FROM signature_counts WHERE hour < ?').run(Math.floor(beforeMs / LEVEL_MS[1]));
  db.prepare('DELETE FROM marks WHERE id < ?').run(from);
}
