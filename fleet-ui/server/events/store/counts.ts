import type { EventFilter } from '@bulkhead/fleet-api';
import type { Db } from './database.ts';
import { severitiesFrom } from './severity.ts';

/** Counts are kept by the minute, the hour and the day, for each sensor and for all of them together (`''`). */
export const LEVELS = Object.freeze({ minute: 0, hour: 1, day: 2 } as const);
export const LEVEL_MS = [60_000, 3_600_000, 86_400_000] as const;
export type Level = 0 | 1 | 2;
const ALL_SENSORS = '';

/** What is counted. */
export interface Counted {
  sensor: string;
  instrument: string;
  type: string;
  severity: string;
}

/** Counts of one batch, put together before they are written. */
export class CountTally {
  readonly #counts = new Map<string, number>();

  add(timeMs: number, { sensor, instrument, type, severity }: Counted): void {
    const minute = Math.floor(timeMs / LEVEL_MS[0]);
    const key = JSON.stringify([minute, sensor, instrument, type, severity]);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  write(db: Db): void {
    const rows = new Map<string, number>();
    for (const [key, n] of this.#counts) {
      const [minute, sensor, ...kind] = JSON.parse(key) as [number, string, string, string, string];
      for (const of of [sensor, ALL_SENSORS]) {
        for (const [level, perMinute] of [1, 60, 1_440].entries()) {
          const row = JSON.stringify([level, of, Math.floor(minute / perMinute), ...kind]);
          rows.set(row, (rows.get(row) ?? 0) + n);
        }
      }
    }
    const add = db.prepare(
      'INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n',
    );
    for (const [row, n] of rows) add.run(...(JSON.parse(row) as unknown[]), n);
  }
}

/** Forgets what lies wholly before a time. */
export function forgetCounts(db: Db, beforeMs: number): void {
  LEVEL_MS.forEach((ms, level) => {
    db.prepare('DELETE FROM counts WHERE level = ? AND at < ?').run(level, Math.floor(beforeMs / ms));
  });
}

/** All records that are counted. */
export function countAll(db: Db): number {
  const sum = db.prepare('SELECT sum(n) FROM counts WHERE level = 2 AND sensor = ?').pluck().get(ALL_SENSORS);
  return (sum ?? 0) as number;
}

/**
 * The part of a question that kept counts can answer, as SQL (`AND …`) with its named values.
 * @param bySensor sensors are told apart in the answer
 */
export function countsWhere(
  { sensors, instruments, types, severity }: EventFilter,
  bySensor: boolean,
): { where: string; values: Record<string, string> } {
  const lists = {
    sensor: sensors ?? (bySensor ? undefined : [ALL_SENSORS]),
    instrument: instruments,
    type: types,
    severity: severity === undefined ? undefined : severitiesFrom(severity),
  };
  const given = Object.entries(lists).filter((entry): entry is [string, string[]] => entry[1] !== undefined);
  const parts = given.map(([column]) => `AND ${column} IN (SELECT value FROM json_each(@${column}))`);
  if (lists.sensor === undefined) parts.push(`AND sensor <> '${ALL_SENSORS}'`);
  return {
    where: parts.join(' '),
    values: Object.fromEntries(given.map(([column, list]) => [column, JSON.stringify(list)])),
  };
}

/**
 * Whole days, and the hours at their edges: what a stretch of time costs least by. To the hour.
 * @returns ranges `[level, from, to)`
 */
export function stretches(fromMs: number, toMs: number): [level: Level, from: number, to: number][] {
  const [firstHour, lastHour] = [Math.floor(fromMs / LEVEL_MS[1]), Math.ceil(toMs / LEVEL_MS[1])];
  const [firstDay, lastDay] = [Math.ceil(firstHour / 24), Math.floor(lastHour / 24)];
  if (lastDay <= firstDay) return [[LEVELS.hour, firstHour, lastHour]];
  const all: [Level, number, number][] = [
    [1, firstHour, firstDay * 24],
    [2, firstDay, lastDay],
    [1, lastDay * 24, lastHour],
  ];
  return all.filter(([, from, to]) => to > from);
}
