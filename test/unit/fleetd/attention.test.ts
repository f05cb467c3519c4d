import { expect, test } from 'vitest';
import type { AttentionItem, LinkView } from '@bulkhead/fleet-api';
import type { FleetFeature, Person } from '@bulkhead/fleet-server/web';
import { attentionOf } from '../../../fleet-ui/server/fleetd/attention.ts';
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
