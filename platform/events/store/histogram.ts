import { isAtLeast, type Severity } from '../describe.ts';
import { extentOf, IDS_PER_MS, type Db } from './database.ts';
import { word, type SearchPlan } from './filter.ts';

/** Counts over time. Buckets are of one width and without a gap. */
export interface Histogram {
  /** ISO 8601: beginning of the first bucket, end of the last. */
  since: string;
  until: string;
  bucketS: number;
  /** What the counts are by; `total` alone when a part of the filter makes it too costly. */
  by: 'type' | 'severity';
  buckets: { time: string; total: number; counts: Record<string, number> }[];
  total: number;
  /** False: counting all would have taken too long. Buckets before `countedFrom` are estimates, from a part of each. */
  complete: boolean;
  countedFrom?: string;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Up to so many candidates are also counted by kind. */
const BY_KIND_MOST = 10_000;

interface Grid {
  fromMs: number;
  widthMs: number;
  count: number;
}

/**
 * Counts matching records in about `buckets` buckets. What type, instrument and severity can tell is exact to the minute (or the
 * hour, when buckets are that wide); other filters count what the index finds.
 */
export function histogram(
  db: Db,
  plan: SearchPlan,
  { buckets, by, budgetMs }: { buckets: number; by: 'type' | 'severity'; budgetMs: number },
): Histogram {
  const grid = gridFor(db, plan, buckets);
  return plan.countable ? fromCounts(db, plan, grid, by) : fromIndex(db, plan, grid, by, budgetMs);
}

/** Buckets begin at whole minutes, or whole hours when they are that wide, so that kept counts fit them. */
function gridFor(db: Db, plan: SearchPlan, buckets: number): Grid {
  const { oldest: first, newest: last } = extentOf(db);
  const fromMs = Math.max(plan.fromId, first) / IDS_PER_MS;
  const toMs = Math.max(fromMs + 1, Math.min(plan.toId, last + IDS_PER_MS) / IDS_PER_MS);
  const exact = (toMs - fromMs) / buckets;
  const unit = exact > HOUR_MS ? HOUR_MS : MINUTE_MS;
  const start = Math.floor(fromMs / unit) * unit;
  const widthMs = Math.max(unit, Math.ceil((toMs - start) / buckets / unit) * unit);
  return { fromMs: start, widthMs, count: Math.max(1, Math.ceil((toMs - start) / widthMs)) };
}

function fromCounts(db: Db, plan: SearchPlan, grid: Grid, by: 'type' | 'severity'): Histogram {
  const { types, instrument, severity } = plan.filter;
  const hourly = grid.widthMs % HOUR_MS === 0;
  const endMs = grid.fromMs + grid.widthMs * grid.count;
  const unit = hourly ? HOUR_MS : MINUTE_MS;
  const [from, to] = [grid.fromMs / unit, Math.ceil(endMs / unit)];
  const rows = db
    .prepare(
      `SELECT ((${hourly ? 'hour' : 'minute'} - @from) / @width) AS bucket, ${by} AS kind, severity, sum(n) AS n FROM counts ` +
        `WHERE ${hourly ? 'minute = -1 AND hour >= @from AND hour < @to' : 'minute >= @from AND minute < @to'} ` +
        'AND (@instrument IS NULL OR instrument = @instrument) ' +
        'AND (@types IS NULL OR type IN (SELECT value FROM json_each(@types))) GROUP BY 1, 2, 3',
    )
    .all({
      from,
      to,
      width: grid.widthMs / unit,
      instrument: instrument ?? null,
      types: types === undefined ? null : JSON.stringify(types),
    }) as { bucket: number; kind: string; severity: Severity; n: number }[];
  const result = empty(grid, by);
  for (const { bucket, kind, severity: found, n } of rows) {
    if (severity === undefined || isAtLeast(found, severity)) add(result, bucket, kind, n);
  }
  return result;
}

/** Newest bucket first, so that what is only estimated when the time is over is the oldest. */
function fromIndex(
  db: Db,
  plan: SearchPlan,
  grid: Grid,
  by: 'type' | 'severity',
  budgetMs: number,
): Histogram {
  const deadline = performance.now() + budgetMs;
  const result = empty(grid, by);
  const counting = db
    .prepare(
      'SELECT count(*) FROM words WHERE words MATCH ? AND rowid >= CAST(? AS INTEGER) AND rowid < CAST(? AS INTEGER)',
    )
    .pluck();
  const match = plan.match ?? '';
  const idsOf = (bucket: number): [number, number] => {
    const from = (grid.fromMs + bucket * grid.widthMs) * IDS_PER_MS;
    return [Math.max(from, plan.fromId), Math.min(from + grid.widthMs * IDS_PER_MS, plan.toId)];
  };
  const began = performance.now();
  for (let bucket = grid.count - 1; bucket >= 0; bucket -= 1) {
    const [from, to] = idsOf(bucket);
    const spentMs = performance.now() - began;
    // What does not fit into the time is counted in a part of each bucket, and scaled.
    const forAllMs = (spentMs / Math.max(1, grid.count - 1 - bucket)) * (bucket + 1);
    const parts =
      spentMs < budgetMs / 2 ? 1 : Math.ceil(forAllMs / Math.max(1, deadline - performance.now()));
    const n =
      parts <= 1 ? counting.get(match, from, to) : counting.get(match, from, from + (to - from) / parts);
    const at = result.buckets[bucket];
    if (at === undefined) continue;
    at.total = (n as number) * Math.max(1, parts);
    result.total += at.total;
    if (parts <= 1) continue;
    result.complete = false;
    result.countedFrom ??= new Date(grid.fromMs + (bucket + 1) * grid.widthMs).toISOString();
  }
  if (result.total > 0 && result.total <= BY_KIND_MOST) countKinds(db, plan, grid, by, result, deadline);
  return result;
}

function countKinds(
  db: Db,
  plan: SearchPlan,
  grid: Grid,
  by: 'type' | 'severity',
  result: Histogram,
  deadline: number,
): void {
  const found = db
    .prepare(
      'SELECT rowid FROM words WHERE words MATCH ? AND rowid >= CAST(? AS INTEGER) AND rowid < CAST(? AS INTEGER)',
    )
    .pluck();
  const kinds =
    by === 'severity'
      ? ['high', 'medium', 'low']
      : (db.prepare('SELECT DISTINCT type FROM counts WHERE minute = -1').pluck().all() as string[]);
  const endId = Math.min(plan.toId, (grid.fromMs + grid.widthMs * grid.count) * IDS_PER_MS);
  const counted = result.buckets.map((bucket): { left: number; counts: Record<string, number> } => ({
    left: bucket.total,
    counts: {},
  }));
  for (const kind of kinds) {
    if (performance.now() > deadline) return;
    const also = word(`${by === 'severity' ? 'v' : 't'}=${kind}`);
    for (const id of found.iterate(
      `${plan.match ?? ''} AND ${also}`,
      plan.fromId,
      endId,
    ) as Iterable<number>) {
      const at = counted[Math.floor((id / IDS_PER_MS - grid.fromMs) / grid.widthMs)];
      if (at === undefined) continue;
      at.counts[kind] = (at.counts[kind] ?? 0) + 1;
      at.left -= 1;
    }
  }
  counted.forEach(({ left, counts }, index) => {
    const bucket = result.buckets[index];
    if (bucket === undefined) return;
    if (by === 'severity' && left > 0) counts['info'] = left;
    bucket.counts = counts;
  });
}

function empty(grid: Grid, by: 'type' | 'severity'): Histogram {
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

function add(result: Histogram, index: number, kind: string, n: number): void {
  const bucket = result.buckets[index];
  if (bucket === undefined || n <= 0) return;
  bucket.total += n;
  bucket.counts[kind] = (bucket.counts[kind] ?? 0) + n;
  result.total += n;
}
