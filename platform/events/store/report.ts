import type { EventStoreReport, StoredType } from './data.ts';
import { sizeOf, type Db } from './database.ts';
import { daysOf, type Keeping } from './maintain.ts';
import { listHolds } from './subjects.ts';

/** The store in numbers, without the policy in words. Reads counts and index ends only. */
export function storeReport(db: Db, keeping: Keeping): Omit<EventStoreReport, 'policy'> {
  const types = db.prepare('SELECT type, sum(n) AS n FROM counts WHERE minute = -1 GROUP BY type').all() as {
    type: string;
    n: number;
  }[];
  // A publisher may have sent late, so the ends are taken by time and not by age.
  const ends = db.prepare(
    'SELECT min(hour) AS first, max(hour) AS last FROM counts WHERE minute = -1 AND type = ?',
  );
  const first = db.prepare('SELECT min(time) FROM packs WHERE type = ? AND id BETWEEN ? AND ?').pluck();
  const last = db.prepare('SELECT max(time) FROM packs WHERE type = ? AND id BETWEEN ? AND ?').pluck();
  const byType: Record<string, StoredType> = {};
  for (const { type, n } of types) {
    const hours = ends.get(type) as { first: number; last: number };
    const within = (hour: number): [number, number] => [hour * HOUR_IDS, (hour + 1) * HOUR_IDS];
    const oldest = (first.get(type, ...within(hours.first)) ?? hours.first * 3_600_000) as number;
    const newest = (last.get(type, ...within(hours.last)) ?? hours.last * 3_600_000) as number;
    byType[type] = {
      records: n,
      oldest: iso(oldest),
      newest: iso(newest),
      retentionDays: daysOf(keeping, type),
    };
  }
  const all = Object.values(byType);
  const oldest = all.map((type) => type.oldest).sort()[0];
  const newest = all
    .map((type) => type.newest)
    .sort()
    .at(-1);
  return {
    records: types.reduce((sum, { n }) => sum + n, 0),
    bytes: sizeOf(db).fileBytes,
    storeMib: keeping.storeMib,
    ...(oldest === undefined ? {} : { oldest }),
    ...(newest === undefined ? {} : { newest }),
    byType,
    holds: listHolds(db),
    dropped: Object.fromEntries(
      (db.prepare('SELECT reason, n FROM dropped').all() as { reason: string; n: number }[]).map(
        ({ reason, n }) => [reason, n],
      ),
    ),
  };
}

const HOUR_IDS = 3_600_000 * 1024;

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
