import type { StoredEvent } from '../../contracts/index.ts';
import { BulkheadError } from '../../kernel/index.ts';
import { extentOf, IDS_PER_MS, type Db } from './database.ts';
import type { SearchPlan } from './filter.ts';
import { eventOf, PackReader, unpackLines, type Pack } from './packs.ts';

/** One page of a search, newest first. */
export interface SearchPage {
  events: StoredEvent[];
  /** For the next page; absent when there is no more. */
  cursor?: string;
  /**
   * False when the time for one answer was over before the page was full: what is here is right, and `cursor` goes on.
   */
  complete: boolean;
}

const HOUR_IDS = 3_600_000 * IDS_PER_MS;

/**
 * Finds the newest matching records, at most `limit`. Pages are stable: records that arrive meanwhile are newer than the cursor
 * (or, with a publisher that is behind, in their place), and none is shown twice.
 * @param budgetMs after so long it answers with what it has
 * @throws BulkheadError EVENTS_CURSOR_INVALID
 */
export function searchPage(
  db: Db,
  plan: SearchPlan,
  { limit, cursor, budgetMs }: { limit: number; cursor?: string | undefined; budgetMs: number },
): SearchPage {
  const { oldest, newest } = extentOf(db);
  const to = Math.min(plan.toId, newest, cursor === undefined ? plan.toId : cursorId(cursor, plan));
  const from = Math.max(plan.fromId, oldest);
  const deadline = performance.now() + budgetMs;
  const events: StoredEvent[] = [];
  for (const [id, event] of candidates(db, plan, from, to, deadline)) {
    if (id === undefined) return { events, cursor: cursorFor(event, plan), complete: false };
    if (performance.now() > deadline) return { events, cursor: cursorFor(id + 1, plan), complete: false };
    if (event === undefined || !plan.accepts(event)) continue;
    if (events.length >= limit) return { events, cursor: cursorFor(id + 1, plan), complete: true };
    events.push(event);
  }
  return { events, complete: true };
}

/** `[id, event]` newest first; `[undefined, id]` when the time was over and everything from `id` on was seen. */
type Candidate = [number, StoredEvent | undefined] | [undefined, number];

function* candidates(
  db: Db,
  plan: SearchPlan,
  from: number,
  to: number,
  deadline: number,
): Generator<Candidate> {
  if (plan.match === undefined) {
    yield* everything(db, from, to);
    return;
  }
  const packs = new PackReader(db);
  // CAST: numbers of this size are bound as REAL, and FTS5 ignores a bound that is no INTEGER.
  const found = db
    .prepare(
      'SELECT rowid FROM words WHERE words MATCH ? AND rowid >= CAST(? AS INTEGER) AND rowid < CAST(? AS INTEGER) ORDER BY rowid DESC',
    )
    .pluck();
  // One look into the index cannot be interrupted, so it begins with a short time and takes longer ones while it is quick.
  let span = HOUR_IDS;
  for (let high = to; high > from;) {
    const low = Math.max(from, high - span);
    const began = performance.now();
    for (const id of found.iterate(plan.match, low, high) as Iterable<number>) yield [id, packs.event(id)];
    high = low;
    const tookMs = Math.max(0.05, performance.now() - began);
    const leftMs = deadline - performance.now();
    if (leftMs <= 0 && high > from) {
      yield [undefined, high];
      return;
    }
    span = Math.max(HOUR_IDS / 60, Math.min(span * 8, (span * leftMs) / tookMs));
  }
}

function* everything(db: Db, from: number, to: number): Generator<Candidate> {
  const below = db.prepare('SELECT * FROM packs WHERE id < ? ORDER BY id DESC LIMIT 1');
  for (let high = to; ;) {
    const pack = below.get(high) as Pack | undefined;
    if (pack === undefined || pack.id + pack.count <= from) return;
    const lines = unpackLines(pack.records);
    for (let index = Math.min(pack.count, high - pack.id) - 1; index >= 0; index -= 1) {
      if (pack.id + index < from) return;
      yield [pack.id + index, eventOf(pack, lines, index)];
    }
    high = pack.id;
  }
}

/** @param before ids from here on were handed over, or belong to another page */
function cursorFor(before: number, plan: SearchPlan): string {
  return Buffer.from(JSON.stringify([1, before, plan.digest])).toString('base64url');
}

function cursorId(cursor: string, plan: SearchPlan): number {
  try {
    const [version, before, digest] = JSON.parse(
      Buffer.from(cursor, 'base64url').toString('utf8'),
    ) as unknown[];
    if (version === 1 && Number.isSafeInteger(before) && digest === plan.digest) return before as number;
  } catch {
    // Told below.
  }
  throw new BulkheadError({
    code: 'EVENTS_CURSOR_INVALID',
    message: 'The cursor does not belong to this search.',
    hint: 'Use `cursor` of the page before with the same filter, or begin again without one.',
  });
}
