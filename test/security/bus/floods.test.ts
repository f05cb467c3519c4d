import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { BUS_LIMITS, consumerName, streamName } from '@bulkhead/platform/bus';
import type { Instrument } from '@bulkhead/sdk';
import { connectAsInstrument, openWire, residentMib } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const model = busModel(
  [
    busInstrument('suricata', { publish: ['alert', 'big'] }),
    busInstrument('reader', { read: [{ from: 'suricata', type: 'alert' }] }),
    busInstrument('evil', { publish: ['noise'], read: [{ from: 'suricata', type: 'big' }] }),
  ],
  { streamMib: 128 },
);
let bench: BusBench;
let suricata: Instrument;
let n = 0;
const read = new Set<number>();

beforeAll(async () => {
  bench = await openBusBench();
  await bench.bus.ensure(model);
  suricata = await bench.instrument(model, 'suricata');
  const reader = await bench.instrument(model, 'reader');
  reader.subscribe('suricata', 'alert', (event) => void read.add(event.record['n'] as number));
});
afterAll(async () => {
  await bench.dispose();
});

/** Publishes and reads beside an attack; returns the slowest acknowledgement in ms. Fails when anything gets lost. */
async function neighboursGoOn(during: () => Promise<void>): Promise<number> {
  const pid = bench.bus.serverPid();
  let over = false;
  let slowestMs = 0;
  const publishing = (async () => {
    while (!over) {
      n += 1;
      const started = performance.now();
      await suricata.publish('alert', { n });
      slowestMs = Math.max(slowestMs, performance.now() - started);
    }
  })();
  try {
    await during();
  } finally {
    over = true;
    await publishing;
  }
  await waitFor('the reader', 10_000, () => read.size === n);
  expect(suricata.counters()).toMatchObject({ refused: 0, rejected: 0, resent: 0 });
  expect(bench.bus.serverPid()).toBe(pid);
  return slowestMs;
}

test('ABUSE 35: oversized payload, headers and control line are refused, and the connection ends', async () => {
  await neighboursGoOn(async () => {
    const large = BUS_LIMITS.messageBytes + 1;
    const payload = await openWire(bench, 'evil');
    payload.send(`PUB event.evil.noise ${String(large)}\r\n`);
    await payload.closed;
    expect(payload.received()).toContain('Maximum Payload Violation');

    const header = await openWire(bench, 'evil');
    header.send(`HPUB event.evil.noise ${String(large)} ${String(large + 5)}\r\n`);
    await header.closed;
    expect(header.received()).toMatch(/Maximum Payload Violation|Parser Error/);

    const line = await openWire(bench, 'evil');
    line.send(`PUB ${'a'.repeat(BUS_LIMITS.controlLineBytes + 200)} 1\r\nx\r\n`);
    await line.closed;
    expect(line.received()).toMatch(/Maximum Control Line Exceeded/i);

    const before = await openWire(bench);
    before.send(`CONNECT {"name":"${'a'.repeat(2 * BUS_LIMITS.messageBytes)}"}\r\n`);
    await before.closed;
  });
});

test('ABUSE 36: a consumer that reads too slowly is cut; others lose nothing', async () => {
  await neighboursGoOn(async () => {
    const line = Buffer.from(`{"fill":"${randomBytes(250_000).toString('hex')}"}`);
    for (let i = 0; i < 80; i += 1) await suricata.publishRaw('big', line);
    const slow = await openWire(bench, 'evil');
    slow.send('SUB _INBOX.evil.s 1\r\n');
    slow.socket.pause();
    const pull = `$JS.platform.API.CONSUMER.MSG.NEXT.${streamName('suricata')}.${consumerName('evil', 'big')}`;
    const body = JSON.stringify({ batch: BUS_LIMITS.pullMessages, expires: 20_000_000_000 });
    for (let i = 0; i < 2; i += 1)
      slow.send(`PUB ${pull} _INBOX.evil.s ${String(body.length)}\r\n${body}\r\n`);
    await sleep(6_500);
    const resumed = waitFor('the cut', 10_000, () => slow.isClosed());
    slow.socket.resume();
    await resumed;
  });
});

test('ABUSE 37: floods of subscriptions, of connections and of reconnections are capped', async () => {
  const server = bench.bus.serverPid() ?? 0;
  const slowestMs = await neighboursGoOn(async () => {
    const subscriber = await openWire(bench, 'evil');
    const subscriptions = Array.from(
      { length: 5_000 },
      (_, i) => `SUB _INBOX.evil.${String(i)} ${String(i + 1)}\r\n`,
    );
    subscriber.send(subscriptions.join(''));
    await waitFor('the refusal', 5_000, () => /maximum subscriptions exceeded/i.test(subscriber.received()));
    subscriber.socket.destroy();

    await sleep(200);
    const held = await Promise.all([connectAsInstrument(bench, 'evil'), connectAsInstrument(bench, 'evil')]);
    for (let i = 0; i < 50; i += 1) {
      const third = await openWire(bench, 'evil');
      await third.closed;
      expect(third.received()).toMatch(/maximum account active connections exceeded/i);
    }
    await Promise.all(held.map((connection) => connection.close()));

    // Nobody keeps a connection that has not authenticated.
    const silent = await Promise.all(Array.from({ length: 400 }, () => openWire(bench)));
    await waitFor('the end of silent connections', 6_000, () =>
      silent.every((session) => session.isClosed()),
    );

    for (let round = 0; round < 10; round += 1) {
      const connections = await Promise.all(
        Array.from({ length: 2 }, () => connectAsInstrument(bench, 'evil')),
      );
      await Promise.all(connections.map((connection) => connection.close()));
    }
  });
  expect(slowestMs).toBeLessThan(5_000);
  expect(await residentMib(server)).toBeLessThan(512);
});

test('ABUSE 38: garbage protocol bytes end that connection and nothing else', async () => {
  await neighboursGoOn(async () => {
    const verbs = [
      'PUB',
      'HPUB',
      'SUB',
      'UNSUB',
      'MSG',
      'HMSG',
      'RMSG',
      'LMSG',
      'A+',
      'A-',
      'LS+',
      'RS+',
      'INFO',
      'CONNECT',
      '+OK',
      '-ERR',
      'PING',
    ];
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      fc
        .tuple(fc.constantFrom(...verbs), fc.string({ maxLength: 60 }), fc.integer())
        .map(([verb, text, size]) => `${verb} ${text} ${String(size)}\r\n`),
      fc.constantFrom(
        'PUB event.evil.noise -1\r\n',
        'PUB event.evil.noise 99999999999999999999\r\n',
        'HPUB a 9 3\r\nNATS\r\n',
        'CONNECT {"nkey":1}\r\n',
        `CONNECT ${'['.repeat(2_000)}\r\n`,
        '\r\n\r\n',
        '\u0000',
      ),
    );
    for (const name of [undefined, 'evil']) {
      await fc.assert(
        fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 12 }), async (pieces) => {
          const session = await openWire(bench, name);
          session.send(Buffer.from(pieces.join(''), 'latin1'));
          await Promise.race([session.closed, sleep(15)]);
          session.socket.destroy();
          await session.closed;
        }),
        { numRuns: 150, seed: 20_261_120 },
      );
    }
  });
});
