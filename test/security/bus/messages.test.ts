import { setTimeout as sleep } from 'node:timers/promises';
import { connect, headers, nkeyAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { BUS_LIMITS, type JournalEntry } from '@bulkhead/platform/bus';
import { defineCommand, type Instrument } from '@bulkhead/sdk';
import { z } from 'zod';
import { connectAsInstrument, openWire, subscriptionRefusal } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

// `evil` may command the IDS, accepts a command itself and may ask one service; an attacker has its key.
const apply = defineCommand({
  name: 'ruleset.apply',
  request: z.strictObject({ version: z.string().max(64) }),
  reply: z.strictObject({ by: z.string() }),
});
const ids = busInstrument('ids', { accept: ['ruleset.apply', 'ruleset.test'], services: ['journal'] });
const manager = busInstrument('manager', {
  send: [{ to: 'ids', command: 'ruleset.apply' }],
  services: ['deliver'],
});
const evil = busInstrument('evil', {
  publish: ['noise'],
  send: [{ to: 'ids', command: 'ruleset.test' }],
  accept: ['ping'],
  services: ['echo', 'journal'],
});
const model = busModel([ids, manager, evil]);

let bench: BusBench;
let victim: Instrument;
let sender: Instrument;
let attacker: NatsConnection;
const applied: string[] = [];
const delivered: string[] = [];
const echoed: string[] = [];
const journal: JournalEntry[] = [];

beforeAll(async () => {
  bench = await openBusBench('bms');
  bench.bus.serve('deliver', (instrument) => Promise.resolve(delivered.push(instrument)));
  bench.bus.serve('echo', async (instrument, payload) => {
    echoed.push(instrument);
    await sleep(5);
    return payload;
  });
  await bench.bus.ensure(model);
  bench.bus.traffic.onMessage((entry) => journal.push(entry));
  victim = await bench.instrument(model, 'ids');
  victim.handle(apply, (_, from) => {
    applied.push(from);
    return { by: from };
  });
  victim.handle('ruleset.test', (_, from) => ({ by: from }));
  sender = await bench.instrument(model, 'manager');
  attacker = await connectAsInstrument(bench, 'evil');
});
afterAll(async () => {
  await attacker.close();
  await bench.dispose();
});

test('ABUSE 34: a command in the name of another, or without a grant, reaches nobody; a sender in body or header is ignored', async () => {
  for (const subject of [
    'message.ids.manager.ruleset.apply',
    'message.ids.platform.ruleset.apply',
    'message.ids.evil.ruleset.apply',
    'message.ids.evil.ruleset.test.more',
    'message.manager.evil.ping',
  ]) {
    await expect(attacker.request(subject, '{"version":"1"}'), subject).rejects.toThrow(
      /Permissions Violation/,
    );
  }
  const forged = headers();
  forged.set('Nats-Request-Info', '{"acc":"I_manager"}');
  forged.set('ce-source', '/sensor/lab/instrument/manager');
  const reply = await attacker.request('message.ids.evil.ruleset.test', '{"from":"manager"}', {
    timeout: 5_000,
    headers: forged,
  });
  expect(reply.json()).toMatchObject({ result: { by: 'evil' } });
  expect(applied).toEqual([]);
  expect(await sender.send('ids', apply, { version: '1' })).toEqual({ by: 'manager' });
});

test("ABUSE 34: the service of another cannot be asked, and the platform's handlers know who asks", async () => {
  for (const subject of [
    'platform.manager.deliver',
    'platform.evil.deliver',
    'platform.manager.echo',
    'platform.evil',
    'platform.evil.echo.more',
  ]) {
    await expect(attacker.request(subject, '{}'), subject).rejects.toThrow(/Permissions Violation/);
  }
  expect(delivered).toEqual([]);
  expect(await sender.ask('deliver', { instrument: 'evil' })).toBe(1);
  expect(delivered).toEqual(['manager']);
});

test('ABUSE 31: the answer of a service or of a command, led to another subject, makes nobody act, and makes no loop', async () => {
  [applied.length, delivered.length, echoed.length] = [0, 0, 0];
  const states = (await bench.bus.streams()).map(({ messages }) => messages);
  const targets = [
    ...['message.ids.manager.ruleset.apply', 'message.ids.evil.ruleset.apply', 'control.ids.stop'],
    ...['platform.manager.deliver', 'platform.evil.deliver', 'platform.evil.echo', 'platform.evil.journal'],
    ...[
      '_INBOX.manager.x',
      '_R_.a.b',
      'event.ids.alert',
      '$JS.API.STREAM.PURGE.S_ids',
      '$SYS.REQ.SERVER.PING',
    ],
    ...['journal.ids.manager.ruleset.apply', 'journal.0.ids.manager.ruleset.apply'],
  ];
  // What the platform answers is chosen by the attacker: it could be a command, or an entry of the journal.
  const words = JSON.stringify({ version: '1', from: 'manager', command: 'ruleset.apply', ok: true });
  for (const reply of targets) {
    attacker.publish('platform.evil.echo', words, { reply });
    attacker.publish('message.ids.evil.ruleset.test', words, { reply });
    await attacker.flush();
    await sleep(30);
  }
  // The server drops what names one of its own reply subjects.
  const asked = targets.length - 1;
  await waitFor('the echoes', 5_000, () => echoed.length >= asked);
  await sleep(300);
  expect(echoed).toHaveLength(asked);
  expect([applied, delivered]).toEqual([[], []]);
  expect((await bench.bus.streams()).map(({ messages }) => messages)).toEqual(states);
  expect(journal.filter(({ from, to }) => from === 'manager' && to === 'ids')).toHaveLength(1);
  expect(victim.stopping.aborted).toBe(false);
});

test('ABUSE 30: requests to the platform, to others, the journal, and the answers to them are seen by no other', async () => {
  const seen: string[] = [];
  for (const subject of [
    'platform.>',
    'platform.manager.>',
    'platform.*.deliver',
    'message.ids.>',
    'message.*.manager.>',
    '_INBOX.manager.>',
    '_R_.>',
    'journal.>',
    'journal.*.ids.>',
  ]) {
    expect(await subscriptionRefusal(attacker, subject), subject).toBeInstanceOf(Error);
  }
  attacker.subscribe('_INBOX.evil.>', { callback: (_, message) => void seen.push(message.subject) });
  attacker.subscribe('message.evil.>', { callback: (_, message) => void seen.push(message.subject) });
  await sender.ask('deliver', {});
  await sender.send('ids', apply, { version: '2' });
  await attacker.flush();
  expect(seen).toEqual([]);
});

test('ABUSE 33: a queue group takes no share of the commands or services of others', async () => {
  for (const subject of [
    'message.ids.>',
    'platform.manager.deliver',
    'platform.evil.echo',
    'control.ids.>',
  ]) {
    expect(await subscriptionRefusal(attacker, subject, 'workers'), subject).toBeInstanceOf(Error);
  }
  applied.length = 0;
  for (let i = 0; i < 10; i += 1) await sender.send('ids', apply, { version: String(i) });
  expect(applied).toHaveLength(10);
});

test('ABUSE 35: oversized requests to services and instruments are refused, and nobody else notices', async () => {
  const large = JSON.stringify('x'.repeat(BUS_LIMITS.serviceBytes.request));
  const asked = await attacker.request('platform.evil.echo', large, { timeout: 5_000 });
  expect(asked.json()).toMatchObject({ ok: false, code: 'BUS_PAYLOAD_TOO_LARGE' });
  const sent = await attacker.request('message.ids.evil.ruleset.test', JSON.stringify('x'.repeat(300_000)), {
    timeout: 5_000,
  });
  expect(sent.json()).toMatchObject({ ok: false, code: 'BUS_PAYLOAD_TOO_LARGE' });
  const wire = await openWire(bench, 'evil');
  wire.send(`PUB platform.evil.echo _INBOX.evil.1 ${String(BUS_LIMITS.messageBytes + 1)}\r\n`);
  await wire.closed;
  expect(wire.received()).toContain('Maximum Payload Violation');
  expect(await sender.send('ids', apply, { version: '3' })).toEqual({ by: 'manager' });
});

test('ABUSE 37: floods of requests to services and of commands are capped; others are answered', async () => {
  const flood = await openWire(bench, 'evil');
  const lines = Array.from(
    { length: 20_000 },
    (_, i) =>
      `PUB platform.evil.echo _INBOX.evil.f 2\r\n{}\r\nPUB message.ids.evil.ruleset.test _INBOX.evil.${String(i)} 2\r\n{}\r\n`,
  );
  echoed.length = 0;
  flood.send(lines.join(''));
  const answered = await Promise.all([
    sender.ask('deliver', {}, { timeoutMs: 20_000 }),
    sender.send('ids', apply, { version: '4' }, { timeoutMs: 20_000 }),
    bench.bus.request('ids', 'health', {}, 20_000),
  ]);
  expect(answered[1]).toEqual({ by: 'manager' });
  // Far from all were worked on: the platform did not listen any more.
  expect(echoed.length).toBeLessThan(2_000);
  flood.socket.destroy();
});

test('ABUSE 33: a service and a command that were taken away end within a second', async () => {
  const started = performance.now();
  await bench.bus.ensure({ ...model, instruments: [ids, { ...manager, send: [], services: [] }, evil] });
  [applied.length, delivered.length] = [0, 0];
  await expect(sender.send('ids', apply, { version: '5' })).rejects.toMatchObject({
    code: 'BUS_NOT_PERMITTED',
  });
  await expect(sender.ask('deliver', {})).rejects.toMatchObject({ code: 'BUS_NOT_PERMITTED' });
  expect(performance.now() - started).toBeLessThan(3_000);
  expect([applied, delivered]).toEqual([[], []]);
});

test('ABUSE 39: the key of a deleted instrument commands nobody and asks nothing, and its attempts are shown', async () => {
  const { seed } = bench.bus.identity('manager');
  await bench.bus.ensure({ ...model, instruments: [ids, evil] });
  const withOldKey = (): Promise<NatsConnection> =>
    connect({
      servers: `127.0.0.1:${String(bench.site.natsPort)}`,
      authenticator: nkeyAuthenticator(Buffer.from(seed)),
      reconnect: false,
      timeout: 3_000,
    });
  await expect(withOldKey()).rejects.toThrow(/Authorization/i);
  await bench.bus.ensure(model);
  await expect(withOldKey()).rejects.toThrow(/Authorization/i);
  await waitFor('the attempts', 10_000, () =>
    bench.bus.traffic
      .refused()
      .some(
        ({ instrument, reason, count }) =>
          instrument === 'manager' && reason === 'key not valid any more' && count >= 2,
      ),
  );
});
