import type { EventHistogram } from '@bulkhead/fleet-api';
import { countsWhere, LEVEL_MS, LEVELS } from './counts.ts';
import { extentOf, IDS_PER_MS, type Db } from './database.ts';
import type { SearchPlan } from './filter.ts';
import { takeOutHidden } from './hidden-counts.ts';
import { candidates } from './search.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
type By = EventHistogram['by'];

interface Grid {
  fromMs: number;
  widthMs: number;
  count: number;
}

/**
 * Counts matching records in about `buckets` buckets. What sensor, instrument, type and severity can tell is exact to the minute (or
 * the hour, when buckets are that wide); other filters count what the index finds, without kinds.
 */
export function histogram(
  db: Db,
  plan: SearchPlan,
  { buckets, by, budgetMs }: { buckets: number; by: By; budgetMs: number },
): EventHistogram {
  const grid = gridFor(db, plan, buckets);
  if (plan.countable) {
    const result = fromCounts(db, plan, grid, by);
    // Kept counts know nothing of suppressions: those come and go.
    if (plan.hidden.length > 0) takeOutHidden(db, plan, result, by, budgetMs);
    return result;
  }
  if (plan.filter.handled !== undefined || plan.filter.owner !== undefined || plan.match === undefined)
    return fromRecords(db, plan, grid, by, budgetMs);
  return fromIndex(db, plan, grid, by, budgetMs);
}

/** Buckets begin at whole minutes, or whole hours when they are that wide, so that kept counts fit them. */
function gridFor(db: Db, plan: SearchPlan, buckets: number): Grid {
  const { oldest: first, newest: last } = extentOf(db);
  const askedMs = plan.filter.since === undefined ? first / IDS_PER_MS : plan.fromId / IDS_PER_MS;
  const fromMs = askedMs === 0 ? Date.now() - HOUR_MS : askedMs;
  const endMs = plan.filter.until === undefined ? last / IDS_PER_MS + 1 : plan.toId / IDS_PER_MS;
  const toMs = Math.max(fromMs + 1, endMs);
  const unit = (toMs - fromMs) / buckets > HOUR_MS ? HOUR_MS : MINUTE_MS;
  const start = Math.floor(fromMs / unit) * unit;
  const widthMs = Math.max(unit, Math.ceil((toMs - start) / buckets / unit) * unit);
  return { fromMs: start, widthMs, count: Math.max(1, Math.ceil((toMs - start) / widthMs)) };
}

function fromCounts(db: Db, plan: SearchPlan, grid: Grid, by: By): EventHistogram {
  const level = grid.widthMs % LEVEL_MS[LEVELS.hour] === 0 ? LEVELS.hour : LEVELS.minute;
  const unitMs = LEVEL_MS[level];
  const { where, values } = countsWhere(plan.filter, by === 'sensor');
  const rows = db
    .prepare(
      `SELECT CAST((at - @from) / @width AS INTEGER) AS bucket, ${by} AS kind, sum(n) AS n FROM counts ` +
        `WHERE level = @level AND at >= @from AND at < @to ${where} GROUP BY 1, 2`,
    )
    .all({
      ...{ level, from: grid.fromMs / unitMs, width: grid.widthMs / unitMs },
      to: Math.ceil((grid.fromMs + grid.widthMs * grid.count) / unitMs),
      ...values,
    }) as { bucket: number; kind: string; n: number }[];
  const result = empty(grid, by);
  for (const { bucket, kind, n } of rows) add(result, bucket, kind, n);
  return result;
}

/** Newest bucket first, so that what is only estimated when the time is over is the oldest. */
function fromIndex(db: Db, plan: SearchPlan, grid: Grid, by: By, budgetMs: number): EventHistogram {
  const began = performance.now();
  const deadline = began + budgetMs;
  const result = empty(grid, by);
  const counting = db
    .prepare(
      'SELECT count(*) FROM words WHERE words MATCH ? AND rowid >= CAST(? AS INTEGER) AND rowid < CAST(? AS INTEGER)',
    )
    .pluck();
  for (let bucket = grid.count - 1; bucket >= 0; bucket -= 1) {
    const start = (grid.fromMs + bucket * grid.widthMs) * IDS_PER_MS;
    const from = Math.max(start, plan.fromId);
    const to = Math.min(start + grid.widthMs * IDS_PER_MS, plan.toId);
    const spentMs = performance.now() - began;
    // What does not fit into the time is counted in a part of each bucket, and scaled.
    const forAllMs = (spentMs / Math.max(1, grid.count - 1 - bucket)) * (bucket + 1);
    const leftMs = Math.max(1, deadline - performance.now());
    const parts = spentMs < budgetMs / 2 ? 1 : Math.max(1, Math.ceil(forAllMs / leftMs));
    const n = counting.get(plan.match, from, from + (to - from) / parts) as number;
    const at = result.buckets[bucket];
    if (at === undefined) continue;
    at.total = n * parts;
    result.total += at.total;
    if (parts > 1) result.complete = false;
  }
  return result;
}

/** For few records: marks are people's. */
function fromRecords(db: Db, plan: SearchPlan, grid: Grid, by: By, budgetMs: number): EventHistogram {
  const result = empty(grid, by);
  const deadline = performance.now() + budgetMs;
  for (const [id, event] of candidates(db, plan, plan.toId, deadline)) {
    if (id === undefined || performance.now() > deadline) {
      result.complete = false;
      break;
    }
    if (event === undefined || !plan.accepts(event)) continue;
    add(result, Math.floor((id / IDS_PER_MS - grid.fromMs) / grid.widthMs), event[by], 1);
  }
  return result;
}

function empty(grid: Grid, by: By): EventHistogram {
  const time = (bucket: number): string => new Date(grid.fromMs + bucket * grid.widthMs).toISOString();
  return {
    since: time(0),
    until: time(grid.count),
    bucketS: grid.widthMs / 1000,
    by,
    buckets: Array.from({ length: grid.count }, (_, n) => ({ time: time(n), total: 0, counts: {} })),
    total: 0,
    complete: true,
  };
}

function add(result: EventHistogram, index: number, kind: string, n: number): void {
  const bucket = result.buckets[index];
  if (bucket === undefined || n <= 0) return;
  bucket.total += n;
  bucket.counts[kind] = (bucket.counts[kind] ?? 0) + n;
  result.total += n;
}
