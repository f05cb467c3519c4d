import { setTimeout as sleep } from 'node:timers/promises';
import { connect, nkeyAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { consumerName, streamName, type BusModel } from '@bulkhead/platform/bus';
import { connectAsInstrument, subscriptionRefusal } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const suricata = busInstrument('suricata', { publish: ['alert'] });
const reader = busInstrument('reader', { read: [{ from: 'suricata', type: 'alert' }] });
const other = busInstrument('other', { read: [{ from: 'suricata', type: 'alert' }] });
const model = busModel([suricata, reader, other]);
const STREAM = streamName('suricata');
const CONSUMER = consumerName('reader', 'alert');
const PULL = `$JS.platform.API.CONSUMER.MSG.NEXT.${STREAM}.${CONSUMER}`;

let bench: BusBench;
beforeEach(async () => {
  bench = await openBusBench();
  await bench.bus.ensure(model);
});
afterEach(async () => {
  await bench.dispose();
});

test('ABUSE 33: a revoked reader with a pull outstanding gets nothing more, within a second, and queue groups bypass nothing', async () => {
  const publisher = await bench.instrument(model, 'suricata');
  const neighbour = await bench.instrument(model, 'other');
  const neighbourGot: unknown[] = [];
  neighbour.subscribe('suricata', 'alert', (event) => void neighbourGot.push(event.record));
  const revoked = await connectAsInstrument(bench, 'reader');
  const got: string[] = [];
  // Two subscriptions in a queue group, several pulls outstanding: whatever could still be served is there to be served.
  for (let i = 0; i < 2; i += 1) {
    revoked.subscribe('_INBOX.reader.q', {
      queue: 'workers',
      callback: (_, message) => void got.push(message.string()),
    });
  }
  const pull = (): void => {
    revoked.publish(PULL, JSON.stringify({ batch: 10, expires: 20_000_000_000 }), {
      reply: '_INBOX.reader.q',
    });
  };
  for (let i = 0; i < 3; i += 1) pull();
  await publisher.publish('alert', { n: 1 });
  await waitFor('the first event', 5_000, () => got.some((text) => text.includes('"n":1')));

  const started = performance.now();
  await bench.bus.ensure({ ...model, instruments: [suricata, { ...reader, read: [] }, other] });
  const revokedMs = performance.now() - started;
  got.length = 0;
  for (let n = 2; n < 12; n += 1) await publisher.publish('alert', { n });
  pull();
  for (const subject of ['event.suricata.alert', 'event.>', `$JS.ACK.${STREAM}.>`]) {
    expect(await subscriptionRefusal(revoked, subject, 'workers'), subject).toBeInstanceOf(Error);
  }
  await waitFor('the neighbour', 5_000, () => neighbourGot.length === 11);
  await sleep(300);
  expect(got.filter((text) => text.includes('"n"'))).toEqual([]);
  expect(revokedMs).toBeLessThan(1_000);
  expect(publisher.counters().resent).toBe(0);
  await revoked.close();
});

test('ABUSE 33: the sdk of a revoked reader is told, and ends the subscription with a reason', async () => {
  const instrument = await bench.instrument(model, 'reader');
  const subscription = instrument.subscribe('suricata', 'alert', () => undefined);
  await sleep(500);
  await bench.bus.ensure({ ...model, instruments: [suricata, { ...reader, read: [] }, other] });
  expect(await subscription.ended).toMatchObject({ code: 'BUS_READ_REVOKED' });
});

test('ABUSE 39: revocation drops live connections within a second; a deleted identity stays dead, also for its name', async () => {
  const old = bench.bus.identity('reader');
  const [victim, neighbour] = [
    await connectAsInstrument(bench, 'reader'),
    await connectAsInstrument(bench, 'other'),
  ];
  const disconnected = Promise.race([victim.closed().then(() => true), sleep(3_000, false)]);
  const without: BusModel = { ...model, instruments: [suricata, other] };
  const started = performance.now();
  await bench.bus.ensure(without);
  expect(await disconnected).toBe(true);
  expect(performance.now() - started).toBeLessThan(1_000);
  expect(neighbour.isClosed()).toBe(false);
  await neighbour.flush();
  await expect(connectWith(old.seed)).rejects.toThrow(/Authorization/i);

  // An instrument of the same name is another instrument.
  await bench.bus.ensure(model);
  const next = bench.bus.identity('reader');
  expect(next.publicKey).not.toBe(old.publicKey);
  await expect(connectWith(old.seed)).rejects.toThrow(/Authorization/i);
  const connection = await connectWith(next.seed);
  await connection.close();
  // Also after a restart of the platform, and after the whole bus was started anew.
  await bench.bus.stop();
  const later = bench.reopen();
  await later.ensure(model);
  expect(later.identity('reader')).toEqual(next);
  await expect(connectWith(old.seed)).rejects.toThrow(/Authorization/i);
  await neighbour.close();
});

function connectWith(seed: string): Promise<NatsConnection> {
  return connect({
    servers: `127.0.0.1:${String(bench.site.natsPort)}`,
    authenticator: nkeyAuthenticator(Buffer.from(seed)),
    reconnect: false,
    timeout: 3_000,
  });
}
