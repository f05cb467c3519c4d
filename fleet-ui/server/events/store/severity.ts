import { EVENT_SEVERITIES, type EventSeverity } from '@bulkhead/fleet-api';

const BY_NUMBER: Readonly<Record<number, EventSeverity>> = { 1: 'high', 2: 'medium', 3: 'low' };

/** Severity of an alert (EVE: 1 is the worst); `info` for everything that is not one. */
export function severityOf(record: Readonly<Record<string, unknown>>): EventSeverity {
  const { alert } = record;
  if (typeof alert !== 'object' || alert === null) return 'info';
  const { severity } = alert as { severity?: unknown };
  return typeof severity === 'number' ? (BY_NUMBER[severity] ?? 'info') : 'info';
}

/** The severities that are at least as bad. */
export function severitiesFrom(least: EventSeverity): readonly EventSeverity[] {
  return EVENT_SEVERITIES.slice(EVENT_SEVERITIES.indexOf(least));
}
