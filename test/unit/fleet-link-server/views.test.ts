import { expect, test } from 'vitest';
import { SensorBriefSchema, SensorStatusViewSchema } from '@bulkhead/fleet-api';
import { fullestPercent, summaryOf, timeOf } from '../../../fleet-ui/server/link/brief.ts';
import { ClockDifference } from '../../../fleet-ui/server/link/clock.ts';
import { peerIdentity } from '../../../fleet-ui/server/link/identity.ts';
import { rightFor } from '../../../fleet-ui/server/link/rights.ts';
import { readStatus, statusDigest } from '../../../fleet-ui/server/link/status-view.ts';

const read = (value: unknown) => readStatus(Buffer.from(JSON.stringify(value)));
const A = 's_aaaaaaaaaaaaaaab';

test('a status of any version is shown as far as it can be read', () => {
  expect(read({})).toEqual({ attention: [], monitors: [], instruments: [] });
  const strange = read({
    sensor: 7,
    version: '9.0.0',
    healthy: 'perhaps',
    attention: ['a', 1, 'b'],
    monitors: [{ name: 'mon', check: { state: 'unheard-of' } }, null, { name: 5 }],
    instruments: [
      { name: 'suricata', counters: { seen: 1 } },
      { name: 'x', counters: { bad: 'text' } },
    ],
    counts: { alerts: 'many' },
    somethingNew: [1],
  });
  expect(strange).toEqual({
    version: '9.0.0',
    attention: ['a', 'b'],
    monitors: [{ name: 'mon', check: { state: 'unheard-of' } }],
    instruments: [{ name: 'suricata', counters: { seen: 1 } }],
    somethingNew: [1],
  });
  expect(SensorStatusViewSchema.safeParse(strange).success).toBe(true);
  for (const none of ['', 'null', '[]', '{"a"', '"x"', '7'])
    expect(readStatus(Buffer.from(none))).toBeUndefined();
});

test('counters that move are no news; a state that changes is', () => {
  const one = read({
    instruments: [{ name: 'a', state: 'running', counters: { n: 1 } }],
    counts: { events: 1 },
  });
  const two = read({
    instruments: [{ name: 'a', state: 'running', counters: { n: 2 } }],
    counts: { events: 9 },
  });
  const three = read({ instruments: [{ name: 'a', state: 'held' }] });
  expect(statusDigest(one!)).toBe(statusDigest(two!));
  expect(statusDigest(one!)).not.toBe(statusDigest(three!));
  const losing = (packets: number) =>
    statusDigest(read({ attention: [`${String(packets)} packets were lost`] })!);
  expect(losing(5)).toBe(losing(61));
  expect(losing(5)).not.toBe(statusDigest(read({})!));
});

test('a sensor in a few numbers: the worst of each kind, and nothing for what cannot be read', () => {
  const brief = (value: unknown) => summaryOf(read(value)!);
  expect(brief({})).toEqual({
    ...{ attention: 0, received: 0, lost: 0, framesSent: 0, instruments: 0, instrumentsDown: 0 },
  });
  const packets = { received: 100, lost: 2, framesSent: 0 };
  const rules = (name: string, rulesSince: string, state = 'running') => ({
    ...{ name, state, health: 'ok', rulesSince },
  });
  expect(
    brief({
      healthy: false,
      attention: ['a', 'b'],
      monitors: [
        { name: 'a', check: { state: 'ok' }, feed: { state: 'ok' }, packets },
        {
          name: 'b',
          check: { state: 'missed' },
          feed: { state: 'alarm' },
          packets: { ...packets, lost: 'x' },
        },
      ],
      instruments: [
        rules('new', '2026-11-20T00:00:00Z'),
        rules('old', '2026-11-01T00:00:00Z'),
        rules('off', '2020-01-01T00:00:00Z', 'disabled'),
        rules('odd', 'long ago'),
        { name: 'held', state: 'held' },
      ],
      host: { disks: [{ what: 'state', totalBytes: 1_000, freeBytes: 250 }] },
      volumes: [
        { name: 'events', sizeBytes: 100, usedBytes: 91 },
        { name: 'none', sizeBytes: 0, usedBytes: 0 },
      ],
    }),
  ).toEqual({
    ...{ healthy: false, attention: 2, received: 200, lost: 2, framesSent: 0, check: 'blind', feed: 'alarm' },
    ...{ instruments: 5, instrumentsDown: 1, rulesSince: '2026-11-01T00:00:00.000Z', diskPercent: 91 },
  });
  expect(fullestPercent({ host: undefined, volumes: [] })).toBeUndefined();
});

test('a sensor that makes up numbers and times does not spoil what is told of all', () => {
  const packets = { received: 1.7e308, lost: 1.7e308 };
  const odd = ['-000001-01-01T00:00:00Z', '+275760-09-13T00:00:00Z', '1969-12-31T23:59:59Z', ''];
  const brief = summaryOf(
    read({
      monitors: [
        { name: 'a', packets },
        { name: 'b', packets },
      ],
      instruments: odd.map((rulesSince) => ({ name: 'x', state: 'running', health: 'ok', rulesSince })),
    })!,
  );
  expect(brief).toMatchObject({ received: Number.MAX_SAFE_INTEGER, lost: Number.MAX_SAFE_INTEGER });
  expect(brief.rulesSince).toBeUndefined();
  const whole = { sensor: A, attached: true, clockWrong: false, ...brief };
  expect(SensorBriefSchema.safeParse(whole).success).toBe(true);
  expect(odd.map(timeOf)).toEqual([undefined, undefined, undefined, undefined]);
  expect(timeOf('9999-12-31T23:59:59Z')).toBe(253_402_300_799_000);
});

test('the difference of two clocks is the one with the least delay in it', () => {
  const clock = new ClockDifference();
  expect(clock.differenceMs).toBeUndefined();
  clock.note(Number.NaN, 5);
  clock.note(0, 5);
  expect(clock.differenceMs).toBeUndefined();
  for (const [stated, arrived] of [
    [100_000, 160_400],
    [101_000, 161_020],
    [102_000, 162_900],
  ] as const) {
    clock.note(stated, arrived);
  }
  expect(clock.differenceMs).toBe(-60_020);
  // A clock that was set is seen as soon as the old differences are gone.
  for (let n = 0; n < 16; n += 1) clock.note(200_000 + n, 200_010 + n);
  expect(clock.differenceMs).toBe(-10);
});

test('an identity is a common name and the one alternative name that goes with it', () => {
  const certificate = {
    subject: { CN: A },
    subjectaltname: `URI:bulkhead:sensor:${A}`,
    serialNumber: '0ABCDEF0',
    valid_to: 'Dec 21 10:00:00 2026 GMT',
  };
  const of = (change: object) => peerIdentity({ ...certificate, ...change } as never);
  expect(of({})).toEqual({ sensor: A, serial: '0abcdef0', validToMs: Date.UTC(2026, 11, 21, 10) });
  for (const wrong of [
    { subject: undefined },
    { subject: {} },
    { subject: { CN: [A, A] } },
    { subject: { CN: 's_aaaaaaaaaaaaaaac' } },
    { subjectaltname: undefined },
    { subjectaltname: `URI:bulkhead:sensor:${A}, DNS:fleet.bulkhead.internal` },
    { subjectaltname: `DNS:x, URI:bulkhead:sensor:${A}` },
    { serialNumber: '' },
    { valid_to: 'never' },
  ]) {
    expect(of(wrong)).toBeUndefined();
  }
  expect(peerIdentity(undefined)).toBeUndefined();
  expect(peerIdentity({} as never)).toBeUndefined();
});

test('each address of a sensor’s API needs one right', () => {
  const cases: [string, string, string | undefined][] = [
    ['GET', 'status', 'sensors.read'],
    ['GET', 'events', 'events.read'],
    ['GET', 'search', 'events.read'],
    ['GET', 'search/export', 'events.read'],
    ['GET', 'dns/lookup', 'events.read'],
    ['GET', 'eventsx', 'sensors.read'],
    ['POST', 'instruments/x/restart', 'sensors.operate'],
    ['POST', 'events', 'sensors.operate'],
    ['POST', 'grants/give', 'sensors.configure'],
    ['DELETE', 'status', undefined],
  ];
  for (const [method, path, right] of cases) expect(rightFor(method, path), `${method} ${path}`).toBe(right);
});
