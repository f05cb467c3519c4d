import type { Database } from 'better-sqlite3';

/** So many sensors are worked on before everybody else has a turn: heartbeats are not late, whatever is done to a thousand sensors. */
const BATCH = 20;

/**
 * Does `act` to each, some at a time in one transaction (one write to the disk instead of one for each), and lets others run in
 * between. What `act` throws undoes its batch and ends the work.
 */
export async function inBatches<T, R>(db: Database, items: readonly T[], act: (item: T) => R): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += BATCH) {
    if (from > 0) await new Promise((resolve) => setImmediate(resolve));
    const batch = items.slice(from, from + BATCH);
    results.push(...db.transaction(() => batch.map(act))());
  }
  return results;
}
