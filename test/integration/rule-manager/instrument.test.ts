import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ManifestSchema } from '@bulkhead/platform/contracts';
import { waitFor } from '@bulkhead/platform/kernel';
import { OPERATIONS } from '../../../instruments/rule-manager/src/api-types.ts';
import { HTTP_PORT } from '../../../instruments/rule-manager/src/app.ts';
import { openRuleBench, runs, type RuleBench } from '../../support/rule-bench.ts';
import { ruleText, ruleTexts } from '../../support/rule-texts.ts';
import { tarBlock } from '../../support/tar-bytes.ts';

let bench: RuleBench | undefined;
afterEach(async () => {
  await bench?.dispose();
  bench = undefined;
});

const alertOf = (sid: number, src: string, dst: string, ageMs = 0) => ({
  event_type: 'alert',
  timestamp: new Date(Date.now() - ageMs).toISOString(),
  src_ip: src,
  dest_ip: dst,
  alert: { signature_id: sid, gid: 1, signature: 'TEST' },
});

test('the manifest asks for what the program does, and no more', () => {
  const { asks, limits } = ManifestSchema.parse(
    parse(
      readFileSync(new URL('../../../instruments/rule-manager/instrument.yaml', import.meta.url), 'utf8'),
    ),
  );
  expect([...asks.accept].sort()).toEqual(Object.keys(OPERATIONS).sort());
  expect(asks.ui?.port).toBe(HTTP_PORT);
  expect([asks.interfaces, asks.egress, asks.capabilities]).toEqual([[], [], []]);
  expect(limits.memoryMib).toBeLessThanOrEqual(1024);
});

test('operations by message: the sender is the author, the platform may name a person, and a refusal has code and place', async () => {
  bench = await openRuleBench();
  const { bus } = bench.bus;
  await bench.call('source.add', { name: 'own', origin: { type: 'pasted' }, text: ruleText(5), reason: 'x' });
  const asked = await bus.send(
    'rule-manager',
    'suppression.add',
    { sid: 5, reason: 'by hand', author: 'grace' },
    10_000,
  );
  expect(asked).toMatchObject({ ok: true, result: { document: { author: 'grace', reason: 'by hand' } } });
  const bare = await bus.send('rule-manager', 'suppression.add', { sid: 5, reason: 'by hand' }, 10_000);
  expect(bare).toMatchObject({ ok: true, result: { document: { author: 'platform' } } });
  const refused = await bus.send('rule-manager', 'suppression.add', { sid: 0, reason: 'x' }, 10_000);
  expect(refused).toMatchObject({ ok: false, code: 'RULES_REQUEST_INVALID' });
  expect(JSON.stringify(refused)).toContain('/sid');
  // What is not accepted by the manifest that was granted is not answered.
  expect(
    await bus
      .send('rule-manager', 'source.remove', { name: 'own', reason: 'x' }, 10_000)
      .catch(() => ({ ok: false })),
  ).toMatchObject({ ok: false });
});

test('a preview says which recorded alerts a suppression or limit would have hidden; what is held is kept, the rest can be deleted', async () => {
  bench = await openRuleBench({ autoDeploy: false });
  const { bus } = bench.bus;
  const suricata = bench.sender('suricata');
  const records = [
    ...Array.from({ length: 6 }, (_, n) => alertOf(5, '10.0.0.9', `192.0.2.${String(n)}`, n * 1_000)),
    alertOf(5, '10.0.0.8', '2001:db8::1'),
    alertOf(6, '10.0.0.9', '192.0.2.1'),
    alertOf(5, '10.0.0.9', '192.0.2.1', 9 * 86_400_000),
    { event_type: 'alert', src_ip: 'not an address', alert: { signature_id: 5 } },
  ];
  await Promise.all(records.map((record) => suricata.publish('alert', record)));
  await waitFor('the alerts', 30_000, async () => (await bench!.overview()).alerts.recorded === 9);

  const by = async (request: Record<string, unknown>) =>
    bench!.call('suppression.preview', { sid: 5, ...request });
  expect(await by({})).toMatchObject({
    alerts: 7,
    hidden: 7,
    lines: ['suppress gen_id 1, sig_id 5'],
    partial: false,
  });
  expect(await by({ scope: { address: '10.0.0.8' } })).toMatchObject({
    hidden: 1,
    examples: [{ source: '10.0.0.8', destination: '2001:db8::1' }],
    lines: ['suppress gen_id 1, sig_id 5, track by_either, ip 10.0.0.8'],
  });
  expect(await by({ addresses: ['10.0.0.0/8'], track: 'by_dst' })).toMatchObject({ hidden: 0 });
  expect(await by({ addresses: ['2001:db8::/32', '192.0.2.0/30'], track: 'by_dst' })).toMatchObject({
    hidden: 5,
  });
  expect(await by({ action: { type: 'limit', count: 2, seconds: 3_600 } })).toMatchObject({ hidden: 4 });
  expect(await by({ action: { type: 'threshold', count: 3, seconds: 3_600 } })).toMatchObject({ hidden: 5 });
  expect(await by({ action: { type: 'both', count: 2, seconds: 3_600, per: 'by_rule' } })).toMatchObject({
    hidden: 6,
  });

  await bench.call('source.add', { name: 'own', origin: { type: 'pasted' }, text: ruleText(5), reason: 'x' });
  await bench.call('suppression.add', {
    sid: 5,
    addresses: ['10.0.0.9', '10.0.0.90'],
    reason: 'for 10.0.0.9',
  });
  await bench.call('suppression.add', { sid: 5, scope: { address: '10.0.0.9' }, reason: 'x' });
  const address = { address: '10.0.0.9' };
  const ask = (command: string, payload: object) => bus.request('rule-manager', command, payload, 10_000);
  const found = await ask('data.find', address);
  expect(found).toMatchObject({
    matches: [
      { copy: 'alerts', records: 8 },
      { copy: 'suppressions', records: 2 },
      { copy: 'history', records: 2 },
    ],
  });
  expect(await ask('data.hold', { ...address, hold: true })).toMatchObject({ ok: true });
  expect(await ask('data.purge', { ...address, requestId: 'r1' })).toMatchObject({ deleted: 0 });
  await ask('data.hold', { ...address, hold: false });
  expect(await ask('data.purge', { ...address, requestId: 'r2' })).toMatchObject({
    deleted: expect.any(Number) as number,
  });
  expect(await ask('data.find', address)).toEqual({ matches: [] });
  const { documents } = await bench.call('documents.list', { kind: 'suppression' });
  expect(documents.map(({ body }) => body)).toMatchObject([{ addresses: ['10.0.0.90'] }]);
  const kept = await ask('retention', {});
  expect(kept).toMatchObject({ copies: [{ name: 'alerts', records: 1, policyDays: 7 }, {}, {}] });
});

test('catalogue, archive and file: from index to rules that run', async () => {
  bench = await openRuleBench();
  const resources = join(bench.folder, 'rule-manager', 'resources');
  const changed = () => bench!.bus.bus.request('rule-manager', 'resources', {}, 20_000);
  await bench.call('source.add', {
    name: 'vendors',
    origin: { type: 'index', url: 'https://rules.example/index.yaml' },
    reason: 'to choose from',
  });
  writeFileSync(
    join(resources, 'source-vendors'),
    'version: 1\nsources:\n  v/open:\n    summary: Open\n    license: MIT\n    url: https://rules.example/%(__version__)s.tar.gz\n',
  );
  expect(await changed()).toMatchObject({ ok: true });
  const { source } = await bench.call('source.add', {
    name: 'open',
    origin: { type: 'catalogue', index: 'vendors', entry: 'v/open' },
    reason: 'it is free',
  });
  expect(source).toMatchObject({
    state: 'waiting',
    license: 'MIT',
    download: { state: 'waiting', name: 'source-open' },
  });
  expect(bench.downloads.at(-1)).toMatchObject({
    name: 'source-open',
    url: 'https://rules.example/7.0.10.tar.gz',
  });
  const archive = Buffer.concat([
    tarBlock({ name: 'rules/a.rules', content: ruleTexts(10, 100) }),
    tarBlock({ name: 'rules/b.rules', content: ruleTexts(10, 200) }),
    Buffer.alloc(1024),
  ]);
  writeFileSync(join(resources, 'source-open'), gzipSync(archive));
  writeFileSync(join(resources, 'from-a-stick.rules'), ruleTexts(60, 300));
  expect(await changed()).toMatchObject({ ok: true });
  await bench.call('source.add', {
    name: 'stick',
    origin: { type: 'file', file: 'from-a-stick.rules' },
    reason: 'brought',
  });
  await waitFor('all three', 30_000, () =>
    /sid:100;[^]*sid:200;[^]*sid:300;/.test(runs(bench!.ids.get('suricata')!).rules),
  );
  expect((await bench.call('sources.catalogue', { text: 'open' })).entries).toMatchObject([
    { entry: 'v/open', source: 'open' },
  ]);
  expect((await bench.call('rule.get', { sid: 201 })).file).toBe('b.rules');
  await bench.call('source.remove', { name: 'open', reason: 'not needed' });
  await waitFor('the rest', 30_000, () => !runs(bench!.ids.get('suricata')!).rules.includes('sid:100;'));
});

test('documents survive a damaged database', async () => {
  bench = await openRuleBench({ autoDeploy: false });
  await bench.call('source.add', { name: 'own', origin: { type: 'pasted' }, text: ruleText(5), reason: 'x' });
  await bench.call('suppression.add', { sid: 5, reason: 'quiet' });
  const file = join(bench.folder, 'rule-manager', 'persistent', 'rules.sqlite');
  await bench.restart(() => {
    writeFileSync(file, 'this is no database'.repeat(1_000));
  });
  const { documents } = await bench.call('documents.list', {});
  expect(documents.map(({ kind, author }) => `${kind} ${author}`).sort()).toEqual([
    'source ada',
    'suppression ada',
  ]);
  expect((await bench.overview()).health.detail).toContain('damaged');
  await waitFor('the pasted rule', 30_000, async () => (await bench!.overview()).wanted?.enabled === 1);
});
