import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileAccounts, parseBusModel, type BusModel } from '@bulkhead/platform/bus';
import { busInstrument, busModel } from '../../support/nats.ts';

const keysFor = (model: BusModel) => ({
  system: 'USYSTEM',
  platform: 'UPLATFORM',
  instruments: Object.fromEntries(model.instruments.map(({ name }) => [name, `U${name.toUpperCase()}`])),
});
const compile = (model: BusModel): string => compileAccounts(model, keysFor(model));

/** The lines of one account's block. */
function account(text: string, name: string): string {
  return text.slice(text.indexOf(`  "${name}" {`)).split('\n  }')[0] ?? '';
}

test('an instrument without rights can publish nothing but answers, and gets nothing from anybody', () => {
  const text = compile(busModel([busInstrument('idle')]));
  const idle = account(text, 'I_idle');
  expect(idle).toContain('publish: { allow: ["_R_.>"] }');
  expect(idle).toContain('subscribe: { allow: ["_INBOX.idle.>", "control.idle.>", "message.idle.>"] }');
  expect(idle).not.toContain('imports');
  expect(account(text, 'PLAT')).not.toContain('exports');
});

const suricata = busInstrument('suricata', { publish: ['alert', 'dns.answer'], accept: ['ruleset.apply'] });

test.each([
  {
    right: 'publish: each type by itself, exported to that account only',
    instruments: [suricata],
    plat: [
      '{ service: "event.suricata.alert", response_threshold: "30s", accounts: ["I_suricata"] }',
      '{ service: "event.suricata.dns.answer", response_threshold: "30s", accounts: ["I_suricata"] }',
    ],
    other: [
      '{ service: { account: "PLAT", subject: "event.suricata.alert" } }',
      'allow: ["event.suricata.alert", "event.suricata.dns.answer", "_R_.>"]',
    ],
    name: 'suricata',
  },
  {
    right: 'read: pull, consumer state and acknowledgement of one consumer',
    instruments: [
      suricata,
      busInstrument('passive-dns', { read: [{ from: 'suricata', type: 'dns.answer' }] }),
    ],
    plat: [
      '{ service: "$JS.API.CONSUMER.MSG.NEXT.S_suricata.passive-dns__dns_answer", response_type: stream, response_threshold: "25s", accounts: ["I_passive-dns"] }',
      '{ service: "$JS.API.CONSUMER.INFO.S_suricata.passive-dns__dns_answer", response_threshold: "10s", accounts: ["I_passive-dns"] }',
      '{ service: "$JS.ACK.S_suricata.passive-dns__dns_answer.>", response_threshold: "10s", accounts: ["I_passive-dns"] }',
    ],
    other: [
      '{ service: { account: "PLAT", subject: "$JS.API.CONSUMER.MSG.NEXT.S_suricata.passive-dns__dns_answer" }, to: "$JS.platform.API.CONSUMER.MSG.NEXT.S_suricata.passive-dns__dns_answer" }',
    ],
    name: 'passive-dns',
  },
  {
    right: 'send: from one account to one account, with the sender in the subject',
    instruments: [
      suricata,
      busInstrument('rule-manager', { send: [{ to: 'suricata', command: 'ruleset.apply' }] }),
    ],
    plat: ['{ service: { account: "I_suricata", subject: "control.suricata.>" } }'],
    other: ['{ service: { account: "I_suricata", subject: "message.suricata.rule-manager.ruleset.apply" } }'],
    name: 'rule-manager',
  },
])('$right', ({ instruments, plat, other, name }) => {
  const text = compile(busModel(instruments));
  for (const line of plat) expect(account(text, 'PLAT')).toContain(line);
  for (const line of other) expect(account(text, `I_${name}`)).toContain(line);
});

test.each([
  { why: 'the recipient does not accept it', send: { to: 'suricata', command: 'ruleset.delete' } },
  { why: 'there is no recipient', send: { to: 'nobody', command: 'ruleset.apply' } },
  { why: 'it would be to itself', send: { to: 'rule-manager', command: 'ping' } },
])('no right to send when $why', ({ send }) => {
  const text = compile(
    busModel([suricata, busInstrument('rule-manager', { send: [send], accept: ['ping'] })]),
  );
  expect(text).not.toContain('message.suricata.rule-manager');
  expect(text).not.toContain('message.rule-manager.rule-manager');
  expect(text).not.toContain('message.nobody');
});

test('the platform may send every command that an instrument accepts, and no other', () => {
  const text = compile(busModel([suricata, busInstrument('other')]));
  expect(account(text, 'PLAT')).toContain(
    '{ service: { account: "I_suricata", subject: "message.suricata.platform.ruleset.apply" } }',
  );
  expect(account(text, 'I_suricata')).toContain('{ service: "message.suricata.platform.ruleset.apply"');
  expect(text.match(/message\.[a-z]+\.platform/g)).toHaveLength(2);
});

test('no right to read what nobody publishes; the platform publishes', () => {
  const read = [
    { from: 'gone', type: 'alert' },
    { from: 'platform', type: 'check.passed' },
  ];
  const text = compile(busModel([busInstrument('reader', { read })]));
  expect(text).not.toContain('S_gone');
  expect(text).toContain('$JS.ACK.S_platform.reader__check_passed.>');
});

const name = fc
  .stringMatching(/^[a-z][a-z0-9]{0,6}$/)
  .filter((text) => !['platform', 'control', 'message', 'event', 'sensord', 'fleet', 'up'].includes(text));
const type = fc.stringMatching(/^[a-z][a-z0-9]{0,4}(\.[a-z0-9]{1,4}){0,2}$/);
const anyModel = fc
  .uniqueArray(name, { minLength: 1, maxLength: 6 })
  .chain((names) =>
    fc.tuple(
      ...names.map((own) =>
        fc.record({
          name: fc.constant(own),
          publish: fc.array(type, { maxLength: 3 }),
          read: fc.array(fc.record({ from: fc.constantFrom(...names), type }), { maxLength: 3 }),
          send: fc.array(
            fc.record({ to: fc.constantFrom(...names), command: fc.constantFrom('ping', 'go.now') }),
            { maxLength: 3 },
          ),
          accept: fc.subarray(['ping', 'go.now']),
        }),
      ),
    ),
  )
  .map((instruments) => busModel(instruments));

test('the same rights give the same text, in whatever order they are listed', () => {
  fc.assert(
    fc.property(anyModel, (model) => {
      const shuffled = busModel(
        [...model.instruments].reverse().map((instrument) => ({
          ...instrument,
          publish: [...instrument.publish].reverse(),
          read: [...instrument.read].reverse(),
          send: [...instrument.send].reverse(),
        })),
      );
      expect(compile(shuffled)).toBe(compile(model));
    }),
  );
});

test('every export names exactly one account, every import has its export, and no account imports from itself', () => {
  fc.assert(
    fc.property(anyModel, (model) => {
      const text = compile(model);
      const exported = [
        ...text.matchAll(
          /\{ service: "([^"]+)",(?: response_type: stream,)? response_threshold: "\d+s", accounts: \["([^"]+)"\] \}/g,
        ),
      ].map(([, subject, to]) => `${subject ?? ''} ${to ?? ''}`);
      expect((text.match(/\{ service: "/g) ?? []).length).toBe(exported.length);
      for (const own of ['PLAT', ...model.instruments.map((instrument) => `I_${instrument.name}`)]) {
        for (const [, from, subject] of account(text, own).matchAll(
          /\{ service: \{ account: "([^"]+)", subject: "([^"]+)" \}/g,
        )) {
          expect(from).not.toBe(own);
          expect(exported).toContain(`${subject ?? ''} ${own}`);
        }
      }
      // Whom an event subject belongs to is its second token, and who may send a message its third.
      for (const line of exported) {
        const [subject = '', to] = line.split(' ');
        const tokens = subject.split('.');
        if (tokens[0] === 'event') expect(to).toBe(`I_${tokens[1] ?? ''}`);
        if (tokens[0] === 'message')
          expect(to).toBe(tokens[2] === 'platform' ? 'PLAT' : `I_${tokens[2] ?? ''}`);
        if (tokens[0] === 'control') expect(to).toBe('PLAT');
      }
    }),
  );
});

test.each([
  { fault: 'a reserved name', instruments: [busInstrument('platform')], pointer: '/instruments/0/name' },
  {
    fault: 'a name twice',
    instruments: [busInstrument('a'), busInstrument('a')],
    pointer: '/instruments/1/name',
  },
  {
    fault: 'a wildcard as a type',
    instruments: [busInstrument('a', { publish: ['*'] })],
    pointer: '/instruments/0/publish/0',
  },
  { fault: 'a quote in a name', instruments: [busInstrument('a"')], pointer: '/instruments/0/name' },
  {
    fault: 'two types with one consumer',
    instruments: [
      busInstrument('a', {
        read: [
          { from: 'b', type: 'x.y' },
          { from: 'b', type: 'x_y' },
        ],
      }),
    ],
    pointer: '/instruments/0/read/1/type',
  },
])('a model with $fault is refused at its place', ({ instruments, pointer }) => {
  expect(() => parseBusModel(busModel(instruments))).toThrow(
    expect.objectContaining({ code: 'BUS_MODEL_INVALID', fields: { pointer } }),
  );
});
