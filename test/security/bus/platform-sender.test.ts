import { headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Instrument } from '@bulkhead/sdk';
import { connectAsInstrument, subscriptionRefusal } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

// `evil` may send to the victim under its own name, and is in the hands of an attacker who has its key.
const model = busModel([
  busInstrument('victim', { accept: ['data.purge'] }),
  busInstrument('evil', { send: [{ to: 'victim', command: 'data.purge' }], accept: ['data.purge'] }),
]);
let bench: BusBench;
let victim: Instrument;
let evil: NatsConnection;
const senders: string[] = [];

beforeAll(async () => {
  bench = await openBusBench('bps');
  await bench.bus.ensure(model);
  victim = await bench.instrument(model, 'victim');
  victim.handle('data.purge', (_, from) => senders.push(from));
  evil = await connectAsInstrument(bench, 'evil');
});
afterAll(async () => {
  await evil.close();
  await bench.dispose();
});

test('ABUSE 34: no instrument can send a command as the platform, by subject, reply subject or header', async () => {
  const forged = headers();
  forged.set('Nats-Request-Info', '{"acc":"PLAT"}');
  forged.set('ce-source', '/sensor/lab/instrument/platform');
  const subject = 'message.victim.platform.data.purge';
  await expect(evil.request(subject, '{}', { timeout: 1_000 })).rejects.toThrow(/permission/i);
  evil.publish(subject, '{}', { headers: forged });
  evil.publish('control.victim.stop', '{}');
  // The platform's command comes in with a reply subject; an answer to another subject must not go out either.
  evil.publish('message.victim.evil.data.purge', '{}', { reply: subject, headers: forged });
  await evil.flush();
  expect(await bench.bus.send('victim', 'data.purge', {}, 5_000)).toMatchObject({ ok: true });
  expect(senders.filter((from) => from === 'platform')).toHaveLength(1);
  expect(senders.every((from) => from === 'platform' || from === 'evil')).toBe(true);
});

test('what the platform sends to one instrument, and its answers, are seen by no other', async () => {
  for (const subject of ['message.victim.platform.>', 'message.*.platform.>', '_INBOX.>', '_R_.>']) {
    expect(await subscriptionRefusal(evil, subject), subject).toBeInstanceOf(Error);
  }
});

test('nobody can be called platform', async () => {
  await expect(bench.bus.ensure(busModel([busInstrument('platform')]))).rejects.toMatchObject({
    code: 'BUS_MODEL_INVALID',
  });
});
