import { expect, test } from 'vitest';
import type { FleetEvent } from '@bulkhead/fleet-api';
import { alertFields, recordParts } from '../../../fleet-ui/web/src/pages/events/alert-fields.ts';
import { guideSteps, isMadeUp } from '../../../fleet-ui/web/src/pages/events/guide-steps.ts';
import { questionOf, savedSearch } from '../../../fleet-ui/web/src/pages/events/question.ts';

const event = (record: Record<string, unknown>): FleetEvent => ({
  ...{ id: 'e1', sensor: 's_a', instrument: 'suricata', type: 'alert', severity: 'high', record },
  ...{ time: '2026-01-01T00:00:00Z', sensorEventId: 'ce/0' },
});
const RECORD = {
  ...{ src_ip: '192.0.2.1', dest_ip: '198.51.100.2', proto: 'TCP', in_iface: 'mon0' },
  alert: { signature_id: 7, signature: 'noise', rev: 3 },
};

test('one alert is led from the wire to the person, with its own values', () => {
  const steps = guideSteps(event(RECORD), 'lab');
  expect(steps).toHaveLength(8);
  const said = JSON.stringify(steps);
  for (const value of ['192.0.2.1 → 198.51.100.2', 'rule 7 fitted', 'noise', 'mon0', 'lab dialled', 'ce/0'])
    expect(said).toContain(value);
  expect(isMadeUp(event(RECORD))).toBe(true);
  expect(isMadeUp(event({ ...RECORD, src_ip: '10.0.0.1' }))).toBe(false);
  expect(isMadeUp(event({}))).toBe(false);
});

test('hostile records are read within bounds, and what is of the wrong kind is left out', () => {
  expect(alertFields(event({ alert: [], src_ip: { a: 1 }, flow_id: 'x' }))).toMatchObject({
    ...{ signature: undefined, source: undefined, flow: undefined },
  });
  let deep: unknown = 'end';
  for (let depth = 0; depth < 5_000; depth += 1) deep = { deep };
  const wide = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, n) => [`k${String(n)}`, 'v'.repeat(9_000)]),
  );
  const parts = recordParts({ deep, wide, http: { hostname: 'example.org' }, packet: 'AAAA', alert: {} });
  expect(parts.map(({ title }) => title)).toEqual(['wide', 'HTTP request']);
  expect(parts[0]?.rows).toHaveLength(24);
  expect(parts[0]?.rows.every(([, value]) => value.length < 410)).toBe(true);
});

test('a view keeps what is searched for and not which event is open', () => {
  const search = { severity: 'high', range: '7d', show: 'e1', guide: 'yes', text: '' };
  expect(savedSearch(search)).toEqual({ severity: 'high', range: '7d' });
  expect(questionOf(search, 0)).not.toHaveProperty('show');
});
