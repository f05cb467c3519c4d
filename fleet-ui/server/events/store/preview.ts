import type { FleetEvent, SuppressionPreview, SuppressionRule } from '@bulkhead/fleet-api';
import { EVENT_SEVERITIES } from '@bulkhead/fleet-api';
import { IDS_PER_MS, type Db } from './database.ts';
import { planSearch } from './filter.ts';
import { candidates } from './search.ts';
import { suppressorOf } from './suppress.ts';

/** A suppression that is thought of, the sensors that the asker may read (undefined: all), and how far back. */
export interface PreviewAsked {
  rule: SuppressionRule;
  sensors: readonly string[] | undefined;
  sinceMs: number;
}

/** Alerts of the signature that are looked at, the newest ones. */
const LOOKED_AT_MOST = 20_000;
const EXAMPLES = 5;

/**
 * Which of the newest alerts of its signature a suppression would have hidden.
 * @throws BulkheadError FLEET_EVENTS_FILTER_INVALID when the address is none
 */
export function previewOf(
  db: Db,
  { rule, sensors, sinceMs, budgetMs }: PreviewAsked & { budgetMs: number },
): SuppressionPreview {
  const deadline = performance.now() + budgetMs;
  const since = new Date(sinceMs).toISOString();
  const plan = planSearch(
    { signature: rule.signature, since, ...(rule.sensors === undefined ? {} : { sensors: rule.sensors }) },
    sensors,
  );
  const covers = suppressorOf([{ ...rule, id: 'x' }]);
  const bySensor = new Map<string, number>();
  const examples: FleetEvent[] = [];
  const counts = { alerts: 0, hidden: 0 };
  let worst = -1;
  let complete = true;
  for (const [id, event] of candidates(db, plan, plan.toId, deadline)) {
    if (id === undefined || counts.alerts >= LOOKED_AT_MOST || performance.now() > deadline) {
      complete = false;
      break;
    }
    if (id < sinceMs * IDS_PER_MS || event === undefined || !plan.accepts(event)) continue;
    counts.alerts += 1;
    if (covers(event) === undefined) continue;
    counts.hidden += 1;
    worst = Math.max(worst, EVENT_SEVERITIES.indexOf(event.severity));
    bySensor.set(event.sensor, (bySensor.get(event.sensor) ?? 0) + 1);
    if (examples.length < EXAMPLES) examples.push(event);
  }
  const severity = EVENT_SEVERITIES[worst];
  return {
    since,
    ...counts,
    complete,
    sensors: [...bySensor]
      .map(([sensor, hidden]) => ({ sensor, hidden }))
      .sort((a, b) => b.hidden - a.hidden),
    ...(severity === undefined ? {} : { worst: severity }),
    examples,
  };
}
