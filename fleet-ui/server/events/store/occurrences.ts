import type { Occurrences } from '@bulkhead/fleet-api';
import { IDS_PER_MS, type Db } from './database.ts';

/** Which signature, on which sensors (undefined: all), since when. */
export interface OccurrencesAsked {
  signature: string;
  sensors: readonly string[] | undefined;
  sinceMs: number;
  nowMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const SENSORS_MOST = 200;

/** How often a signature was seen: by kept counts, to the hour; the first and the last one by the index, exactly. */
export function occurrences(db: Db, { signature, sensors, sinceMs, nowMs }: OccurrencesAsked): Occurrences {
  const firstHour = Math.floor(sinceMs / HOUR_MS);
  const only = sensors === undefined ? '' : 'AND sensor IN (SELECT value FROM json_each(@sensors))';
  const values = {
    signature,
    firstHour,
    ...(sensors === undefined ? {} : { sensors: JSON.stringify(sensors) }),
  };
  const where = `FROM signature_counts WHERE signature = @signature AND hour >= @firstHour ${only}`;
  const rows = db
    .prepare(
      `SELECT sensor, sum(n) AS count, min(hour) AS first, max(hour) AS last ${where} ` +
        `GROUP BY sensor ORDER BY count DESC, sensor`,
    )
    .all(values) as { sensor: string; count: number; first: number; last: number }[];
  const byHour = db.prepare(`SELECT hour, sum(n) AS n ${where} GROUP BY hour`).all(values) as {
    hour: number;
    n: number;
  }[];
  const days = Array.from({ length: Math.max(1, Math.round((nowMs - sinceMs) / DAY_MS)) }, () => 0);
  for (const { hour, n } of byHour) {
    const ago = Math.max(0, Math.floor((nowMs - hour * HOUR_MS) / DAY_MS));
    const day = Math.max(0, days.length - 1 - ago);
    days[day] = (days[day] ?? 0) + n;
  }
  const iso = (hour: number): string => new Date(hour * HOUR_MS).toISOString();
  // Texts are kept for the whole fleet: whoever may not see a signature anywhere is not told what it says.
  const text =
    rows.length === 0
      ? undefined
      : (db.prepare('SELECT text FROM signatures WHERE id = ?').pluck().get(signature) as string | undefined);
  return {
    signature,
    ...(text === undefined ? {} : { text }),
    since: new Date(sinceMs).toISOString(),
    total: rows.reduce((sum, { count }) => sum + count, 0),
    ...ends(db, signature, sensors, sinceMs),
    sensors: rows
      .slice(0, SENSORS_MOST)
      .map(({ sensor, count, first, last }) => ({ sensor, count, first: iso(first), last: iso(last) })),
    days,
  };
}

function ends(
  db: Db,
  signature: string,
  sensors: readonly string[] | undefined,
  sinceMs: number,
): { first?: string; last?: string } {
  if (sensors?.length === 0) return {};
  const of = sensors?.map((sensor) => `"h=${sensor}"`);
  const match = `"s=${signature}"${of === undefined ? '' : ` AND (${of.join(' OR ')})`}`;
  const end = (order: 'ASC' | 'DESC'): number | undefined =>
    db
      .prepare(
        `SELECT rowid FROM words WHERE words MATCH ? AND rowid >= CAST(? AS INTEGER) ORDER BY rowid ${order} LIMIT 1`,
      )
      .pluck()
      .get(match, sinceMs * IDS_PER_MS) as number | undefined;
  const [first, last] = [end('ASC'), end('DESC')];
  if (first === undefined || last === undefined) return {};
  const time = (id: number): string => new Date(Math.floor(id / IDS_PER_MS)).toISOString();
  return { first: time(first), last: time(last) };
}
