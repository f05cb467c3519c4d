import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLog, waitFor } from '@bulkhead/platform/kernel';
import { instrumentSource } from '@bulkhead/platform/data';
import { RightsNotices } from '@bulkhead/platform/sensord';
import { parseInstrumentFile } from '@bulkhead/sdk';
import { openWire, type WireSession } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

// Every example of the text is sent and compared word for word; `…` in what is received stands for anything.
const page = readFileSync(new URL('../../../instruments/PROTOCOL.md', import.meta.url), 'utf8');
const examples = new Map(
  [...page.matchAll(/^Example: ([a-z ]+)\n\n```\w+\n([\s\S]*?)```/gm)].map((match) => [
    match[1] ?? '',
    match[2] ?? '',
  ]),
);

const model = busModel([
  busInstrument('suricata', {
    publish: ['alert'],
    read: [{ from: 'suricata', type: 'alert' }],
    send: [{ to: 'rule-manager', command: 'ruleset.fetch' }],
    accept: ['ruleset.apply'],
    services: ['deliver'],
  }),
  busInstrument('rule-manager', {
    send: [{ to: 'suricata', command: 'ruleset.apply' }],
    accept: ['ruleset.fetch'],
  }),
]);

let bench: BusBench;
let suricata: WireSession;
beforeAll(async () => {
  bench = await openBusBench();
  await bench.bus.ensure(model);
  suricata = await openWire(bench, 'suricata');
});
afterAll(async () => {
  suricata.socket.destroy();
  await bench.dispose();
});

test('the example of instrument.json is what the sdk takes, and what the sensor writes', async () => {
  const written = JSON.parse(
    readFileSync(await bench.writeInstrumentFile(model, 'suricata'), 'utf8'),
  ) as Record<string, unknown>;
  const example = parseInstrumentFile(examples.get('instrument') ?? '', 'PROTOCOL.md');
  expect(Object.keys(example).sort()).toEqual(Object.keys(written).sort());
  for (const right of ['publish', 'read', 'send', 'accept', 'services'] as const)
    expect(example[right]).toEqual(written[right]);
});

test('publish: two records are stored and acknowledged; a repetition is recognised', async () => {
  send(suricata, 'publish');
  await receive(suricata, 'acknowledged');
  send(suricata, 'publish');
  await waitFor('the repetition', 3_000, () => /"duplicate": ?true/.test(suricata.received()));
  expect((await bench.bus.streams()).find(({ instrument }) => instrument === 'suricata')).toMatchObject({
    messages: 1,
  });
});

test('read: a pull delivers the message with a reply subject that acknowledges it', async () => {
  send(suricata, 'read');
  await receive(suricata, 'delivered');
  const reply = /(\$JS\.ACK\.S_suricata\.suricata__alert\.\S+)/.exec(suricata.received())?.[1] ?? '';
  suricata.send(`PUB ${reply} 4\r\n+ACK\r\n`);
  await waitFor('the acknowledgement', 3_000, async () => {
    const state = (await bench.bus.streams()).find(({ instrument }) => instrument === 'suricata');
    return state?.readers[0]?.unacknowledged === 0 && state.readers[0].pending === 0;
  });
});

test('commands and control: received with a reply subject of the server, answered once', async () => {
  suricata.send('SUB message.suricata.> 2\r\nSUB control.suricata.> 3\r\nPING\r\n');
  await waitFor('the subscriptions', 3_000, () => suricata.received().endsWith('PONG\r\n'));
  const manager = await openWire(bench, 'rule-manager');
  manager.send('SUB _INBOX.rule-manager.> 1\r\n');
  send(manager, 'command');
  await receive(suricata, 'command received');
  answer(suricata, 2, '{"ok":true,"result":1}');
  await waitFor('the reply', 3_000, () => manager.received().includes('{"ok":true,"result":1}'));
  manager.socket.destroy();

  const asked = bench.bus.request('suricata', 'health', {}, 3_000);
  await receive(suricata, 'health');
  answer(suricata, 3, '{"state":"ok"}');
  expect(await asked).toEqual({ state: 'ok' });
});

test('rights that change: told as on the page, and the answer on the page is taken', async () => {
  const notices = new RightsNotices({ log: openLog('rights', 'silent'), bus: bench.bus });
  const rights = { publish: ['alert', 'dns'], read: [], send: [], accept: ['ruleset.apply'], services: [] };
  notices.tell('suricata', rights);
  await receive(suricata, 'rights');
  answer(suricata, 3, JSON.stringify(JSON.parse(examples.get('rights answered') ?? '')));
  expect(await notices.effect('suricata', 5_000)).toEqual({ state: 'taken' });
  notices.tell('suricata', rights);
  await waitFor(
    'the second notice',
    5_000,
    () => suricata.received().split('control.suricata.rights').length === 3,
  );
  answer(suricata, 3, '{"ok":false,"code":"BUS_UNKNOWN_COMMAND","message":"no"}');
  expect(await notices.effect('suricata', 5_000)).toMatchObject({ state: 'restart' });
});

test('what an instrument keeps: asked as on the page, and the answers on the page are taken', async () => {
  const source = instrumentSource({
    name: 'suricata',
    running: true,
    volume: undefined,
    readers: [],
    goesTo: [],
    request: (command, payload, timeoutMs) => bench.bus.request('suricata', command, payload, timeoutMs),
  });
  const { signal } = new AbortController();
  const subject = { address: '10.0.0.7' };
  const asked = async <T>(name: string, ask: () => Promise<T> | undefined): Promise<T | undefined> => {
    const answered = ask();
    await receive(suricata, name);
    answer(suricata, 3, JSON.stringify(JSON.parse(examples.get(`${name} answered`) ?? '')));
    return answered;
  };
  expect(await asked('retention', () => source.copies(signal))).toMatchObject([
    { copy: 'instrument/suricata/observations', declared: { records: 120 }, policy: { days: 90 } },
  ]);
  expect(await asked('data find', () => source.find?.(subject, signal))).toMatchObject([
    { copy: 'instrument/suricata/observations', records: 3 },
  ]);
  expect(await asked('data purge', () => source.purge?.(subject, '3f9c1a52-purge', signal))).toMatchObject([
    { deleted: 3 },
  ]);
  await asked('data hold', () => source.hold?.(subject, true, signal));
});

test('a service of the platform is asked and answers', async () => {
  bench.bus.serve('deliver', (_, payload) => Promise.resolve(payload));
  await bench.bus.ensure(model);
  send(suricata, 'service');
  await receive(suricata, 'service answered');
});

test('what is not a right is answered by an error that names the subject', async () => {
  suricata.send('PUB event.suricata.dns 2\r\n{}\r\nSUB event.> 9\r\n');
  await waitFor('both errors', 3_000, () =>
    /Publish to "event\.suricata\.dns"[\s\S]*Subscription to "event\.>"/.test(suricata.received()),
  );
});

/** Sends an example as it stands: control lines, and a payload of exactly the bytes that its control line says. */
function send(session: WireSession, name: string): void {
  let rest = examples.get(name) ?? '';
  expect(rest, `example ${name}`).not.toBe('');
  while (rest !== '') {
    const line = rest.slice(0, rest.indexOf('\n'));
    rest = rest.slice(line.length + 1);
    session.send(`${line}\r\n`);
    if (!/^H?PUB /.test(line)) continue;
    const [size = 0, head = 0] = line.split(' ').slice(-2).reverse().map(Number);
    if (line.startsWith('HPUB ')) {
      // Header lines end with CR LF on the wire; their block ends with an empty line.
      const end = rest.indexOf('\n\n') + 2;
      const header = rest.slice(0, end).replaceAll('\n', '\r\n');
      expect(header.length, 'bytes of the header').toBe(head);
      session.send(header);
      rest = rest.slice(end);
    }
    const bytes = line.startsWith('HPUB ') ? size - head : size;
    session.send(`${rest.slice(0, bytes)}\r\n`);
    rest = rest.slice(bytes).replace(/^\n/, '');
  }
}

/** Waits for something that looks like an example. */
async function receive(session: WireSession, name: string): Promise<void> {
  const example = examples.get(name) ?? '';
  expect(example, `example ${name}`).not.toBe('');
  const pattern = example
    .trimEnd()
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^\\n]*?')
    .replaceAll('\n', '\\r?\\n');
  await waitFor(`${name}, in ${session.received().slice(-600)}`, 5_000, () =>
    new RegExp(pattern).test(session.received()),
  );
}

function answer(session: WireSession, subscription: number, reply: string): void {
  const requests = session
    .received()
    .matchAll(new RegExp(`MSG \\S+ ${String(subscription)} (_R_\\.\\S+) `, 'g'));
  const subject = [...requests].at(-1)?.[1] ?? '';
  session.send(`PUB ${subject} ${String(reply.length)}\r\n${reply}\r\n`);
}
