import type { SeenActive, SeenActivePort } from '@bulkhead/fleet-api';
import { expect, test } from 'vitest';
import { wholeActive, wholeStatus } from '../../../fleet-ui/web/src/api/sensor.ts';
import {
  activeRates,
  activeRecordWords,
  activeWords,
  droppedOf,
} from '../../../fleet-ui/web/src/pages/sensor/active-rates.ts';
import { wiringPicture } from '../../../fleet-ui/web/src/pages/sensor/wiring-layout.ts';
import { active } from '../../support/fleet-web/asked-machine.ts';
import { ledger, MATRIX } from '../../support/fleet-web/asked.ts';
import { SENSORS, statusOf } from '../../support/fleet-web/sensors.ts';

/** A port of the instrument on the device that sent and received so many packets of 100 bytes. */
function port(
  instrument: string,
  device: string,
  [sent, received]: [number, number],
  change: Partial<SeenActivePort> = {},
): SeenActivePort {
  const count = (packets: number) => ({ packets, bytes: packets * 100 });
  return {
    ...{ instrument, port: 'net0', device, addresses: ['192.0.2.9'], up: true },
    counts: { sent: count(sent), received: count(received), refused: count(0) },
    ...change,
  };
}

const ward = SENSORS.find(({ name }) => name === 'ward-four')!;

function picture(ports: readonly SeenActivePort[] | undefined) {
  return wiringPicture({
    status: wholeStatus(statusOf(ward)),
    ports: ledger(true).lines.filter(({ stage }) => stage === 'mirror-port'),
    rates: new Map(),
    matrix: MATRIX,
    ...(ports === undefined ? {} : { active: { ports, rates: new Map() } }),
  });
}

test('two readings make rates in both directions; one, or an interface made anew, makes none', () => {
  const reading = (atMs: number, ports: SeenActive['ports']) => ({ atMs, active: { ports } });
  const first = reading(1_000, [port('honeypot', 'br0', [100, 40])]);
  const key = 'honeypot/net0';
  expect(activeRates(undefined, first).get(key)).toEqual({ sentPerS: undefined, receivedPerS: undefined });
  const second = reading(3_000, [port('honeypot', 'br0', [120, 50])]);
  expect(activeRates(first, second).get(key)).toEqual({ sentPerS: 10, receivedPerS: 5 });
  expect(activeRates(second, reading(5_000, [port('honeypot', 'br0', [2, 60])])).get(key)).toEqual({
    sentPerS: undefined,
    receivedPerS: 5,
  });
});

test('every active interface has a box and a line from who sends there, and no box lies on another', () => {
  const { boxes, lines, height, activeY } = picture(active().ports);
  expect(boxes.filter(({ kind }) => kind === 'active').map(({ name }) => name)).toEqual(['eno2', 'br-ward']);
  expect(lines.filter(({ kind }) => kind === 'active').map(({ id }) => id)).toEqual([
    'a downloader/net0',
    'a honeypot/net0',
  ]);
  expect(activeY).toBeGreaterThan(0);
  for (const one of boxes) {
    expect(one.y + one.height).toBeLessThanOrEqual(height);
    const others = boxes.filter((other) => other !== one && other.x === one.x);
    expect(others.every((other) => other.y >= one.y + one.height || one.y >= other.y + other.height)).toBe(
      true,
    );
  }
  // Their lines pass below the capture engine.
  const engine = boxes.find(({ kind }) => kind === 'engine')!;
  const way = lines.filter(({ kind }) => kind === 'active').map(({ label }) => label.y);
  expect(Math.min(...way)).toBeGreaterThan(engine.y + engine.height);
});

test('several instruments on one bridge share its box, with a line each that has room', () => {
  const names = ['suricata', 'passive-dns', 'rule-manager', 'downloader', 'honeypot'];
  const { boxes, lines, height } = picture(names.map((name) => port(name, 'br0', [1, 1])));
  const bridge = boxes.filter(({ kind }) => kind === 'active');
  expect(bridge).toHaveLength(1);
  expect(bridge[0]?.lines).toEqual(['5 instruments', 'out 500 B · in 500 B']);
  expect((bridge[0]?.y ?? 0) + (bridge[0]?.height ?? 0)).toBeLessThanOrEqual(height);
  const ends = lines.filter(({ kind }) => kind === 'active').map(({ label }) => label.y);
  expect(ends).toHaveLength(5);
  ends.slice(1).forEach((y, index) => expect(y - (ends[index] ?? 0)).toBeGreaterThanOrEqual(18));
});

test('an interface that is down, or of an instrument that is not there, does not look alive', () => {
  const { boxes, lines } = picture([
    port('honeypot', 'br0', [1, 1], { up: false, faults: ['its rule is gone'] }),
    port('nobody', 'eth9', [1, 1]),
  ]);
  expect(boxes.filter(({ kind }) => kind === 'active')).toMatchObject([{ name: 'br0', condition: 'bad' }]);
  const down = lines.filter(({ kind }) => kind === 'active');
  expect(down).toMatchObject([{ idle: true }]);
  expect(down[0]?.active?.words).toContain('down: its rule is gone');
});

test('without an active interface, or with a sensor that does not tell, the picture is as it was', () => {
  expect(picture([])).toEqual(picture(undefined));
  expect(picture(undefined).activeY).toBeUndefined();
});

test('an answer that cannot be read shows no port, and a port that cannot be read takes no other with it', () => {
  for (const said of [undefined, null, 'no', {}, { ports: 'all' }])
    expect(wholeActive(said).ports).toEqual([]);
  const good = port('honeypot', 'br0', [1, 1]);
  const { counts: _, ...uncounted } = good;
  const nameless = { ...good, device: 7 };
  expect(wholeActive({ ports: [null, uncounted, nameless, good] }).ports).toEqual([good]);
});

test('what passed and what was dropped is said in words, also by a sensor that tells less', () => {
  const one = port('honeypot', 'br0', [1_200, 40]);
  expect(activeWords(one, { sentPerS: 12, receivedPerS: undefined })).toBe(
    '192.0.2.9; sent 12/s now, 1.2 k packets, 117 KiB in all; received 40 packets, 3.9 KiB in all; none dropped',
  );
  const counts = { ...one.counts, refused: { packets: 3, bytes: 1 }, unwanted: { packets: 41, bytes: 1 } };
  expect(droppedOf({ counts })).toEqual({ out: 3, in: 41 });
  expect(activeWords({ ...one, addresses: [], counts }, undefined)).toBe(
    'no address yet; sent 1.2 k packets, 117 KiB in all; received 40 packets, 3.9 KiB in all; dropped: 3 to where it may not send, 41 to it, from where it may not reach',
  );
  expect(activeRecordWords({ ...one, kind: 'bridged', vlan: 31, mac: '02:00:00:00:00:0b' })).toBe(
    'br0, bridged, VLAN 31; hardware address 02:00:00:00:00:0b, 192.0.2.9; 1,200 packets sent, 40 received, 0 dropped on the way out and 0 on the way in',
  );
});
