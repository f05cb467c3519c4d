import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, nkeyAuthenticator } from '@nats-io/transport-node';
import { waitFor } from '@bulkhead/platform/kernel';
import type { RefusedAttempt } from '@bulkhead/platform/bus';
import { connectAsInstrument, openWire, subscriptionRefusal } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const gone = busInstrument('gone');
const model = busModel([
  busInstrument('ids', { accept: ['ping'] }),
  busInstrument('evil', { publish: ['noise'], services: ['resolve'] }),
]);
let bench: BusBench;
let deadSeed = '';
const told: RefusedAttempt[] = [];

beforeAll(async () => {
  bench = await openBusBench('brf');
  bench.bus.serve('resolve', () => Promise.resolve({}));
  await bench.bus.ensure({ ...model, instruments: [...model.instruments, gone] });
  deadSeed = bench.bus.identity('gone').seed;
  await bench.bus.ensure(model);
  bench.bus.traffic.onRefused((attempt) => told.push(attempt));
});
afterAll(async () => {
  await bench.dispose();
});

async function told1(expected: Partial<RefusedAttempt>): Promise<void> {
  await waitFor(
    `${JSON.stringify(expected)} in ${JSON.stringify(told)}`,
    10_000,
    () =>
      told.some((attempt) =>
        Object.entries(expected).every(([key, value]) => attempt[key as keyof RefusedAttempt] === value),
      ) || undefined,
  );
}

test('what the server refuses is told at once, with instrument, operation and subject', async () => {
  const evil = await connectAsInstrument(bench, 'evil');
  evil.publish('control.ids.stop', '{}');
  evil.publish('message.ids.evil.ping', '{}', { reply: '_INBOX.evil.x' });
  await subscriptionRefusal(evil, 'event.>', 'workers');
  await told1({ instrument: 'evil', operation: 'publish', subject: 'control.ids.stop', count: 1 });
  await told1({ instrument: 'evil', operation: 'publish', subject: 'message.ids.evil.ping' });
  await told1({ instrument: 'evil', operation: 'subscribe', subject: 'event.>', reason: 'not permitted' });
  await evil.close();
});

test('limits, garbage and dead keys are told too', async () => {
  const large = await openWire(bench, 'evil');
  large.send('PUB event.evil.noise 2000000\r\n');
  await large.closed;
  await told1({ instrument: 'evil', operation: 'publish', reason: 'message too large' });
  const many = await openWire(bench, 'evil');
  many.send(Array.from({ length: 80 }, (_, i) => `SUB _INBOX.evil.${String(i)} ${String(i)}\r\n`).join(''));
  await told1({ instrument: 'evil', operation: 'subscribe', reason: 'too many subscriptions' });
  many.send('NONSENSE\r\n');
  await many.closed;
  await told1({ instrument: 'evil', reason: 'not the protocol' });
  const two = [await connectAsInstrument(bench, 'evil'), await connectAsInstrument(bench, 'evil')];
  await (
    await openWire(bench, 'evil')
  ).closed;
  await told1({ instrument: 'evil', operation: 'connect', reason: 'too many connections' });
  await Promise.all(two.map((connection) => connection.close()));
  const dead = connect({
    servers: `127.0.0.1:${String(bench.site.natsPort)}`,
    authenticator: nkeyAuthenticator(Buffer.from(deadSeed)),
    reconnect: false,
  });
  await expect(dead).rejects.toThrow(/Authorization/i);
  await told1({ instrument: 'gone', operation: 'connect', reason: 'key not valid any more' });
});

test('refusals of a service are told with the code', async () => {
  const evil = await connectAsInstrument(bench, 'evil');
  await evil.request('platform.evil.resolve', '{"a":', { timeout: 5_000 });
  await told1({
    instrument: 'evil',
    operation: 'ask',
    subject: 'platform.evil.resolve',
    reason: 'BUS_PAYLOAD_INVALID',
  });
  await evil.close();
});

test('nobody can put words into the log in the name of another', async () => {
  const before = told.length;
  const forged =
    '"\n[1] 2026/01/01 00:00:00.000000 [ERR] 127.0.0.1:1 - cid:1 - "I_ids/nkey:UAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" - Publish Violation - Subject "forged"\n';
  const evil = await connectAsInstrument(bench, 'evil', { name: forged });
  evil.publish('event.ids.marker', '{}');
  await told1({ subject: 'event.ids.marker' });
  const wire = await openWire(bench);
  wire.send(
    `CONNECT ${JSON.stringify({ nkey: forged, sig: 'x', lang: forged, version: forged })}\r\nPING\r\n`,
  );
  await wire.closed;
  await told1({ instrument: '?', operation: 'connect', reason: 'unknown key' });
  expect(told.slice(before).filter(({ subject }) => subject === 'forged')).toEqual([]);
  expect(told.slice(before).filter(({ instrument }) => instrument === 'ids')).toEqual([]);
  await evil.close();
});

test('a flood of refusals is counted in bounds: memory, events, and nobody else is disturbed', async () => {
  const before = told.length;
  const evil = await openWire(bench, 'evil');
  for (let round = 0; round < 20; round += 1) {
    const lines = Array.from(
      { length: 2_000 },
      (_, i) => `PUB event.x${String(round * 2_000 + i)}.y 1\r\nx\r\n`,
    );
    evil.send(lines.join(''));
  }
  const total = (): number =>
    bench.bus.traffic
      .refused()
      .filter(({ instrument }) => instrument === 'evil')
      .reduce((sum, { count }) => sum + count, 0);
  await waitFor('the flood to be counted', 20_000, () => total() > 1_000);
  const kinds = bench.bus.traffic.refused().filter(({ instrument }) => instrument === 'evil');
  expect(kinds.length).toBeLessThanOrEqual(17);
  expect(kinds.find(({ subject }) => subject === '…')?.count).toBeGreaterThan(900);
  expect(told.length - before).toBeLessThanOrEqual(60);
  evil.socket.destroy();
});
