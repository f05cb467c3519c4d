import type { StoredEvent } from '../../contracts/index.ts';
import { addressHex, BulkheadError } from '../../kernel/index.ts';
import type { DataHold, DataSubject, FoundData } from './data.ts';
import type { Db } from './database.ts';
import { factsOf, normalName, plain, wordsOf } from './facts.ts';
import { word } from './filter.ts';
import { PackReader } from './packs.ts';
import { noteDropped, removeFromPack } from './remove.ts';

/** A subject made ready: how to find candidates, and what decides. */
interface SubjectPlan {
  match: string;
  accepts(event: StoredEvent): boolean;
}

/** Records that are looked at in one go; between goes others get their turn. */
const SLICE = 2_000;

/** @throws BulkheadError EVENTS_FILTER_INVALID */
export function planSubject(subject: DataSubject): SubjectPlan {
  if (subject.address !== undefined) {
    const hex = addressHex(subject.address);
    if (hex === undefined) throw invalid(subject.address, 'is not an address');
    return {
      match: `${word(`a=${hex}`)} OR ${word('x=1')}`,
      accepts: (event) =>
        factsOf(event).addresses.has(hex) || textHas(event.record, spellings(subject.address, hex)),
    };
  }
  const name = normalName(subject.name);
  const words = wordsOf(name);
  if (words.length === 0 || words.length > 32 || name.length > 255)
    throw invalid(subject.name, 'is not a name');
  const below = name.startsWith('*.') ? name.slice(1) : undefined;
  const all = words.map(word).join(' AND ');
  return {
    match: `(${all}) OR ${word(below === undefined ? `n=${plain(name)}` : `d=${plain(name.slice(2))}`)} OR ${word('x=1')}`,
    accepts: (event) =>
      below === undefined
        ? textHas(event.record, [name])
        : [...factsOf(event).names].some((found) => found.endsWith(below) && found.length > below.length),
  };
}

/** Ids of a subject's records between two ids; the index' candidates, each looked at. */
export function idsOfSubject(
  db: Db,
  plan: SubjectPlan,
  fromId = 0,
  toId = Number.MAX_SAFE_INTEGER,
): number[] {
  return [...matches(db, plan, fromId, toId)].map(({ id }) => id);
}

export function findSubject(db: Db, subject: DataSubject): FoundData {
  const found: FoundData & { byType: Record<string, number> } = { records: 0, byType: {} };
  for (const { event } of matches(db, planSubject(subject), 0, Number.MAX_SAFE_INTEGER)) {
    found.records += 1;
    found.byType[event.type] = (found.byType[event.type] ?? 0) + 1;
    if (found.oldest === undefined || event.time < found.oldest) found.oldest = event.time;
    if (found.newest === undefined || event.time > found.newest) found.newest = event.time;
  }
  return found;
}

/**
 * Purges a slice of a subject's records. Call again from `next` until it is absent.
 * Each slice is one transaction, so what was purged stays purged whatever happens.
 */
export function purgeSlice(
  db: Db,
  subject: DataSubject,
  fromId: number,
): { deleted: number; held: number; next?: number } {
  const ids: number[] = [];
  for (const { id } of matches(db, planSubject(subject), fromId, Number.MAX_SAFE_INTEGER)) {
    ids.push(id);
    if (ids.length >= SLICE) break;
  }
  const spared = heldIds(db, ids[0] ?? 0, (ids.at(-1) ?? 0) + 1);
  const packs = new Map<number, Set<number>>();
  const packOf = db.prepare('SELECT id FROM packs WHERE id <= ? ORDER BY id DESC LIMIT 1').pluck();
  for (const id of ids) {
    const pack = packOf.get(id) as number;
    packs.set(pack, (packs.get(pack) ?? new Set()).add(id));
  }
  let deleted = 0;
  db.transaction(() => {
    for (const [pack, only] of packs) deleted += removeFromPack(db, pack, { only, spared });
    noteDropped(db, 'purge', deleted);
  })();
  const more = ids.length >= SLICE ? { next: (ids.at(-1) ?? 0) + 1 } : {};
  return { deleted, held: ids.filter((id) => spared.has(id)).length, ...more };
}

/** Ids under any hold between two ids. */
export function heldIds(db: Db, fromId: number, toId: number): Set<number> {
  return new Set(
    listHolds(db).flatMap(({ subject }) => idsOfSubject(db, planSubject(subject), fromId, toId)),
  );
}

interface HoldRow {
  id: number;
  kind: string;
  value: string;
  reason: string;
  since: string;
}

export function listHolds(db: Db): DataHold[] {
  return (db.prepare('SELECT * FROM holds ORDER BY id').all() as HoldRow[]).map((row) => ({
    id: row.id,
    subject: row.kind === 'address' ? { address: row.value } : { name: row.value },
    reason: row.reason,
    since: row.since,
  }));
}

/** The same subject is held once; the first reason stays. */
export function addHold(db: Db, subject: DataSubject, reason: string, since: string): DataHold {
  planSubject(subject);
  const [kind, value] =
    subject.address !== undefined ? ['address', subject.address] : ['name', normalName(subject.name)];
  db.prepare('INSERT INTO holds (kind, value, reason, since) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING').run(
    kind,
    value,
    reason.slice(0, 500),
    since,
  );
  const row = db
    .prepare('SELECT id FROM holds WHERE kind = ? AND value = ?')
    .pluck()
    .get(kind, value) as number;
  const hold = listHolds(db).find(({ id }) => id === row);
  if (hold === undefined) throw new Error('a hold that was just made is not there');
  return hold;
}

/** What it kept back is dropped with the next retention. */
export function releaseHold(db: Db, id: number): boolean {
  return db.transaction(() => {
    db.prepare('UPDATE packs SET held = 0 WHERE held = 1').run();
    return db.prepare('DELETE FROM holds WHERE id = ?').run(id).changes > 0;
  })();
}

function* matches(
  db: Db,
  plan: SubjectPlan,
  fromId: number,
  toId: number,
): Generator<{ id: number; event: StoredEvent }> {
  const packs = new PackReader(db);
  const found = db
    .prepare(
      'SELECT rowid FROM words WHERE words MATCH ? AND rowid >= CAST(? AS INTEGER) AND rowid < CAST(? AS INTEGER) ORDER BY rowid',
    )
    .pluck();
  for (const id of found.iterate(plan.match, fromId, toId) as Iterable<number>) {
    const event = packs.event(id);
    if (event !== undefined && plan.accepts(event)) yield { id, event };
  }
}

/** Any text in the record is the subject, or has it as a word of its own. Bounded by the size of a record. */
function textHas(record: unknown, needles: readonly string[]): boolean {
  const text = JSON.stringify(record)
    .replace(/\\(?:u[0-9a-f]{4}|.)/gi, (escape) => (/["\\/]$/.test(escape) ? escape.charAt(1) : ' '))
    .toLowerCase();
  return needles.some((needle) => {
    for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1)) {
      const rest = text.slice(at + needle.length, at + needle.length + 2);
      const more = needle.includes(':') ? /^[\w:-]|^\.\w/ : /^[\w-]|^\.\w/;
      if (!/[\w.:-]/.test(text.charAt(at - 1)) && !more.test(rest)) return true;
    }
    return false;
  });
}

/** The ways in which tools write an address. */
function spellings(address: string, hex: string): string[] {
  if (hex.length === 8)
    return [address.includes(':') ? address.slice(address.lastIndexOf(':') + 1) : address];
  const groups = hex.match(/.{4}/g) ?? [];
  return [
    ...new Set([
      address.toLowerCase(),
      groups.join(':'),
      groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':'),
    ]),
  ];
}

function invalid(value: string, why: string): BulkheadError {
  return new BulkheadError({
    code: 'EVENTS_FILTER_INVALID',
    message: `${JSON.stringify(value.slice(0, 80))} ${why}.`,
    hint: 'Give an IPv4 or IPv6 address, or a name of up to 255 characters.',
  });
}
