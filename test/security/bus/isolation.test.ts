import { headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { consumerName, streamName, type StreamState } from '@bulkhead/platform/bus';
import { decodeMessage } from '@bulkhead/platform/events';
import type { Instrument } from '@bulkhead/sdk';
import { connectAsInstrument, subscriptionRefusal } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

// `evil` has every kind of right that an instrument can have, and is in the hands of an attacker who has its key.
const model = busModel([
  busInstrument('suricata', { publish: ['alert'], accept: ['ruleset.apply'] }),
  busInstrument('rule-manager', { send: [{ to: 'suricata', command: 'ruleset.apply' }] }),
  busInstrument('reader', { read: [{ from: 'suricata', type: 'alert' }] }),
  busInstrument('evil', {
    publish: ['noise'],
    read: [{ from: 'suricata', type: 'alert' }],
    send: [{ to: 'reader', command: 'ping' }],
    accept: ['ping'],
  }),
]);
const VICTIM = streamName('suricata');
const OWN_CONSUMER = consumerName('evil', 'alert');
const PULL = `$JS.platform.API.CONSUMER.MSG.NEXT.${VICTIM}.${OWN_CONSUMER}`;
const INFO = `$JS.platform.API.CONSUMER.INFO.${VICTIM}.${OWN_CONSUMER}`;

let bench: BusBench;
let suricata: Instrument;
let evil: NatsConnection;
const calls: string[] = [];

beforeAll(async () => {
  bench = await openBusBench();
  await bench.bus.ensure(model);
  suricata = await bench.instrument(model, 'suricata');
  suricata.handle('ruleset.apply', (_, from) => calls.push(`ruleset.apply from ${from}`));
  suricata.onConfigure(() => {
    calls.push('configure');
    return { ok: true };
  });
  evil = await connectAsInstrument(bench, 'evil');
});
afterAll(async () => {
  await evil.close();
  await bench.dispose();
});

test('ABUSE 29: subscriptions to everything, $SYS, $JS, _INBOX and the subjects of others are refused', async () => {
  const wanted = ['>', '*', '*.>', '$SYS.>', '$JS.>', '$JS.ACK.>', '_INBOX.>', '_INBOX.*', '_R_.>'];
  const others = [
    'event.>',
    'event.suricata.alert',
    'control.>',
    'control.suricata.>',
    'message.>',
    'message.reader.>',
  ];
  for (const subject of [...wanted, ...others]) {
    expect(await subscriptionRefusal(evil, subject), subject).toMatchObject({
      operation: 'subscription',
      subject,
    });
    expect(
      await subscriptionRefusal(evil, subject, 'workers'),
      `${subject} with a queue group`,
    ).toBeInstanceOf(Error);
  }
  expect(await subscriptionRefusal(evil, 'control.evil.>')).toBeUndefined();
});

test("ABUSE 30: another instrument's inbox cannot be read, under any prefix", async () => {
  const seen: string[] = [];
  for (const subject of [
    '_INBOX.>',
    '_INBOX.suricata.>',
    '_INBOX.suricata.*',
    '_INBOX.rule-manager.>',
    '_INBOX.*.>',
  ]) {
    expect(await subscriptionRefusal(evil, subject), subject).toBeInstanceOf(Error);
  }
  evil.subscribe('_INBOX.evil.>', { callback: (_, message) => void seen.push(message.subject) });
  const ruleManager = await bench.instrument(model, 'rule-manager');
  await suricata.publish('alert', { secret: true });
  expect(await ruleManager.send('suricata', 'ruleset.apply', {})).toBe(1);
  await bench.bus.request('suricata', 'health', {}, 2_000);
  await evil.flush();
  expect(seen).toEqual([]);
  // Who uses the default prefix gets no inbox at all, instead of one that others could guess.
  const careless = await connectAsInstrument(bench, 'rule-manager', { inboxPrefix: '_INBOX' });
  await expect(careless.request('message.suricata.rule-manager.ruleset.apply', '{}')).rejects.toThrow(
    /Permissions Violation/,
  );
  await careless.flush();
  await careless.close();
});

test('ABUSE 31: a reply subject makes nobody act for the attacker: publish acknowledgement, pull, consumer state, next-after-ack', async () => {
  await bench.bus.request('suricata', 'health', {}, 2_000);
  calls.length = 0;
  const before = await protectedState();
  const targets = [
    'control.suricata.configure',
    'control.suricata.stop',
    'message.suricata.rule-manager.ruleset.apply',
    'message.suricata.evil.ruleset.apply',
    'event.suricata.alert',
    'event.platform.sensor.stopping',
    `$JS.API.STREAM.PURGE.${VICTIM}`,
    `$JS.API.STREAM.DELETE.${VICTIM}`,
    `$JS.API.STREAM.PURGE.${streamName('evil')}`,
    `$JS.API.CONSUMER.DELETE.${VICTIM}.${consumerName('reader', 'alert')}`,
    `$JS.ACK.${VICTIM}.${consumerName('reader', 'alert')}.1.1.1.1.1`,
    '$SYS.REQ.SERVER.PING',
    `$SYS.REQ.SERVER.${evil.info?.server_id ?? ''}.RELOAD`,
    '_INBOX.suricata.x',
    '_R_.x.y',
  ];
  for (const reply of targets) {
    const trace = headers();
    // Message tracing publishes to a subject of the sender's choice, too.
    trace.set('Nats-Trace-Dest', reply);
    evil.publish('event.evil.noise', '{"a":1}\n', { reply });
    evil.publish('event.evil.noise', '{"a":2}\n', { reply: '_INBOX.evil.x', headers: trace });
    evil.publish(PULL, JSON.stringify({ batch: 5, expires: 300_000_000 }), { reply });
    evil.publish(INFO, '', { reply });
    evil.publish(`$JS.ACK.${VICTIM}.${OWN_CONSUMER}.1.1.1.1.1`, '+NXT {"batch":2,"no_wait":true}', { reply });
    evil.publish('message.reader.evil.ping', '{}', { reply });
  }
  await evil.flush();
  await new Promise((resolve) => setTimeout(resolve, 800));
  expect(calls).toEqual([]);
  expect(await protectedState()).toEqual(before);
  expect((await suricata.publish('alert', { after: true }), suricata.stopping.aborted)).toBe(false);
});

test('ABUSE 32: the JetStream API is closed: no delete, purge, restore, snapshot, consumer, direct read; on no stream', async () => {
  const before = await protectedState();
  const reader = await connectAsInstrument(bench, 'reader');
  const consumer = consumerName('reader', 'alert');
  const streams = [VICTIM, streamName('evil'), streamName('platform')];
  const requests = streams.flatMap((stream) => [
    ...['DELETE', 'PURGE', 'INFO', 'UPDATE', 'CREATE', 'SNAPSHOT', 'RESTORE'].map(
      (verb) => `STREAM.${verb}.${stream}`,
    ),
    ...['GET', 'DELETE'].map((verb) => `STREAM.MSG.${verb}.${stream}`),
    ...[`CONSUMER.CREATE.${stream}`, `CONSUMER.CREATE.${stream}.x`, `CONSUMER.DURABLE.CREATE.${stream}.x`],
    ...[`CONSUMER.LIST.${stream}`, `CONSUMER.NAMES.${stream}`, `CONSUMER.DELETE.${stream}.${consumer}`],
    ...[
      `CONSUMER.INFO.${stream}.${consumer}`,
      `CONSUMER.MSG.NEXT.${stream}.${consumer}`,
      `DIRECT.GET.${stream}`,
    ],
  ]);
  const subjects = [
    ...requests,
    'INFO',
    'STREAM.LIST',
    'STREAM.NAMES',
    'ACCOUNT.INFO',
    'META.LEADER.STEPDOWN',
  ];
  for (const subject of subjects) {
    for (const prefix of ['$JS.API', '$JS.platform.API']) {
      const asked = evil.request(`${prefix}.${subject}`, '{}', { timeout: 1_000 });
      await expect(asked, `${prefix}.${subject}`).rejects.toThrow(/Permissions Violation/);
    }
  }
  // A reader cannot change even the consumer that is its own.
  for (const subject of [
    `$JS.API.CONSUMER.DELETE.${VICTIM}.${consumer}`,
    `$JS.platform.API.CONSUMER.DELETE.${VICTIM}.${consumer}`,
  ]) {
    await expect(reader.request(subject, '', { timeout: 1_000 })).rejects.toThrow(/Permissions Violation/);
  }
  await reader.close();
  expect(await protectedState()).toEqual(before);
});

test('ABUSE 34: a forged sender is ignored, a duplicate id erases nothing of others, and nobody evicts the events of others', async () => {
  await expect(evil.request('event.suricata.alert', '{"forged":1}')).rejects.toThrow(/Permissions Violation/);
  await expect(evil.request('message.suricata.rule-manager.ruleset.apply', '{}')).rejects.toThrow(
    /Permissions Violation/,
  );
  const before = await protectedState();
  const forged = headers();
  forged.set('ce-source', '/sensor/lab/instrument/suricata');
  forged.set('ce-type', 'alert');
  forged.set('ce-id', 'chosen-1');
  forged.set('Nats-Msg-Id', 'chosen-1');
  expect(
    (await evil.request('event.evil.noise', '{"forged":2}\n', { timeout: 5_000, headers: forged })).json(),
  ).toMatchObject({ stream: 'S_evil' });
  // The same id, used first by the attacker: the victim's event is stored nonetheless.
  const victim = await connectAsInstrument(bench, 'suricata');
  const own = headers();
  own.set('ce-id', 'chosen-1');
  own.set('Nats-Msg-Id', 'chosen-1');
  const stored = (
    await victim.request('event.suricata.alert', '{"real":1}\n', { timeout: 5_000, headers: own })
  ).json<{
    seq: number;
    duplicate?: boolean;
  }>();
  expect(stored.duplicate).toBeUndefined();
  await victim.close();
  const rollup = headers();
  rollup.set('Nats-Rollup', 'all');
  expect(
    (await evil.request('event.evil.noise', '{}\n', { timeout: 5_000, headers: rollup })).json(),
  ).toMatchObject({
    error: { description: 'rollup not permitted' },
  });
  // The attacker's own stream is full, and only that one.
  const body = Buffer.alloc(900_000, '{');
  let full: unknown;
  for (let i = 0; i < 40 && full === undefined; i += 1)
    full = (await evil.request('event.evil.noise', body)).json<{ error?: unknown }>().error;
  expect(full).toMatchObject({ description: 'maximum bytes exceeded' });
  await suricata.publish('alert', { still: true });
  const after = await protectedState();
  expect(after.suricata?.messages).toBe((before.suricata?.messages ?? 0) + 2);
  expect(after.suricata?.firstSequence).toBe(1);
  const [event] = await readOne('evil', 'chosen-1');
  expect(event).toMatchObject({ instrument: 'evil', type: 'noise', record: { forged: 2 } });
});

/** What must not change by anything that `evil` does. */
async function protectedState(): Promise<
  Record<string, Pick<StreamState, 'messages' | 'firstSequence' | 'readers'> | undefined>
> {
  const states = await bench.bus.streams();
  const pick = (instrument: string) => {
    const state = states.find((other) => other.instrument === instrument);
    if (state === undefined) return undefined;
    const readers = state.readers.filter((reader) => reader.consumer !== OWN_CONSUMER);
    return {
      messages: state.messages,
      firstSequence: state.firstSequence,
      readers: readers.map((reader) => ({ ...reader, pending: 0 })),
    };
  };
  return {
    suricata: pick('suricata'),
    platform: pick('platform'),
    streams: { messages: states.length, firstSequence: 0, readers: [] },
  };
}

async function readOne(instrument: string, id: string) {
  const stop = new AbortController();
  const events: ReturnType<typeof decodeMessage>['events'] = [];
  const feed = await bench.bus.subscribeEvents(
    { instrument, start: 'beginning' },
    (message) =>
      void events.push(...decodeMessage(message).events.filter((event) => event.id.startsWith(id))),
    stop.signal,
  );
  await feed.caughtUp;
  stop.abort();
  return events;
}
