import type { AttentionItem, DesiredConfig } from '@bulkhead/fleet-api';
import { expect, test } from 'vitest';
import { optionsOf, withEnabled, withOptions } from '../../../fleet-ui/web/src/api/config.ts';
import { staleKeys } from '../../../fleet-ui/web/src/api/live.ts';
import { holds } from '../../../fleet-ui/web/src/api/session.ts';
import { eventPath, eventWords } from '../../../fleet-ui/web/src/pages/events/event-words.ts';
import { questionOf, toggled } from '../../../fleet-ui/web/src/pages/events/question.ts';
import { attacksGauge, levelOf, threatsGauge } from '../../../fleet-ui/web/src/pages/overview/gauges.ts';
import { lastVisit } from '../../../fleet-ui/web/src/pages/overview/last-visit.ts';
import {
  lossOf,
  rulesAgeDays,
  sensorRows,
  STALE_RULES_DAYS,
} from '../../../fleet-ui/web/src/pages/sensors/row-facts.ts';
import { standingOf } from '../../../fleet-ui/web/src/pages/sensors/standing.ts';
import { eventAt } from '../../support/fleet-web/events.ts';
import { meAs } from '../../support/fleet-web/people.ts';
import { briefsOf } from '../../support/fleet-web/sensor-briefs.ts';
import { SENSORS } from '../../support/fleet-web/sensors.ts';

const sensor = (name: string) => SENSORS.find((one) => one.name === name)!;

test.each([
  ['lab', 'online'],
  ['gate', 'offline'],
  ['press-two', 'to be mapped'],
  ['boiler', 'asks to return'],
  ['annex', 'revoked'],
])('%s is called %s', (name, word) => {
  expect(standingOf(sensor(name)).word).toBe(word);
});

test('the newest of what is known counts: the link before the table, and what the sensor says of itself', () => {
  expect(standingOf(sensor('lab'), { attached: false }).word).toBe('offline');
  expect(standingOf(sensor('lab'), undefined, false).word).toBe('needs attention');
  expect(standingOf({ ...sensor('lab'), clone: { at: '', text: 'twice' } }).tone).toBe('bad');
  const { lastSeen: _lastSeen, ...never } = { ...sensor('lab'), attached: false };
  expect(standingOf(never).word).toBe('never seen');
});

test('a row joins an entry with how the sensor is; an age that nobody knows is none', () => {
  const briefs = briefsOf(SENSORS.filter(({ name }) => name !== 'press-two'));
  const rows = sensorRows(SENSORS, briefs);
  const row = (name: string) => rows.find((one) => one.sensor.name === name)!;
  expect(lossOf(row('lab').brief)).toBe(0);
  expect(lossOf(row('ward-four').brief)).toBeGreaterThan(0.01);
  expect(row('press-two').brief).toBeUndefined();
  expect(lossOf(undefined)).toBe(0);
  const nowMs = Date.parse('2026-11-21T12:00:00Z');
  expect(rulesAgeDays('2026-11-07T11:59:00Z', nowMs)).toBe(STALE_RULES_DAYS);
  expect(rulesAgeDays('2026-11-21T13:00:00Z', nowMs)).toBe(0);
  expect(rulesAgeDays(undefined, nowMs)).toBeUndefined();
  expect(rulesAgeDays('yesterday', nowMs)).toBeUndefined();
});

test('rights are offered where they are held and nowhere else', () => {
  const admin = meAs('admin');
  expect(holds(admin, 'people.manage')).toBe(true);
  expect(holds(meAs('viewer'), 'sensors.operate')).toBe(false);
  expect(holds(null, 'sensors.read')).toBe(false);
  const narrow = {
    rights: [
      {
        right: 'sensors.operate' as const,
        everywhere: false,
        sensors: ['s_a'],
        groups: ['hospital'],
        instruments: ['suricata'],
      },
    ],
  };
  expect(holds(narrow, 'sensors.operate')).toBe(true);
  expect(holds(narrow, 'sensors.operate', { sensor: 's_a', instrument: 'suricata' })).toBe(true);
  expect(holds(narrow, 'sensors.operate', { sensor: 's_b' })).toBe(false);
  expect(holds(narrow, 'sensors.operate', { sensor: 's_b', group: 'hospital' })).toBe(true);
  expect(holds(narrow, 'sensors.operate', { sensor: 's_a', instrument: 'zeek' })).toBe(false);
});

test('starting and stopping an instrument changes one value of the sensor’s own and nothing else', () => {
  const own: DesiredConfig['overrides'] = {
    instruments: { suricata: { limits: { memoryMib: 1 } } },
    bus: { streamMib: 9 },
  };
  expect(withEnabled(own, 'suricata', false)).toEqual({
    instruments: { suricata: { limits: { memoryMib: 1 }, enabled: false } },
    bus: { streamMib: 9 },
  });
  expect(optionsOf(withOptions(own, 'suricata', { homeNet: ['10.0.0.0/8'] }), 'suricata')).toEqual({
    homeNet: ['10.0.0.0/8'],
  });
  expect(optionsOf({}, 'suricata')).toEqual({});
  expect(withEnabled({}, 'zeek', true)).toEqual({ instruments: { zeek: { enabled: true } } });
});

test('a live event makes what it concerns old, and no more', () => {
  const at = '2026-03-01T00:00:00Z';
  expect(staleKeys({ kind: 'hello', at })).toEqual([]);
  expect(staleKeys({ kind: 'sensor.state', at, sensor: 's_a' })).toContainEqual(['sensor', 's_a']);
  expect(staleKeys({ kind: 'changed', at, topic: 'people' })).toEqual([['people'], ['attention']]);
});

test('gauges add up from instruments and sensors to groups and to the fleet, and say from what', () => {
  const ward = sensor('ward-three');
  const at = (id: string, instrument: string, severity: 'high' | 'low', count: number) => ({
    ...{ sensor: id, instrument, severity, count },
  });
  const attacks = attacksGauge(
    [
      at(ward.id, 'suricata', 'high', 2),
      at(ward.id, 'zeek', 'low', 1),
      at(sensor('lab').id, 'suricata', 'low', 4),
    ],
    SENSORS,
  );
  expect(attacks).toMatchObject({ points: 25, level: 'raised' });
  expect(attacks.parts.map(({ kind, name, points }) => [kind, name, points])).toEqual([
    ['group', 'hospital', 21],
    ['group', 'in no group', 4],
  ]);
  expect(attacks.parts[0]?.parts).toMatchObject([
    {
      ...{ kind: 'sensor', name: 'ward-three', sensor: ward.id, points: 21 },
      parts: [
        { kind: 'instrument', name: 'suricata', points: 20, why: ['2 high'] },
        { kind: 'instrument', name: 'zeek', points: 1, why: ['1 low'] },
      ],
    },
  ]);
  const items: AttentionItem[] = [
    {
      id: 'a',
      severity: 'critical',
      title: 'it is blind',
      text: '',
      sensor: ward.id,
      instrument: 'suricata',
    },
    { id: 'b', severity: 'info', title: 'somebody waits', text: '' },
  ];
  expect(threatsGauge(items, SENSORS)).toMatchObject({ points: 10, level: 'raised' });
  expect(threatsGauge([], SENSORS)).toEqual({ points: 0, level: 'none', parts: [] });
  expect([0, 1, 9, 10, 50, 200].map(levelOf)).toEqual(['none', 'low', 'low', 'raised', 'high', 'severe']);
});

test('a visit ends after half an hour of absence, and what was kept is not believed blindly', () => {
  const minute = 60_000;
  const first = lastVisit(null, 0);
  expect(first.before).toBeUndefined();
  const soon = lastVisit(first.keep, 5 * minute);
  expect(soon.before).toBeUndefined();
  const later = lastVisit(soon.keep, 100 * minute);
  expect(later.before).toBe(5 * minute);
  expect(lastVisit(later.keep, 101 * minute).before).toBe(5 * minute);
  for (const text of ['{', '[]', '{"last":"x"}', '7', 'null'])
    expect(lastVisit(text, 0).before).toBeUndefined();
});

test('an address of the page is a question, the same one for a minute', () => {
  const now = Date.parse('2026-03-01T12:00:30Z');
  expect(questionOf({ type: 'alert', range: '1h' }, now)).toMatchObject({
    types: 'alert',
    since: '2026-03-01T11:00:00.000Z',
  });
  expect(questionOf({}, now)).toEqual(questionOf({}, now + 20_000));
  expect(questionOf({ range: 'all' }, now)['since']).toBeUndefined();
  expect(questionOf({ since: 'a', until: 'b', range: '1h' }, now)).toMatchObject({ since: 'a', until: 'b' });
  expect(toggled(undefined, 'a')).toBe('a');
  expect(toggled('a,b', 'b')).toBe('a');
  expect(toggled('a', 'a')).toBeUndefined();
});

test('an event is told in one line, whatever is in it', () => {
  expect(eventWords(eventAt(0))).toBe('ET MALWARE Observed DNS Query to known bad domain');
  expect(eventWords(eventAt(3))).toBe('query host-3.example.org');
  expect(eventWords({ type: 'alert', record: { alert: 'no object' } })).toBe('an alert without a text');
  expect(eventWords({ type: 'monitor.silent', record: { monitor: 'span', seconds: 7, more: {} } })).toBe(
    'monitor span, seconds 7',
  );
  expect(eventPath({ src_ip: '2001:db8::1', src_port: 53, dest_ip: '192.0.2.1' })).toBe(
    '[2001:db8::1]:53 → 192.0.2.1',
  );
  expect(
    eventPath({ src_ip: 'fd66:6c61:6200:0000:0000:0000:0000:0103', src_port: 38133, dest_ip: 'what:ever' }),
  ).toBe('[fd66:6c61:6200::103]:38133 → what:ever');
  expect(eventPath({})).toBeUndefined();
});
