import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectAsInstrument } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const ids = busInstrument('ids', { accept: ['ruleset.apply'] });
const manager = busInstrument('manager', {
  publish: ['status'],
  services: ['deliver'],
  send: [{ to: 'ids', command: 'ruleset.apply' }],
});
const other = busInstrument('other', { publish: ['alert'] });
const model = busModel([ids, manager, other]);
let bench: BusBench;
beforeAll(async () => {
  bench = await openBusBench('brl');
  bench.bus.serve('deliver', () => sleep(600, 'delivered'));
  await bench.bus.ensure(model);
});
afterAll(async () => {
  await bench.dispose();
});

test("requests at work while another's rights change are answered; nothing that is published has to be sent again", async () => {
  const recipient = await bench.instrument(model, 'ids');
  recipient.handle('ruleset.apply', () => sleep(600, 'applied'));
  const sender = await bench.instrument(model, 'manager');
  for (const publish of [[], ['alert'], ['alert', 'dns']]) {
    const answers = Promise.all([
      sender.send('ids', 'ruleset.apply', {}),
      sender.ask('deliver', {}),
      bench.bus.send('ids', 'ruleset.apply', {}, 10_000),
    ]);
    let changed = false;
    const publishing = (async () => {
      while (!changed) await sender.publish('status', {});
    })();
    await sleep(50);
    await bench.bus.ensure({ ...model, instruments: [ids, manager, { ...other, publish }] });
    changed = true;
    await publishing;
    expect(await answers).toEqual(['applied', 'delivered', { ok: true, result: 'applied' }]);
  }
  expect(sender.counters()).toMatchObject({ resent: 0, refused: 0 });
});

test('an answer goes to whoever asked, once, and to nobody who did not', async () => {
  const [asked, stranger] = [
    await connectAsInstrument(bench, 'ids'),
    await connectAsInstrument(bench, 'other'),
  ];
  const sender = await connectAsInstrument(bench, 'manager');
  const got: string[] = [];
  sender.subscribe('_INBOX.manager.one', { callback: (_, message) => void got.push(message.string()) });
  let answers = '';
  asked.subscribe('message.ids.>', {
    callback: (_, message) => {
      answers = message.reply ?? '';
    },
  });
  await asked.flush();
  sender.publish('message.ids.manager.ruleset.apply', '{}', { reply: '_INBOX.manager.one' });
  await sender.flush();
  await sleep(200);
  expect(answers).toMatch(/^_R_\./);
  // Somebody else who knew the subject could not use it: it exists in the account of the recipient alone.
  stranger.publish(answers, 'forged');
  await stranger.flush();
  for (const text of ['first', 'second']) asked.publish(answers, text);
  await asked.flush();
  await sleep(200);
  expect(got).toEqual(['first']);
  await Promise.all([asked, stranger, sender].map((connection) => connection.close()));
});
