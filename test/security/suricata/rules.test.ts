import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { SuricataBench } from '../../integration/suricata/bench.ts';
import { checkFrame, dnsQueries, writeCapture } from '../../integration/suricata/frames.ts';

let bench: SuricataBench;

/** A signature that sees the DNS queries of this test. */
const rule = (sid: number, name = 'clinic') =>
  `alert dns any any -> any any (msg:"${name}"; dns.query; content:"${name}"; sid:${String(sid)}; rev:1;)\n`;

beforeAll(async () => {
  bench = await SuricataBench.open('b74a');
  await bench.resource('clinic.rules', rule(1_000_001));
  await bench.start();
});
afterAll(async () => {
  await bench.close();
});
beforeEach(async () => {
  await bench.resource('clinic.rules', rule(1_000_001));
  for (const name of ['other.rules', 'zz.rules']) await bench.resource(name, undefined);
  expect(await bench.control('resources')).toMatchObject({ ok: true });
});

let query = 0;
/** Sends one query that the operator's signature names and a check; resolves when both came back. */
async function sees(name = 'clinic'): Promise<void> {
  query += 1;
  const nonce = query.toString(16).padStart(32, '0');
  const label = `${name}${String(query)}`;
  const frames = [...dnsQueries(1, () => label), checkFrame(nonce)];
  await bench.replay(await writeCapture(bench.folder, 'sees', frames));
  await waitFor(`the alert on ${label} and the check`, 15_000, async () => {
    const events = await bench.events();
    const text = JSON.stringify(
      events.filter((event) => event.type === 'alert').map((event) => event.record),
    );
    return (
      text.includes(label) &&
      events.some((event) => event.type === 'check' && event.record['nonce'] === nonce)
    );
  });
}

/** Refused with this code and place, and what ran before goes on seeing, also for the operator to read in health. */
async function refused(code: string, place: string | RegExp): Promise<void> {
  const pid = await bench.suricataPid();
  const reply = await bench.control('resources');
  expect(reply).toMatchObject({ ok: false, code });
  expect(reply.message).toMatch(place);
  expect(await bench.suricataPid()).toBe(pid);
  const health = await bench.health();
  expect(health.state).toBe('degraded');
  expect(health.detail).toMatch(/wanted rules do not run/);
  await sees();
}

test('ABUSE 106: an empty ruleset is refused; the rules of before go on', async () => {
  await bench.resource('clinic.rules', '');
  await refused('SURICATA_RULES_EMPTY', /no rule in clinic\.rules/);
  await bench.resource('clinic.rules', '# alert tcp any any -> any any (msg:"x"; sid:1;)\n\n');
  await refused('SURICATA_RULES_EMPTY', /no rule in clinic\.rules/);
  await bench.resource('clinic.rules', undefined);
  expect(await bench.control('configure', { starterRules: false })).toMatchObject({
    ok: false,
    code: 'SURICATA_RULES_EMPTY',
  });
});

test('ABUSE 107: rules that do not compile do not replace rules that do', async () => {
  await bench.resource(
    'other.rules',
    `${rule(1_000_002)}\nalert tcp any any -> any any (frobnicate:1; sid:1000003;)\n`,
  );
  await refused('SURICATA_RULES_BROKEN', /other\.rules line 3: .*frobnicate/);
  await bench.resource('other.rules', 'alert tcp $NO_SUCH_NET any -> any any (msg:"x"; sid:1000003;)\n');
  await refused('SURICATA_RULES_BROKEN', /other\.rules line 1: /);
  await bench.resource('other.rules', 'alert tcp any any -> any any (msg:"x"; pcre:"/(/"; sid:1000003;)\n');
  await refused('SURICATA_RULES_BROKEN', /other\.rules line 1: /);
  await bench.resource('other.rules', Buffer.from([0x23, 0xff, 0xfe, 0x0a]));
  await refused('SURICATA_RULES_UNREADABLE', /other\.rules: It is not UTF-8/);
});

test.each([
  [
    'the same sid',
    'alert udp any any -> any any (msg:"x"; sid:2999001; rev:99;)',
    'SURICATA_RULES_SID_RESERVED',
    1,
  ],
  [
    'a sid beside it',
    'alert udp any any -> any any (msg:"x"; sid:2900001; rev:2;)',
    'SURICATA_RULES_SID_RESERVED',
    1,
  ],
  [
    'a second sid in one rule',
    'alert udp any any -> any any (sid:5; sid:2999001;)',
    'SURICATA_RULES_SID_MISSING',
    1,
  ],
  ['no sid', 'alert udp any any -> any any (msg:"x";)', 'SURICATA_RULES_SID_MISSING', 1],
  ["another file's sid", rule(1_000_001), 'SURICATA_RULES_SID_DUPLICATE', 1],
  [
    'a rule behind a long comment',
    `#${'x'.repeat(8190)}alert udp any any -> any any (msg:"x"; sid:2999001; rev:99;)`,
    'SURICATA_RULES_BROKEN',
    1,
  ],
])('the rule of the detection check cannot be replaced: %s', async (_what, text, code, line) => {
  await bench.resource('zz.rules', `${text}\n`);
  await refused(code, new RegExp(`zz\\.rules line ${String(line)}: `));
});

test('good rules go live without a restart, without losing a packet', async () => {
  const pid = await bench.suricataPid();
  await bench.resource('other.rules', rule(1_000_002, 'harbour'));
  expect(await bench.control('resources')).toMatchObject({ ok: true, detail: 'reloaded' });
  await sees('harbour');
  expect(await bench.suricataPid()).toBe(pid);
  expect((await bench.health()).state).toBe('ok');
  await bench.resource('other.rules', undefined);
  expect(await bench.control('resources')).toMatchObject({ ok: true });
  const health = await bench.until('the counters', ({ counters }) => counters['rules.failed'] === 0);
  expect(health.counters['capture.kernel_drops'] ?? 0).toBe(0);
});

test('after a restart with broken rules the last good ones run, and health says so', async () => {
  await bench.stop();
  await bench.resource('clinic.rules', 'alert tcp any any -> any any (frobnicate:1; sid:1;)\n');
  await bench.start();
  const health = await bench.health();
  expect(health.state).toBe('degraded');
  expect(health.detail).toMatch(/clinic\.rules line 1/);
  await sees();
});

test('a damaged copy of the last good rules is no reason to be blind', async () => {
  await bench.stop();
  await bench.resource('clinic.rules', 'nonsense\n');
  await writeFile(
    join(bench.root, 'var/lib/instrument/persistent/last-good-ruleset.json'),
    '{"version":1,"files":',
  );
  await bench.start();
  expect((await bench.health()).state).toBe('degraded');
  const nonce = 'f'.repeat(32);
  await bench.replay(await writeCapture(bench.folder, 'own', [checkFrame(nonce)]));
  await waitFor('the check', 15_000, async () =>
    (await bench.events()).some((event) => event.record['nonce'] === nonce),
  );
});

test('options are checked; variables are reloaded, the rest restarts Suricata inside', async () => {
  expect(await bench.control('configure', { homeNet: ['10.0.0.0/8"'] })).toMatchObject({
    ok: false,
    code: 'SURICATA_OPTIONS_INVALID',
    message: expect.stringContaining('/homeNet/0') as string,
  });
  const pid = await bench.suricataPid();
  expect(await bench.control('configure', { homeNet: ['10.0.0.0/8'] })).toMatchObject({
    ok: true,
    detail: 'reloaded',
  });
  expect(await bench.suricataPid()).toBe(pid);
  expect(await bench.control('configure', { homeNet: ['10.0.0.0/8'], alertPayload: true })).toMatchObject({
    ok: true,
    detail: 'restarted',
  });
  expect(await bench.suricataPid()).not.toBe(pid);
  await sees();
});
