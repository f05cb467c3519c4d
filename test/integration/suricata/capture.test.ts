import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { SuricataBench } from './bench.ts';
import { checkFrame, dnsQueries, writeCapture } from './frames.ts';

let bench: SuricataBench;

beforeAll(async () => {
  bench = await SuricataBench.open('b72a');
});
afterAll(async () => {
  await bench.close();
});

afterEach(async () => {
  await bench.stop();
});

test('captures, publishes under EVE types, ends with every flow written', async () => {
  await bench.start();
  const file = await writeCapture(bench.folder, 'dns', dnsQueries(2000));
  await bench.replay(file, '--topspeed');
  const health = await bench.until('the packets', ({ counters }) => counters['decoder.pkts'] === 2000);
  expect(health.state).toBe('ok');
  expect(await bench.stop()).toBe(0);
  const events = await bench.events();
  const count = (type: string) => events.filter((event) => event.type === type).length;
  expect(count('dns')).toBe(2000);
  expect(count('flow')).toBe(2000);
  expect(events.every((event) => event.record['event_type'] === event.type)).toBe(true);
});

test('a detection check comes back as a check with its nonce, not as an alert, and leaves no flow', async () => {
  await bench.start();
  const before = (await bench.events()).length;
  const nonce = '0123456789abcdef0123456789abcdef';
  await bench.replay(await writeCapture(bench.folder, 'check', [checkFrame(nonce)]));
  await waitFor('the check', 10_000, async () =>
    (await bench.events()).some((event) => event.type === 'check'),
  );
  const health = await bench.until('the count', ({ counters }) => counters['eve.checks'] === 1);
  expect(health.counters['eve.alerts']).toBe(0);
  expect(await bench.stop()).toBe(0);
  const events = (await bench.events()).slice(before);
  expect(events.filter((event) => event.type === 'check').map((event) => event.record)).toEqual([
    expect.objectContaining({ nonce, interface: 'mon0', signatureId: 2_999_001 }),
  ]);
  expect(events.filter((event) => event.type === 'alert' || event.type === 'flow')).toEqual([]);
});

test('Suricata dying ends the instrument with an error, so that the sensor starts it again', async () => {
  await bench.start();
  process.kill(await bench.suricataPid(), 'SIGKILL');
  await waitFor('the end', 20_000, () => !bench.running);
  expect(await bench.stop()).toBe(1);
  expect(bench.log.join('\n')).toContain('Suricata ended: SIGKILL');
});
