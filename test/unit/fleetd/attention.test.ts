import { expect, test } from 'vitest';
import { AttentionItemSchema, type AttentionItem, type LinkView } from '@bulkhead/fleet-api';
import type { FleetFeature, Person } from '@bulkhead/fleet-server/web';
import { attentionOf, Beginnings } from '../../../fleet-ui/server/fleetd/attention.ts';
import { sensorAttention } from '../../../fleet-ui/server/fleetd/sensor-attention.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const ID = 's_aaaaaaaaaaaaaaaa';
const link = (more: Partial<LinkView>): LinkView => ({
  sensor: ID,
  attached: false,
  clockWrong: false,
  tunnels: 0,
  ...more,
});
const ids = (items: AttentionItem[]) => items.map(({ id }) => id);
const hourAgo = NOW - 3_600_000;

test('who is away for half a minute is offline, also who never came; nobody is late while fleetd has just started', () => {
  const away = link({ since: '2026-11-21T11:59:00Z', ended: { code: 'X', message: 'Silence.' } });
  const seen = (one: LinkView | undefined, startedMs = hourAgo) =>
    sensorAttention([{ id: ID, name: 'lab', link: one, status: undefined }], startedMs, NOW);
  expect(seen(away)).toMatchObject([
    { id: `offline:${ID}`, severity: 'critical', since: '2026-11-21T11:59:00Z' },
  ]);
  expect(seen(away)[0]?.text).toContain('Silence.');
  expect(ids(seen(undefined))).toEqual([`offline:${ID}`]);
  expect(seen(link({ since: '2026-11-21T11:59:50Z' }))).toEqual([]);
  expect(seen(undefined, NOW - 10_000)).toEqual([]);
});

test('what a sensor says stands with it, the same words under the same name, and being blind first', () => {
  const status = {
    attention: ['The disk is nearly full; 3 % are left.'],
    monitors: [{ name: 'mon', check: { state: 'blind' } }],
    instruments: [],
  };
  const seen = () =>
    sensorAttention([{ id: ID, name: 'lab', link: link({ attached: true }), status }], hourAgo, NOW);
  expect(seen()).toMatchObject([
    { id: `blind:${ID}:mon`, severity: 'critical' },
    { severity: 'warning', title: 'lab: The disk is nearly full', text: status.attention[0] },
  ]);
  expect(ids(seen())).toEqual(ids(seen()));
});

test('losses, full disks and old rules are told by the fleet, each once', () => {
  const status = {
    attention: ['61 packets of mon were lost', 'the detection check on mon did not come back: no alert', 'x'],
    monitors: [{ name: 'mon', check: { state: 'missed' }, packets: { received: 1_000, lost: 61 } }],
    instruments: [
      { name: 'suricata', state: 'running', rulesSince: '2026-11-07T11:59:00Z' },
      { name: 'fresh', state: 'running', rulesSince: '2026-11-08T00:00:00Z' },
      { name: 'off', state: 'disabled', rulesSince: '2020-01-01T00:00:00Z' },
    ],
    host: { disks: [{ what: 'cache', totalBytes: 1_000, freeBytes: 20 }] },
    volumes: [
      { name: 'suricata', sizeBytes: 100, usedBytes: 91 },
      { name: 'gone', sizeBytes: 0, usedBytes: 0 },
    ],
  };
  const seen = sensorAttention(
    [{ id: ID, name: 'lab', link: link({ attached: true }), status }],
    hourAgo,
    NOW,
  );
  expect(seen.map(({ id, severity, instrument }) => [id, severity, instrument])).toEqual([
    [`blind:${ID}:mon`, 'critical', undefined],
    [`loss:${ID}:mon`, 'critical', undefined],
    [`disk:${ID}:cache`, 'critical', undefined],
    [`disk:${ID}:volume-suricata`, 'warning', 'suricata'],
    [`rules:${ID}:suricata`, 'warning', 'suricata'],
    [expect.stringMatching(/^sensor:/), 'warning', undefined],
  ]);
  expect(seen.find(({ id }) => id.startsWith('rules:'))).toMatchObject({ since: '2026-11-21T11:59:00.000Z' });
  expect(seen.find(({ id }) => id.startsWith('loss:'))?.text).toContain('6 %');
});

test('a handful that was lost long ago is no loss where the sensor says so, and every packet is one where it cannot say', () => {
  const told = (packets: Record<string, number>, attention: string[] = []) =>
    sensorAttention(
      [
        {
          ...{ id: ID, name: 'lab', link: link({ attached: true }) },
          status: { attention, monitors: [{ name: 'mon', packets }], instruments: [] },
        },
      ],
      hourAgo,
      NOW,
    ).map(({ id }) => id);
  const lost = { received: 1_000, lost: 1 };
  expect(told({ ...lost, lostAgoS: 4_000 })).toEqual([]);
  expect(told({ ...lost, lostAgoS: 3 }, ['1 packets of mon were lost'])).toEqual([`loss:${ID}:mon`]);
  expect(told(lost)).toEqual([`loss:${ID}:mon`]);
});

test('a configuration that a sensor took back is told once, by the fleet where it knows of it', () => {
  const said = (revision: number) =>
    `revision ${String(revision)} of the fleet is not in force: FLEET_LINK_CONFIG_LINK_LOST: The fleet was out of reach for 120 s.`;
  const told = (refused: number | undefined, attention: string[]) =>
    sensorAttention(
      [
        {
          ...{ id: ID, name: 'lab', link: link({ attached: true }) },
          status: { attention, monitors: [], instruments: [] },
          refused: () => refused,
        },
      ],
      hourAgo,
      NOW,
    ).map(({ text }) => text);
  expect(told(6, ['x', said(6), 'y'])).toEqual(['x', 'y']);
  // The fleet knows of another one, or of none yet: then nobody else says it.
  expect(told(7, [said(6)])).toEqual([said(6)]);
  expect(told(66, [said(6)])).toEqual([said(6)]);
  expect(told(undefined, [said(6)])).toEqual([said(6)]);
  // Only these words say it.
  const odd = [`also ${said(6)}`, 'revision 6 of the fleet is not in force', 'revision of the fleet'];
  expect(told(6, odd)).toEqual(odd);
});

test('whatever a sensor calls its instruments and however much it makes up, the others are told of, and of it the worst', () => {
  const many = Array.from({ length: 200 }, (_, n) => `ids--${String(n)}`);
  const status = {
    attention: [],
    monitors: many.slice(0, 50).map((name) => ({ name, packets: { received: 1_000_000, lost: 1 } })),
    instruments: [
      ...many.map((name) => ({ name, state: 'running', rulesSince: '2020-01-01T00:00:00Z' })),
      { name: 'x', state: 'running', rulesSince: '-000001-01-01T00:00:00Z' },
    ],
    volumes: many.map((name) => ({ name, sizeBytes: 100, usedBytes: name === 'ids--7' ? 100 : 1 })),
  };
  const seen = sensorAttention(
    [
      { id: ID, name: 'lab', link: link({ attached: true }), status },
      { id: 's_bbbbbbbbbbbbbbbb', name: 'other', link: undefined, status: undefined },
    ],
    hourAgo,
    NOW,
  );
  expect(seen).toHaveLength(41);
  expect(seen[0]).toMatchObject({ id: `disk:${ID}:volume-ids--7`, instrument: 'ids--7' });
  expect(seen.at(-1)?.id).toBe('offline:s_bbbbbbbbbbbbbbbb');
  expect(seen.filter((item) => !AttentionItemSchema.safeParse(item).success)).toEqual([]);
});

test('one matter that cannot be told takes no other with it', () => {
  const item = (id: string, more: Partial<AttentionItem>): AttentionItem => ({
    ...{ id, severity: 'warning', title: id, text: id, sensor: ID },
    ...more,
  });
  const feature: FleetFeature = {
    name: 'x',
    start: async () => undefined,
    stop: async () => undefined,
    attention: () => [
      item('time', { since: '+275760-09-13T00:00:00Z' }),
      item('name', { instrument: 'x'.repeat(65) }),
      item('good', {}),
    ],
  };
  expect(ids(attentionOf([feature], { id: 'p', name: 'p', roles: [], may: () => true }))).toEqual(['good']);
});

test('a matter is as old as when it was first seen; what stood when fleetd started has no beginning', () => {
  const begun = new Beginnings(NOW);
  const item = (id: string, text = id): AttentionItem => ({
    id,
    severity: 'warning',
    title: id,
    text,
    sensor: ID,
  });
  const old = item('blind:old');
  expect(begun.noted([old], NOW + 1_000)).toEqual([old]);
  const at = (ms: number) => new Date(NOW + ms).toISOString();
  const later = begun.noted([old, item('sensor:1', '5 lost')], NOW + 90_000);
  expect(later.map(({ since }) => since)).toEqual([undefined, at(90_000)]);
  // Other numbers, another id: the same matter. One that was gone begins anew; one that says since when is believed.
  const said = { ...item('certificate:x'), since: at(-5) };
  expect(begun.noted([item('sensor:2', '6 lost'), said], NOW + 99_000).map(({ since }) => since)).toEqual([
    at(90_000),
    at(-5),
  ]);
  expect(begun.noted([old], NOW + 120_000)[0]?.since).toBe(at(120_000));
});

test('a person sees what concerns the sensors they may read, and of the fleet only with the right to its settings', () => {
  const item = (id: string, severity: AttentionItem['severity'], sensor?: string): AttentionItem => ({
    ...{ id, severity, title: id, text: id },
    ...(sensor === undefined ? {} : { sensor }),
  });
  const features: FleetFeature[] = [
    {
      name: 'x',
      start: async () => undefined,
      stop: async () => undefined,
      attention: () => [
        item('mine', 'warning', ID),
        item('other', 'critical', 's_bbbbbbbbbbbbbbbb'),
        item('fleet', 'info'),
        item('worse', 'critical', ID),
      ],
    },
  ];
  const person = (may: Person['may']): Person => ({ id: 'p', name: 'p', roles: [], may });
  expect(
    ids(
      attentionOf(
        features,
        person((right, sensor) => right === 'sensors.read' && sensor === ID),
      ),
    ),
  ).toEqual(['worse', 'mine']);
  expect(
    ids(
      attentionOf(
        features,
        person(() => true),
      ),
    ),
  ).toEqual(['other', 'worse', 'mine', 'fleet']);
  expect(attentionOf(features, undefined)).toEqual([]);
});
