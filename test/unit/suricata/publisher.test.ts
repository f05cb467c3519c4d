import { expect, test } from 'vitest';
import { EvePublisher } from '../../../instruments/suricata/src/eve-publisher.ts';

const line = (type: string, bytes = 0) =>
  Buffer.from(
    `{"timestamp":"2026-01-01T00:00:00.000000+0000","event_type":"${type}","x":"${'x'.repeat(bytes)}"}`,
  );

/** A bus whose messages the test settles, four records to a message. */
function bench(limits = {}) {
  const open: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const calls: string[] = [];
  let shared: Promise<void> | undefined;
  let taken = 0;
  const publisher = new EvePublisher({
    allowed: new Set(['dns', 'alert', 'check']),
    publish: () => {
      taken += 1;
      if (shared === undefined || taken % 4 === 1) {
        shared = new Promise((resolve, reject) => open.push({ resolve, reject }));
      }
      return shared;
    },
    pause: () => calls.push('pause'),
    resume: () => calls.push('resume'),
    warn: (message) => calls.push(`warn ${message}`),
    limits: { pauseBytes: 2000, resumeBytes: 500, stuckMs: 0, hardBytes: 4000, ...limits },
  });
  const settle = async () => {
    for (const { resolve } of open.splice(0)) resolve();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { publisher, calls, settle, open };
}

test('every line is counted in exactly one place', async () => {
  const { publisher, settle } = bench();
  for (const type of ['dns', 'dns', 'alert', 'drop', 'dns', 'Bad']) publisher.take(line(type));
  await settle();
  const { lines, published, alerts, refused, malformed, shed, lost } = publisher.counters;
  expect({ lines, published, alerts, refused, malformed, shed, lost }).toEqual({
    lines: 6,
    published: 4,
    alerts: 1,
    refused: 1,
    malformed: 1,
    shed: 0,
    lost: 0,
  });
});

test('a slow bus slows the reading down and loses nothing', async () => {
  const { publisher, calls, settle } = bench({ stuckMs: 1e9 });
  for (let count = 0; count < 20; count += 1) publisher.take(line('dns', 100));
  expect(calls).toEqual(['pause']);
  publisher.tick();
  expect(calls).toEqual(['pause']);
  await settle();
  expect(calls).toEqual(['pause', 'resume']);
  expect(publisher.counters).toMatchObject({ published: 20, shed: 0, lost: 0, pauses: 1 });
});

test('a stuck bus: alerts are kept within bounds, the rest is shed and counted, then all goes on', async () => {
  const { publisher, calls, settle } = bench({ hardBytes: 6000 });
  for (let count = 0; count < 20; count += 1) publisher.take(line('dns', 100));
  publisher.tick();
  expect(publisher.shedding).toBe(true);
  expect(calls.at(-1)).toBe('resume');
  for (let count = 0; count < 5; count += 1) publisher.take(line('dns', 100));
  for (let count = 0; count < 100; count += 1) publisher.take(line('alert', 100));
  const shed = publisher.counters.shed;
  expect(shed).toBeGreaterThan(5);
  await settle();
  expect(publisher.shedding).toBe(false);
  publisher.take(line('dns'));
  await settle();
  const { lines, published } = publisher.counters;
  expect(lines).toBe(published + shed);
  expect(publisher.counters.alerts).toBeGreaterThan(5);
});

test('what the bus refuses is counted as lost and said once', async () => {
  const { publisher, calls, open } = bench();
  for (let count = 0; count < 8; count += 1) publisher.take(line('dns'));
  for (const { reject } of open.splice(0))
    reject(Object.assign(new Error('full'), { code: 'BUS_STREAM_FULL' }));
  await new Promise((done) => setTimeout(done, 5));
  expect(publisher.counters).toMatchObject({ lost: 8, published: 0 });
  expect(calls.filter((call) => call.startsWith('warn'))).toHaveLength(1);
});
