import type { EventSeverity, FleetEvent, OpenAlerts } from '@bulkhead/fleet-api';
import { countsWhere, LEVEL_MS, stretches } from './counts.ts';
import { IDS_PER_MS, type Db } from './database.ts';
import { planSearch, type SearchPlan } from './filter.ts';
import { idNumber, PackReader } from './packs.ts';
import { candidates } from './search.ts';

/** Marks that are looked at. */
const MARKS_MOST = 20_000;

interface Row {
  sensor: string;
  instrument: string;
  severity: EventSeverity;
  n: number;
}

/**
 * Counts alerts by sensor, instrument and severity from what is counted already, and takes those out that somebody has dealt with or
 * a suppression hides. Costs hardly more with many events than with few.
 * @param plan with a `since` on the hour, as counts are kept
 */
export function openAlerts(db: Db, plan: SearchPlan, budgetMs: number): OpenAlerts {
  const deadline = performance.now() + budgetMs;
  const counts = new Map<string, number>();
  const { where, values } = countsWhere(plan.filter, true);
  for (const [level, from, to] of stretches(plan.fromId / IDS_PER_MS, plan.toId / IDS_PER_MS)) {
    const rows = db
      .prepare(
        'SELECT sensor, instrument, severity, sum(n) AS n FROM counts WHERE level = @level AND at >= @from AND at < @to ' +
          `${where} GROUP BY 1, 2, 3`,
      )
      .all({ level, from, to, ...values }) as Row[];
    for (const { n, ...row } of rows) {
      const key = keyOf(row);
      counts.set(key, (counts.get(key) ?? 0) + n);
    }
  }
  const complete = takeOut(db, plan, counts, deadline);
  return {
    since: new Date(plan.fromId / IDS_PER_MS).toISOString(),
    counts: [...counts]
      .filter(([, count]) => count > 0)
      .map(([key, count]) => {
        const [sensor, instrument, severity] = JSON.parse(key) as [string, string, EventSeverity];
        return { sensor, instrument, severity, count };
      }),
    complete,
  };
}

/** The hour in which a time lies: what counts by the hour begin with. */
export function hourOf(ms: number): string {
  return new Date(Math.floor(ms / LEVEL_MS[1]) * LEVEL_MS[1]).toISOString();
}

function takeOut(db: Db, plan: SearchPlan, counts: Map<string, number>, deadline: number): boolean {
  const hidden = planSearch({ ...plan.filter, suppressed: 'only' }, undefined, plan.hidden);
  const gone = new Set<number>();
  const without = (event: FleetEvent): void => {
    const id = idNumber(event.id);
    const key = keyOf(event);
    // Dealt with and suppressed is taken out once.
    if (gone.has(id) || !counts.has(key)) return;
    gone.add(id);
    counts.set(key, (counts.get(key) ?? 0) - 1);
  };
  const packs = new PackReader(db);
  const handled = db
    .prepare('SELECT id FROM marks WHERE handled = 1 AND id >= ? AND id < ? ORDER BY id DESC LIMIT ?')
    .pluck()
    .all(plan.fromId, plan.toId, MARKS_MOST) as number[];
  for (const id of handled) {
    if (performance.now() > deadline) return false;
    const event = packs.event(id);
    if (event?.type === 'alert') without(event);
  }
  if (plan.hidden.length > 0) {
    for (const [id, event] of candidates(db, hidden, hidden.toId, deadline)) {
      if (id === undefined || performance.now() > deadline) return false;
      if (event !== undefined && hidden.accepts(event)) without(event);
    }
  }
  return handled.length < MARKS_MOST;
}

function keyOf({ sensor, instrument, severity }: Omit<Row, 'n'>): string {
  return JSON.stringify([sensor, instrument, severity]);
}
