import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { openEventQuery, type EventQuery } from '@bulkhead/platform/events';
import type { StoredEvent } from '@bulkhead/platform/contracts';
import { connectAsInstrument } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const model = busModel([
  busInstrument('suricata', { publish: ['alert', 'dns'] }),
  busInstrument('honeypot', { publish: ['alert'] }),
]);
let bench: BusBench;
let query: EventQuery;
let between: Date;

beforeAll(async () => {
  bench = await openBusBench();
  await bench.bus.ensure(model);
  const [suricata, honeypot] = [
    await bench.instrument(model, 'suricata'),
    await bench.instrument(model, 'honeypot'),
  ];
  const alert = (severity: number) => ({ alert: { signature: `s${String(severity)}`, severity } });
  await Promise.all([
    suricata.publish('alert', alert(1)),
    suricata.publish('alert', alert(3)),
    suricata.publish('dns', { q: 1 }),
  ]);
  between = new Date(Date.now() + 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await honeypot.publish('alert', alert(2));
  await bench.bus.publishPlatform('sensor.started', { version: '0' });
  await honeypot.close();
  // Somebody who speaks the protocol badly.
  const bad = await connectAsInstrument(bench, 'honeypot');
  await bad.request('event.honeypot.alert', 'garbage\n{"ok":1}\n');
  await bad.close();
  query = openEventQuery({ source: bench.bus });
});
afterAll(async () => {
  await bench.dispose();
});

test('counted by type and by instrument; what cannot be read is counted too', async () => {
  expect(await query.count({})).toMatchObject({
    total: 6,
    byType: { alert: 4, dns: 1, 'sensor.started': 1 },
    byInstrument: { suricata: 3, honeypot: 2, platform: 1 },
    faults: { 'not-json': 1, 'id-invalid': 1, 'time-invalid': 1 },
  });
  expect(await query.count({ instrument: 'suricata', types: ['alert'] })).toMatchObject({
    total: 2,
    faults: {},
  });
  expect(await query.count({ since: between })).toMatchObject({ byInstrument: { honeypot: 2, platform: 1 } });
});

test('listed by severity, oldest first, at most so many', async () => {
  const signatures = async (filter: Parameters<EventQuery['list']>[0], limit = 100) =>
    (await query.list(filter, limit)).map(
      (event) => (event.record['alert'] as { signature: string }).signature,
    );
  expect(await signatures({ types: ['alert'], severity: 'medium' })).toEqual(['s1', 's2']);
  expect(await signatures({ instrument: 'suricata', types: ['alert'] }, 1)).toEqual(['s1']);
});

test('a tail gives what is stored, then what comes, also from an instrument that is added while it runs', async () => {
  const stop = new AbortController();
  const got: StoredEvent[] = [];
  let caughtUp = false;
  const ended = query.tail(
    { since: between, types: ['alert'] },
    (event) => void got.push(event),
    stop.signal,
    () => (caughtUp = true),
  );
  await waitFor('the stored ones', 5_000, () => caughtUp && got.length === 2);
  const larger = {
    ...model,
    instruments: [...model.instruments, busInstrument('late', { publish: ['alert'] })],
  };
  await bench.bus.ensure(larger);
  const late = await bench.instrument(larger, 'late');
  await late.publish('alert', { alert: { severity: 1 } });
  await waitFor('the new one', 5_000, () => got.length === 3);
  expect(got[2]).toMatchObject({ instrument: 'late', type: 'alert' });
  stop.abort();
  await ended;
});

test('a question that makes no sense is refused at its place', async () => {
  await expect(query.count({ instrument: 'a b' })).rejects.toMatchObject({
    code: 'EVENTS_FILTER_INVALID',
    fields: { pointer: '/instrument' },
  });
  await expect(query.list({ types: ['*'] }, 1)).rejects.toMatchObject({ code: 'EVENTS_FILTER_INVALID' });
});
