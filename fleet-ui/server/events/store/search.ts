import type { EventPage, FleetEvent } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { extentOf, IDS_PER_MS, type Db } from './database.ts';
import type { SearchPlan } from './filter.ts';
import { markFilter, withMarks } from './marks.ts';
import { eventOf, linesOf, PackReader, type Pack } from './packs.ts';

const HOUR_IDS = 3_600_000 * IDS_PER_MS;

/**
 * Finds the newest matching records, at most `limit`. Pages are stable: what arrives meanwhile is newer than the cursor (or, from a
 * sensor that was away, in its place), and nothing is shown twice.
 * @param budgetMs after so long it answers with what it has
 * @throws BulkheadError FLEET_EVENTS_CURSOR_INVALID
 */
export function searchPage(
  db: Db,
  plan: SearchPlan,
  { limit, cursor, budgetMs }: { limit: number; cursor?: string | undefined; budgetMs: number },
): EventPage {
  const deadline = performance.now() + budgetMs;
  const events: FleetEvent[] = [];
  const done = (rest: Partial<EventPage>): EventPage => ({
    events: withMarks(
      db,
      events.map((event) => withSuppression(event, plan)),
    ),
    complete: true,
    ...rest,
  });
  const to = cursor === undefined ? plan.toId : Math.min(plan.toId, cursorId(cursor, plan));
  for (const [id, event] of candidates(db, plan, to, deadline)) {
    if (id === undefined) return done({ cursor: cursorFor(event, plan), complete: false });
    if (performance.now() > deadline) return done({ cursor: cursorFor(id + 1, plan), complete: false });
    if (event === undefined || !plan.accepts(event)) continue;
    if (events.length >= limit) return done({ cursor: cursorFor(id + 1, plan) });
    events.push(event);
  }
  return done({});
}

/** Says by which suppression an event is covered, if it is. */
export function withSuppression(event: FleetEvent, plan: Pick<SearchPlan, 'suppressor'>): FleetEvent {
  const suppressed = plan.suppressor(event);
  return suppressed === undefined ? event : { ...event, suppressed };
}

/** `[id, event]` newest first; `[undefined, id]` when the time was over and everything from `id` on was seen. */
type Candidate = [number, FleetEvent | undefined] | [undefined, number];

/** Every record that may match, newest first, with marks already judged. */
export function* candidates(
  db: Db,
  plan: SearchPlan,
  before: number,
  deadline: number,
): Generator<Candidate> {
  const { oldest, newest } = extentOf(db);
  const from = Math.max(plan.fromId, oldest);
  const to = Math.min(before, newest);
  const marks = markFilter(db, plan.filter);
  if (marks.only !== undefined) {
    const packs = new PackReader(db);
    for (const id of marks.only(from, to)) yield [id, packs.event(id)];
    return;
  }
  const source =
    plan.match === undefined ? everything(db, from, to) : indexed(db, plan.match, from, to, deadline);
  for (const candidate of source) {
    if (candidate[0] !== undefined && marks.hides(candidate[0])) continue;
    yield candidate;
  }
}

function* indexed(db: Db, match: string, from: number, to: number, deadline: number): Generator<Candidate> {
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
    for (const id of found.iterate(match, low, high) as Iterable<number>) yield [id, packs.event(id)];
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
    const lines = linesOf(pack);
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
    code: 'FLEET_EVENTS_CURSOR_INVALID',
    message: 'The cursor does not belong to this search.',
  });
}
