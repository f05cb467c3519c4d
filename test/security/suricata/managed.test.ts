import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import type { RulesetJob, RulesetTrial } from '@bulkhead/sdk';
import { SuricataBench } from '../../integration/suricata/bench.ts';
import { checkFrame, dnsQueries, writeCapture } from '../../integration/suricata/frames.ts';
import { capturePath } from '../../support/captures.ts';

let bench: SuricataBench;

/** A signature that sees the DNS queries of this test. */
const rule = (sid: number, name: string) =>
  `alert dns any any -> any any (msg:"${name}"; dns.query; content:"${name}"; sid:${String(sid)}; rev:1;)\n`;

beforeAll(async () => {
  bench = await SuricataBench.open('b76m');
  await bench.resource('clinic.rules', rule(1_000_001, 'clinic'));
  await bench.start();
});
afterAll(async () => {
  await bench.close();
});

let number = 0;
/** An order whose files are delivered. */
async function order(rules: string | Buffer, more: { thresholds?: string } = {}): Promise<RulesetTrial> {
  number += 1;
  const name = `ruleset-${String(number)}`;
  return {
    version: `v${String(number)}`,
    rules: await bench.deliver(`${name}.rules`, rules),
    ...(more.thresholds === undefined
      ? {}
      : { thresholds: await bench.deliver(`${name}.thresholds`, more.thresholds) }),
  };
}

let query = 0;
/** Sends one query for each name and a check. @returns the messages of the alerts on them, when the check has come back */
async function seen(...names: string[]): Promise<string[]> {
  query += 1;
  const nonce = query.toString(16).padStart(32, '0');
  const before = (await bench.events()).length;
  const frames = [
    ...dnsQueries(names.length, (at) => `${names[at] ?? ''}${String(query)}`),
    checkFrame(nonce),
  ];
  await bench.replay(await writeCapture(bench.folder, 'seen', frames));
  return waitFor('the check', 20_000, async () => {
    const events = (await bench.events()).slice(before);
    if (!events.some((event) => event.type === 'check' && event.record['nonce'] === nonce)) return undefined;
    const alerts = events.filter((event) => event.type === 'alert').map((event) => event.record['alert']);
    return (alerts as { signature: string }[]).map(({ signature }) => signature).sort();
  });
}

/** Neither tested well nor applied; what ran before goes on, the check's rule with it, and nobody has to worry. */
async function refused(wanted: RulesetTrial, code: string): Promise<RulesetJob> {
  const before = await bench.rulesetStatus();
  expect(await bench.ruleset('test', wanted)).toMatchObject({ kind: 'test', state: 'failed', code });
  const job = await bench.ruleset('apply', wanted);
  expect(job).toMatchObject({ kind: 'apply', state: 'failed', code, version: wanted.version });
  expect(job.reloadSeconds).toBeUndefined();
  expect(await bench.rulesetStatus()).toEqual(before);
  expect((await bench.health()).state).toBe('ok');
  expect(await seen('harbour')).toEqual(['harbour']);
  return job;
}

test('ABUSE 120: a managed ruleset goes live beside the rule of the detection check, without a restart', async () => {
  const pid = await bench.suricataPid();
  expect(await bench.rulesetStatus()).toMatchObject({ managed: false, version: null });
  const wanted = await order(rule(3_000_001, 'harbour'));
  // It was delivered, and changes nothing by being there.
  expect(await bench.control('resources')).toMatchObject({ ok: true, detail: 'unchanged' });
  expect(await seen('harbour')).toEqual([]);

  const job = await bench.ruleset('apply', wanted);
  expect(job).toMatchObject({ kind: 'apply', state: 'done', version: 'v1', ruleCount: 3 });
  expect(job.testSeconds).toBeGreaterThan(0);
  expect(job.reloadSeconds).toBeGreaterThan(0);
  // Reserved, operator's and managed rules; the starter rules are off.
  expect(await seen('harbour', 'clinic')).toEqual(['clinic', 'harbour']);
  const status = await bench.rulesetStatus();
  expect(status).toMatchObject({
    source: 'wanted',
    managed: true,
    version: 'v1',
    files: ['reserved.rules', 'operator/clinic.rules', 'managed/ruleset-1.rules'],
    loaded: 3,
    failed: 0,
    refusal: null,
  });
  expect(await bench.suricataPid()).toBe(pid);
  const health = await bench.until('counters', ({ counters }) => counters['rules.loaded'] === 3);
  expect(health.counters['capture.kernel_drops'] ?? 0).toBe(0);
});

test.each([
  [
    'the sid of the check',
    'alert udp any any -> any any (msg:"x"; sid:2999001; rev:9;)',
    'SURICATA_RULES_SID_RESERVED',
  ],
  ['a pass rule over it', 'pass ip any any -> 198.51.100.0/24 any (sid:9;)', 'SURICATA_RULES_BLIND'],
])('ABUSE 120: a managed ruleset cannot hide the detection check: %s', async (_what, line, code) => {
  const job = await refused(await order(`${rule(3_000_001, 'harbour')}${line}\n`), code);
  if (code === 'SURICATA_RULES_SID_RESERVED') expect(job.faults).toMatchObject([{ line: 2, code }]);
});

test.each([
  [
    'by its sid',
    'suppress gen_id 1, sig_id 2999001, track by_src, ip 192.0.2.10',
    'SURICATA_RULES_SID_RESERVED',
  ],
  ['by its address', 'suppress gen_id 1, sig_id 0, track by_src, ip 192.0.2.0/24', 'SURICATA_RULES_BLIND'],
  ['with everything', 'suppress gen_id 1, sig_id 0', 'SURICATA_THRESHOLDS_BROKEN'],
])('ABUSE 120: no suppression hides the detection check: %s', async (_what, line, code) => {
  await refused(await order(rule(3_000_001, 'harbour'), { thresholds: `# why\n${line}\n` }), code);
});

test('ABUSE 106: an empty managed ruleset never replaces one that works', async () => {
  await refused(await order(''), 'SURICATA_RULES_EMPTY');
  await refused(await order('# alert tcp any any -> any any (msg:"x"; sid:1;)\n\n'), 'SURICATA_RULES_EMPTY');
});

test('ABUSE 107: a managed ruleset that does not compile never replaces one that does; every fault is told', async () => {
  const bad =
    'alert tcp any any -> any any (frobnicate:1; sid:4;)\nalert tcp $NONE any -> any any (sid:5;)\n';
  const job = await refused(await order(rule(3_000_001, 'harbour') + bad), 'SURICATA_RULES_BROKEN');
  expect(job.faults?.map(({ line }) => line)).toEqual([2, 3]);
  expect(job.faults?.[0]).toMatchObject({ file: job.faults?.[1]?.file, code: 'SURICATA_RULES_BROKEN' });
  expect(job.faults?.[0]?.message).toContain('frobnicate');
});

test('files that are no rules are refused with place and code', async () => {
  await refused(await order(Buffer.from([0x23, 0xff, 0xfe, 0x0a])), 'SURICATA_RULES_UNREADABLE');
  const long = `${rule(3_000_001, 'harbour')}alert tcp any any -> any any (msg:"${'x'.repeat(10 * 2 ** 20)}"; sid:6;)\n`;
  expect((await refused(await order(long), 'SURICATA_RULES_BROKEN')).faults).toMatchObject([{ line: 2 }]);
  expect(
    (
      await refused(
        await order('alert tcp any any -> any any (msg:"a\0b"; sid:6;)\n'),
        'SURICATA_RULES_BROKEN',
      )
    ).message,
  ).toContain('NUL');
  await refused(
    await order(rule(3_000_001, 'harbour'), { thresholds: 'suppress everything\n' }),
    'SURICATA_THRESHOLDS_BROKEN',
  );
  const other = await order(rule(3_000_001, 'harbour'));
  await bench.deliver(other.rules.file, rule(3_000_001, 'harbour2'));
  await refused(other, 'SURICATA_RULES_DIGEST');
});

test('a ruleset is tried on recorded traffic; what was tested is not tested again', async () => {
  const wanted = await order(
    `${rule(3_000_001, 'harbour')}${rule(3_000_002, 'pier')}alert http any any -> any any (msg:"an answer"; http.stat_code; content:"200"; sid:3000003;)\n`,
  );
  const names = ['harbour', 'pier', 'harbour', 'other'];
  const made = await writeCapture(
    bench.folder,
    'tried',
    dnsQueries(4, (at) => names[at] ?? ''),
  );
  const capture = await bench.deliver('ruleset-try.pcap', await readFile(made));
  expect(await bench.ruleset('test', { ...wanted, capture })).toMatchObject({
    kind: 'test',
    state: 'done',
    alerts: [
      { sid: 3_000_001, count: 2 },
      { sid: 3_000_002, count: 1 },
    ],
  });
  expect(await bench.rulesetStatus()).toMatchObject({ version: 'v1' });
  const known = capturePath('http-all-headers');
  if (known !== undefined) {
    const http = await bench.deliver('ruleset-http.pcap', await readFile(known));
    const { alerts } = await bench.ruleset('test', { ...wanted, capture: http });
    expect(alerts?.map(({ sid }) => sid)).toEqual([3_000_003]);
  }

  const junk = await bench.deliver('ruleset-junk.pcap', Buffer.alloc(2000, 7));
  expect(await bench.ruleset('test', { ...wanted, capture: junk })).toMatchObject({
    state: 'failed',
    code: 'SURICATA_CAPTURE_UNREADABLE',
  });
  expect(await bench.ruleset('apply', wanted)).toMatchObject({ state: 'done', testSeconds: 0 });
});

test('thresholds, variables and version survive a restart; the version before is back in one step', async () => {
  const first = await order(rule(3_000_001, 'harbour'));
  expect(await bench.ruleset('apply', first)).toMatchObject({ state: 'done' });
  const ours = 'alert dns $PIERS any -> any any (msg:"pier"; dns.query; content:"pier"; sid:3000003;)\n';
  const second = {
    ...(await order(rule(3_000_001, 'harbour') + ours, {
      thresholds: 'suppress gen_id 1, sig_id 3000001, track by_src, ip 10.0.0.0/8\n',
    })),
    variables: { addressGroups: { PIERS: ['10.0.0.0/8'] } },
  };
  expect(await bench.ruleset('apply', second)).toMatchObject({ state: 'done' });
  expect(await seen('harbour', 'pier')).toEqual(['pier']);
  const { appliedAt } = await bench.rulesetStatus();

  await bench.stop();
  await bench.resource(second.rules.file, undefined);
  await bench.start();
  expect(await bench.rulesetStatus()).toMatchObject({ managed: true, version: second.version, appliedAt });
  expect(await seen('harbour', 'pier')).toEqual(['pier']);

  expect(await bench.ruleset('apply', first)).toMatchObject({ state: 'done' });
  expect(await seen('harbour', 'pier')).toEqual(['harbour']);
  expect(await bench.rulesetStatus()).toMatchObject({ version: first.version });
});

test('the operator can keep others from managing rules', async () => {
  expect(await bench.control('configure', { managedRules: false })).toMatchObject({ ok: true });
  expect(await bench.rulesetStatus()).toMatchObject({ managed: false, version: null });
  expect(await seen('harbour', 'clinic')).toEqual(['clinic']);
  const wanted = await order(rule(3_000_001, 'harbour'));
  await expect(bench.ruleset('apply', wanted)).rejects.toMatchObject({
    fields: { reason: 'SURICATA_MANAGED_OFF' },
  });
});
