import { deflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decodeUplink } from '@bulkhead/fleet-server/events';
import { isChosen, outgoing } from '../../../platform/fleet-link/uplink-message.ts';

const SENSOR = 's_abcdefghijklmnop';
const STORED = {
  instrument: 'suricata',
  stream: 'S_suricata',
  sequence: 7,
  type: 'alert',
  storedAt: new Date('2026-11-20T10:00:00Z'),
  headers: { 'ce-id': 'm7', 'ce-type': 'alert', 'ce-time': '2026-11-20T09:59:59Z', 'x-other': 'no' },
  body: Buffer.from('{"a":1,"secret":"x"}\nnot json\n'),
};
const PLACE = { sensor: SENSOR, created: '2026-11-01T00:00:00Z', previous: 5 };
const ALL = { types: undefined, policies: [] };

function arrive(change: Record<string, string> = {}, subject?: string, data?: Uint8Array) {
  const out = outgoing(STORED, ALL, PLACE);
  const head: Record<string, string> = { ...out.headers, ...change };
  return decodeUplink(
    { subject: subject ?? out.subject, data: data ?? out.body, header: (name) => head[name] ?? '' },
    1_000,
  );
}

test('what goes out on the sensor comes in at the fleet as the same message', () => {
  expect(arrive()).toMatchObject({
    sensor: SENSOR,
    instrument: 'suricata',
    type: 'alert',
    stream: 'S_suricata',
    streamCreated: '2026-11-01T00:00:00Z',
    sequence: 7,
    previous: 5,
    storedAt: Date.parse('2026-11-20T10:00:00Z'),
    ceId: 'm7',
    body: STORED.body,
  });
});

test('a large body goes packed, and one that unpacks to more than may be does not come in', () => {
  const body = Buffer.from(`${JSON.stringify({ long: 'x'.repeat(100_000) })}\n`);
  const out = outgoing({ ...STORED, body }, ALL, PLACE);
  expect(out.body.length).toBeLessThan(2_000);
  const arrived = arrive({ 'bh-encoding': 'deflate' }, undefined, out.body);
  expect(typeof arrived === 'object' && body.equals(arrived.body)).toBe(true);
  const bomb = deflateRawSync(Buffer.alloc(8 * 1024 * 1024));
  expect(arrive({ 'bh-encoding': 'deflate' }, undefined, bomb)).toBe('body');
  expect(arrive({ 'bh-encoding': 'brotli' })).toBe('body');
});

test.each([
  [{ 'bh-sequence': '0' }, 'headers'],
  [{ 'bh-sequence': '-1' }, 'headers'],
  [{ 'bh-sequence': '9'.repeat(30) }, 'headers'],
  [{ 'bh-previous': '7' }, 'headers'],
  [{ 'bh-previous': '' }, 'headers'],
  [{ 'bh-stream': '../etc' }, 'headers'],
  [{ 'bh-stream-created': "'; DROP" }, 'headers'],
])('headers that cannot be are refused: %o', (change, fault) => {
  expect(arrive(change)).toBe(fault);
});

test.each([
  'up.s_x.event.suricata.alert',
  `up.${SENSOR}.event.suricata`,
  `up.${SENSOR}.event.a.b..c`,
  'event.a.b',
])('a subject that cannot be is refused: %s', (subject) => {
  expect(arrive({}, subject)).toBe('subject');
});

test('fields are treated line by line at their places, and what cannot be treated does not go', () => {
  const policy = {
    spares: (type: string) => type !== 'alert',
    apply: (_type: string, record: Record<string, unknown>) => {
      delete record['secret'];
    },
  };
  const { body } = outgoing(STORED, { types: undefined, policies: [policy] }, PLACE);
  const lines = Buffer.from(body).toString().trimEnd().split('\n');
  expect(lines[0]).toBe('{"a":1}');
  expect(lines[1]).toContain('could not be applied');
  expect(lines).toHaveLength(2);
});

test('only chosen types go, and what the sensor itself says', () => {
  const choice = { types: ['alert'], policies: [] };
  expect(isChosen(choice, STORED)).toBe(true);
  expect(isChosen(choice, { ...STORED, type: 'dns' })).toBe(false);
  expect(isChosen(choice, { ...STORED, instrument: 'platform', type: 'uplink.gap' })).toBe(true);
});
