import type { EventHistogram } from '@bulkhead/fleet-api';
import { IDS_PER_MS, type Db } from './database.ts';
import type { SearchPlan } from './filter.ts';
import { candidates } from './search.ts';
import { planSearch } from './filter.ts';

/**
 * Takes what is suppressed out of counts that were kept without regard to it, the newest first; what the time does not suffice for
 * stays in, and `complete` says so.
 */
export function takeOutHidden(
  db: Db,
  plan: SearchPlan,
  result: EventHistogram,
  by: EventHistogram['by'],
  budgetMs: number,
): void {
  const deadline = performance.now() + budgetMs;
  const hidden = planSearch({ ...plan.filter, suppressed: 'only' }, undefined, plan.hidden);
  const [fromMs, widthMs] = [Date.parse(result.since), result.bucketS * 1000];
  let taken = 0;
  for (const [id, event] of candidates(db, hidden, hidden.toId, deadline)) {
    if (id === undefined || performance.now() > deadline) {
      result.complete = false;
      break;
    }
    if (event === undefined || !hidden.accepts(event)) continue;
    const bucket = result.buckets[Math.floor((id / IDS_PER_MS - fromMs) / widthMs)];
    const kind = event[by];
    const count = bucket?.counts[kind] ?? 0;
    if (bucket === undefined || count === 0) continue;
    bucket.total -= 1;
    if (count === 1) Reflect.deleteProperty(bucket.counts, kind);
    else bucket.counts[kind] = count - 1;
    taken += 1;
  }
  result.total -= taken;
  if (taken > 0) result.suppressed = taken;
}
