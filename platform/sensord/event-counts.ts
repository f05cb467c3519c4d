import { DETECTION_CHECK, PLATFORM, type StoredEvent } from '../contracts/index.ts';

/** Types that the sensor itself looks at; everything else is only counted by its publisher. */
export const WATCHED_TYPES: readonly string[] = [
  'alert',
  DETECTION_CHECK.eventType,
  'check.passed',
  'check.missed',
];

/** Counts stored alerts and checks since the sensor's start. */
export class EventCounts {
  alerts = 0;
  checksPassed = 0;
  checksMissed = 0;

  /** Call once for each stored event of a watched type. */
  count(event: Pick<StoredEvent, 'instrument' | 'type'>): void {
    if (event.type === 'alert') this.alerts += 1;
    else if (event.type === DETECTION_CHECK.eventType) this.checksPassed += 1;
    else if (event.instrument === PLATFORM && event.type === 'check.missed') this.checksMissed += 1;
  }
}
