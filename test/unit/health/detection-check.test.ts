import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DetectionCheck, type DetectionCheckParts } from '../../../platform/health/detection-check.ts';
import type { PathCounters } from '../../../platform/health/check-path.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A sensor that answers each check after `answerMs`, or never. */
class Sensor {
  answerMs: number | undefined = 100;
  injectFails = false;
  readonly nonces: string[] = [];
  readonly events: [string, Record<string, unknown>][] = [];
  readonly check: DetectionCheck;

  constructor(parts: Partial<DetectionCheckParts> = {}) {
    this.check = new DetectionCheck({
      monitor: 'mon',
      intervalS: 60,
      timeoutS: 20,
      inject: async (frame) => {
        if (this.injectFails) return Promise.reject(new Error('no such device'));
        const nonce = frame.subarray(-32).toString();
        this.nonces.push(nonce);
        if (this.answerMs !== undefined) {
          setTimeout(() => this.check.onEvent({ type: 'check', record: { nonce } }), this.answerMs);
        }
        return Promise.resolve();
      },
      publish: (type, record) => {
        this.events.push([type, record]);
      },
      ...parts,
    });
  }
}

const seconds = async (s: number) => vi.advanceTimersByTimeAsync(s * 1000);

test('a check that comes back is ok with its latency; each has a fresh nonce', async () => {
  const sensor = new Sensor();
  expect(sensor.check.status).toEqual({ state: 'off' });
  sensor.check.start();
  expect(sensor.check.status.state).toBe('pending');
  await seconds(1);
  expect(sensor.check.status).toMatchObject({ state: 'ok', latencyMs: 100 });
  expect(Date.parse(sensor.check.status.lastOk ?? '')).toBeGreaterThan(0);
  await seconds(600);
  expect(sensor.nonces.length).toBeGreaterThanOrEqual(10);
  expect(new Set(sensor.nonces).size).toBe(sensor.nonces.length);
  expect(sensor.events).toEqual([['check.passed', { monitor: 'mon', state: 'ok', latencyMs: 100 }]]);
});

test('passed checks are published on change and once an hour', async () => {
  const sensor = new Sensor();
  sensor.check.start();
  await seconds(3 * 3600 + 120);
  expect(sensor.events.map(([type]) => type)).toEqual(Array<string>(4).fill('check.passed'));
});

test('one miss is missed, two in a row are blind within two intervals, and it recovers', async () => {
  const sensor = new Sensor();
  sensor.check.start();
  await seconds(1);
  sensor.answerMs = undefined;
  await seconds(60 + 20);
  expect(sensor.check.status).toMatchObject({ state: 'missed', latencyMs: 100 });
  expect(sensor.check.consecutiveMisses).toBe(1);
  await seconds(60);
  expect(sensor.check.status.state).toBe('blind');
  expect(sensor.check.consecutiveMisses).toBe(2);
  sensor.answerMs = 50;
  await seconds(60);
  expect(sensor.check.status).toMatchObject({ state: 'ok', latencyMs: 50 });
  expect(sensor.check.status.text).toBeUndefined();
  expect(sensor.events.map(([type, { state }]) => [type, state])).toEqual([
    ['check.passed', 'ok'],
    ['check.missed', 'missed'],
    ['check.missed', 'blind'],
    ['check.passed', 'ok'],
  ]);
});

test('a miss says where the packet stopped', async () => {
  let packets = 0;
  const counters = async (): Promise<PathCounters> => {
    packets += 1;
    return Promise.resolve({
      injected: packets,
      unforwarded: 0,
      forwarded: packets,
      capture: { in: packets, out: 0 },
      fanout: { input: 0 },
      ports: [],
    });
  };
  const sensor = new Sensor({ counters });
  sensor.answerMs = undefined;
  sensor.check.start();
  await seconds(21);
  expect(sensor.check.status.text).toMatch(/capture engine of mon takes packets and gives none back/);
  expect(sensor.events[0]?.[1]['text']).toBe(sensor.check.status.text);
});

test('counters that cannot be read stop nothing', async () => {
  const sensor = new Sensor({ counters: async () => Promise.reject(new Error('gone')) });
  sensor.answerMs = undefined;
  sensor.check.start();
  await seconds(21);
  expect(sensor.check.status).toMatchObject({ state: 'missed' });
  expect(sensor.check.status.text).toMatch(/cannot be read/);
});

test('a failing injection is a missed check with the reason', async () => {
  const sensor = new Sensor();
  sensor.injectFails = true;
  sensor.check.start();
  await seconds(1);
  expect(sensor.check.status).toMatchObject({ state: 'missed' });
  expect(sensor.check.status.text).toMatch(/no such device/);
  sensor.injectFails = false;
  await seconds(60);
  expect(sensor.check.status.state).toBe('ok');
});

test('old, foreign and forged answers do not count', async () => {
  const sensor = new Sensor();
  sensor.check.start();
  await seconds(1);
  const [old = ''] = sensor.nonces;
  sensor.answerMs = undefined;
  await seconds(61);
  for (const record of [{ nonce: old }, { nonce: 'f'.repeat(32) }, {}, { nonce: null }, { nonce: ['x'] }]) {
    expect(sensor.check.onEvent({ type: 'check', record })).toBe(false);
  }
  const nonce = sensor.nonces.at(-1);
  expect(sensor.check.onEvent({ type: 'alert', record: { nonce } })).toBe(false);
  await seconds(20);
  expect(sensor.check.status.state).toBe('missed');
});

test('an answer after the time-out leaves it missed and says that it is slow', async () => {
  const sensor = new Sensor();
  sensor.answerMs = 30_000;
  sensor.check.start();
  await seconds(31);
  expect(sensor.check.status.state).toBe('missed');
  expect(sensor.check.status.text).toMatch(/only after 30 s/);
});

test('the first check waits for the tool to start, but not for ever', async () => {
  let ready = false;
  const sensor = new Sensor({ ready: () => ready });
  sensor.check.start();
  await seconds(30);
  expect(sensor.nonces).toEqual([]);
  ready = true;
  await seconds(2);
  expect(sensor.check.status.state).toBe('ok');

  const never = new Sensor({ ready: () => false });
  never.answerMs = undefined;
  never.check.start();
  await seconds(150);
  expect(never.check.status.state).toBe('missed');
});

test('after stop nothing is injected, published or believed', async () => {
  const sensor = new Sensor();
  sensor.answerMs = undefined;
  sensor.check.start();
  await seconds(1);
  sensor.check.stop();
  const [nonce] = sensor.nonces;
  expect(sensor.check.onEvent({ type: 'check', record: { nonce } })).toBe(false);
  await seconds(600);
  expect(sensor.nonces).toHaveLength(1);
  expect(sensor.events).toEqual([]);
  expect(sensor.check.status).toEqual({ state: 'off' });
  sensor.answerMs = 10;
  sensor.check.start();
  await seconds(1);
  expect(sensor.check.status.state).toBe('ok');
});
