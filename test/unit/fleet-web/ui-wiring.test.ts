import type { SeenLedger, SeenMatrix } from '@bulkhead/fleet-api';
import { expect, test } from 'vitest';
import { wholeStatus } from '../../../fleet-ui/web/src/api/sensor.ts';
import { ledgerRates, stageKey } from '../../../fleet-ui/web/src/pages/sensor/ledger-rates.ts';
import { conditionOf, wiringPicture } from '../../../fleet-ui/web/src/pages/sensor/wiring-layout.ts';
import { PICTURE_WIDTH } from '../../../fleet-ui/web/src/pages/sensor/wiring-shape.ts';
import { ledger, MATRIX } from '../../support/fleet-web/asked.ts';
import { SENSORS, statusOf } from '../../support/fleet-web/sensors.ts';

function reading(to: string, out: number, lost: number): SeenLedger {
  return {
    from: '2026-03-01T00:00:00Z',
    to,
    shortened: false,
    alarms: [],
    lines: [
      {
        stage: 'nic',
        name: 'span',
        unit: 'packets',
        in: out + lost,
        out,
        held: {},
        lost: { missed: lost },
        unaccounted: 0,
      },
    ],
  };
}

const of = stageKey('nic', 'span');

test('two readings make a rate; one makes none', () => {
  const first = reading('2026-03-01T00:00:00Z', 1_000, 0);
  const second = reading('2026-03-01T00:00:02Z', 3_000, 10);
  expect(ledgerRates(undefined, first).get(of)).toMatchObject({ outPerS: undefined, lost: 0, out: 1_000 });
  expect(ledgerRates(first, second).get(of)).toMatchObject({ outPerS: 1_000, lostPerS: 5, lost: 10 });
});

test('a counter that began anew has no rate, and never a negative one', () => {
  const before = reading('2026-03-01T00:00:00Z', 9_000, 7);
  expect(ledgerRates(before, reading('2026-03-01T00:00:02Z', 20, 0)).get(of)).toMatchObject({
    outPerS: undefined,
    lostPerS: undefined,
  });
  expect(ledgerRates(before, { ...before, lines: [...before.lines] }).get(of)?.outPerS).toBeUndefined();
});

const ward = SENSORS.find(({ name }) => name === 'ward-four')!;

function picture(matrix?: SeenMatrix) {
  const status = wholeStatus(statusOf(ward));
  const now = ledger(true);
  return wiringPicture({
    status,
    ports: now.lines.filter(({ stage }) => stage === 'mirror-port'),
    rates: ledgerRates(undefined, now),
    matrix,
  });
}

test('every monitor interface and instrument has a box, and no two lie on each other', () => {
  const { boxes, height } = picture(MATRIX);
  expect(boxes.map(({ name }) => name).sort()).toEqual(
    [
      'capture-engine',
      'downloader',
      'honeypot',
      'host-agent',
      'passive-dns',
      'rule-manager',
      'span-a',
      'span-b',
      'suricata',
    ].sort(),
  );
  for (const one of boxes) {
    expect(one.y).toBeGreaterThan(0);
    expect(one.y + one.height).toBeLessThanOrEqual(height);
    expect(one.x).toBeLessThan(PICTURE_WIDTH);
    const others = boxes.filter((other) => other !== one && other.x === one.x);
    expect(others.every((other) => other.y >= one.y + one.height || one.y >= other.y + other.height)).toBe(
      true,
    );
  }
});

test('packets go from monitor interface to engine to mirror ports, and every instrument has a way to the bus', () => {
  const { lines } = picture(MATRIX);
  expect(lines.filter(({ kind }) => kind === 'packets').map(({ id }) => id)).toEqual([
    'm span-a',
    'm span-b',
    'p suricata/mon0',
    'p suricata/mon1',
    'p passive-dns/mon0',
  ]);
  expect(lines.filter(({ kind }) => kind === 'bus')).toHaveLength(6);
  const lossy = lines.find(({ id }) => id === 'p suricata/mon0');
  expect(lossy?.rate?.lost).toBeGreaterThan(0);
});

test('a check that did not come back, and an instrument that is held, stand out', () => {
  const { boxes } = picture(MATRIX);
  const condition = (name: string) => boxes.find((box) => box.name === name)?.condition;
  expect(condition('span-a')).toBe('good');
  expect(condition('span-b')).toBe('bad');
  expect(condition('suricata')).toBe('warn');
  expect(condition('downloader')).toBe('bad');
  expect(condition('host-agent')).toBe('idle');
  expect(conditionOf({ state: 'running', health: 'unknown' })).toBe('warn');
});

test('what an instrument may reach outside is said on it', () => {
  const words = (matrix?: SeenMatrix) =>
    picture(matrix).boxes.find(({ name }) => name === 'downloader')?.lines[1];
  expect(words(MATRIX)).toBe('reaches rules.example.org…');
  expect(words()).toBe('version 0.1.0');
});

test('a sensor of another version that says less is shown all the same', () => {
  const status = wholeStatus({ attention: [], monitors: [{ name: 'span' }], instruments: [{ name: 'x' }] });
  expect(status.monitors[0]).toMatchObject({ device: '', state: 'unknown', packets: { framesSent: 0 } });
  expect(status.instruments[0]).toMatchObject({ state: 'unknown', health: 'unknown', counters: {} });
  expect(wiringPicture({ status, ports: [], rates: new Map(), matrix: undefined }).boxes).toHaveLength(2);
});
