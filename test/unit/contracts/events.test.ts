import { isIPv4 } from 'node:net';
import { expect, test } from 'vitest';
import {
  DETECTION_CHECK,
  EVENT_HEADERS,
  EventTypeSchema,
  PLATFORM,
  RESERVED_NAMES,
} from '@bulkhead/platform/contracts';

test('no instrument can publish under the name of the platform', () => {
  expect(RESERVED_NAMES).toContain(PLATFORM);
});

test('the attributes of an event are those of CloudEvents', () => {
  expect(EVENT_HEADERS).toMatchObject({ id: 'ce-id', source: 'ce-source', type: 'ce-type', time: 'ce-time' });
});

test('a detection check can be mistaken for nobody: its addresses are for documentation only', () => {
  expect(DETECTION_CHECK.source).toMatch(/^192\.0\.2\.\d+$/);
  expect(DETECTION_CHECK.destination).toMatch(/^198\.51\.100\.\d+$/);
  expect([DETECTION_CHECK.source, DETECTION_CHECK.destination].every(isIPv4)).toBe(true);
  expect(EventTypeSchema.safeParse(DETECTION_CHECK.eventType).success).toBe(true);
});
