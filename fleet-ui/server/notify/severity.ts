import { EVENT_SEVERITIES, type EventSeverity } from '@bulkhead/fleet-api';

export function isAtLeast(severity: EventSeverity, least: EventSeverity): boolean {
  return EVENT_SEVERITIES.indexOf(severity) >= EVENT_SEVERITIES.indexOf(least);
}
