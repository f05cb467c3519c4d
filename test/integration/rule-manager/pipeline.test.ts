import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import {
  deliveredFiles,
  openRuleBench,
  runs,
  type RuleBench,
  type TestIds,
} from '../../support/rule-bench.ts';
import { ruleText, ruleTexts } from '../../support/rule-texts.ts';

let bench: RuleBench;
afterEach(() => bench.dispose());

const ids = (name = 'suricata'): TestIds => bench.ids.get(name)!;
const paste = (name: string, text: string, more: Record<string, unknown> = {}) =>
  bench.call('source.add', { name, origin: { type: 'pasted' }, text, reason: 'a test', ...more });

test('a pasted source becomes a ruleset that is tested, live and confirmed; changes follow; going back is one step', async () => {
  bench = await openRuleBench();
  await paste('own', ruleTexts(20, 5_000));
  const first = await bench.settled('the first ruleset');
  expect(runs(ids()).rules.split('\n')).toHaveLength(18 + 1);
  expect(first.targets[0]).toMatchObject({ name: 'suricata', state: 'live', version: first.wanted?.version });

  await bench.call('rule.set', { sid: 5_001, enabled: false, reason: 'noisy' });
  await bench.call('suppression.add', { sid: 5_002, scope: { address: '10.0.0.9' }, reason: 'scanner' });
  await bench.call('variables.set', { homeNet: ['10.1.0.0/16'], reason: 'ours' });
  const second = await waitFor('the second ruleset', 30_000, async () => {
    const overview = await bench.settled('the changes');
    return overview.wanted?.version === first.wanted?.version || ids().applied?.variables === undefined
      ? undefined
      : overview;
  });
  expect(runs(ids()).rules).not.toContain('sid:5001;');
  expect(runs(ids()).thresholds).toBe('suppress gen_id 1, sig_id 5002, track by_either, ip 10.0.0.9\n');
  expect(ids().applied?.variables).toEqual({ homeNet: ['10.1.0.0/16'] });

  const { versions } = await bench.call('versions.list', {});
  expect(versions[0]).toMatchObject({ id: second.wanted?.version, state: 'live', liveOn: ['suricata'] });
  const { job } = await bench.call('ruleset.rollback', {
    version: first.wanted?.version,
    reason: 'it was better',
  });
  await waitFor('the version of before', 30_000, () => ids().applied?.version === first.wanted?.version);
  await waitFor('the end of the job', 30_000, async () => {
    const { jobs } = await bench.call('jobs.list', { limit: 50 });
    return jobs.find(({ id }) => id === job.id)?.state === 'done';
  });
  expect((await bench.overview()).pinned).toBe(first.wanted?.version);
  // It stays although something else is wanted, until a person says so; nothing older than these two lies at the IDS.
  await bench.call('ruleset.deploy', {});
  await bench.settled('what is wanted again');
  expect(ids().applied?.version).toBe(second.wanted?.version);
  expect(deliveredFiles(ids()).filter((name) => name.endsWith('.rules')).length).toBeLessThanOrEqual(2);

  const { changes } = await bench.call('changes.list', {});
  expect(changes.filter(({ author }) => author === 'ada').map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['source', 'rule', 'suppression', 'variables', 'ruleset']),
  );
});

test('what the IDS refuses never goes live, is told with its place, and is not tried again until something changes', async () => {
  bench = await openRuleBench();
  await paste('own', ruleTexts(10, 5_000));
  const good = await bench.settled('a good ruleset');
  ids().judge = refuse(/sid:6000;/);
  await paste('more', ruleText(6_000));
  const refused = await waitFor('the refusal', 30_000, async () => {
    const overview = await bench.overview();
    return overview.targets[0]?.state === 'refused' ? overview : undefined;
  });
  expect(refused.health.state).toBe('degraded');
  expect(ids().applied?.version).toBe(good.wanted?.version);
  const { versions } = await bench.call('versions.list', {});
  expect(versions.find(({ id }) => id === refused.wanted?.version)).toMatchObject({
    state: 'refused',
    code: 'SURICATA_RULES_BROKEN',
  });
  const { jobs } = await bench.call('jobs.list', {});
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect((await bench.call('jobs.list', {})).jobs.map(({ id }) => id)).toEqual(jobs.map(({ id }) => id));
  await bench.call('rule.set', { sid: 6_000, enabled: false, reason: 'the IDS refuses it' });
  await bench.settled('without the rule');
});

test('rules that the IDS refuses are left out when their source may be taken in part', async () => {
  bench = await openRuleBench();
  ids().judge = refuse(/sid:500[35];/);
  await paste('own', ruleTexts(10, 5_000), { skipFaulty: true });
  const overview = await bench.settled('the rest');
  expect(runs(ids()).rules).not.toMatch(/sid:500[35];/);
  expect(runs(ids()).rules).toContain('sid:5004;');
  expect((await bench.call('rule.get', { sid: 5_003 })).excluded).toBe('no');
  expect(overview.targets[0]?.ruleCount).toBe(7);
});

test('a ruleset that is empty or has lost most rules is refused before any IDS sees it', async () => {
  bench = await openRuleBench();
  await paste('own', ruleTexts(40, 5_000));
  await paste('few', ruleText(7_000));
  const good = await bench.settled('a good ruleset');
  const tested = ids().tested;
  await bench.call('source.set', { name: 'own', enabled: false, reason: 'a slip' });
  await waitFor('the refusal', 30_000, async () =>
    (await bench.overview()).health.detail?.includes('RULES_RULESET_SHRUNK'),
  );
  expect(ids().applied?.version).toBe(good.wanted?.version);
  expect(ids().tested).toBe(tested);
  await bench.call('ruleset.deploy', { force: true });
  await bench.settled('the small one, as a person wants it');
  expect(runs(ids()).rules).toContain('sid:7000;');
});

test('ABUSE 108: several IDSs: one that takes nothing does not hold the others up, and catches up when it is back', async () => {
  bench = await openRuleBench({}, ['suricata', 'suricata-two']);
  ids('suricata-two').judge = () => [{ file: '', line: 0, code: 'SURICATA_RULES_BROKEN', message: 'ill' }];
  await paste('own', ruleTexts(10, 5_000));
  await waitFor('one live, one refused', 30_000, async () => {
    const { targets } = await bench.overview();
    return targets[0]?.state === 'live' && targets[1]?.state === 'refused';
  });
  ids('suricata-two').judge = () => [];
  await bench.call('ruleset.deploy', {});
  await bench.settled('both');
  // One that lost its rules is given them again without anybody saying so.
  ids('suricata-two').applied = undefined;
  await waitFor(
    'the lost ruleset',
    30_000,
    () => ids('suricata-two').applied?.version === ids().applied?.version,
  );
});

test('a job that a restart interrupts is ended, and what was wanted is deployed', async () => {
  bench = await openRuleBench();
  ids().hangs = true;
  await paste('own', ruleTexts(10, 5_000));
  await waitFor(
    'a test at work',
    30_000,
    async () => (await bench.overview()).job?.targets[0]?.stage === 'testing',
  );
  await bench.restart();
  ids().hangs = false;
  await bench.settled('the ruleset after the restart');
  const { jobs } = await bench.call('jobs.list', {});
  expect(jobs.map(({ state }) => state)).toEqual(expect.arrayContaining(['done']));
  expect(jobs.every(({ endedAt }) => endedAt !== undefined)).toBe(true);
});

test('when only persons deploy, changes wait for one, and an IDS that lost its rules is given what was deployed last', async () => {
  bench = await openRuleBench({ autoDeploy: false });
  await paste('own', ruleTexts(10, 5_000));
  const asked = await waitFor('what is wanted', 30_000, async () => {
    const overview = await bench.overview();
    return overview.wanted?.enabled === 9 && overview.targets.length === 1 ? overview : undefined;
  });
  expect(asked).toMatchObject({ pending: true });
  expect(ids().tested).toBe(0);
  await bench.call('ruleset.deploy', {});
  const live = await bench.settled('the first ruleset');
  await bench.call('rule.set', { sid: 5_001, enabled: false, reason: 'noisy' });
  await waitFor('the change', 30_000, async () => (await bench.overview()).wanted?.enabled === 8);
  ids().applied = undefined;
  await waitFor('the lost ruleset', 30_000, () => ids().applied?.version === live.wanted?.version);
  expect((await bench.overview()).pinned).toBeUndefined();
});

test('what expires is taken back by itself', async () => {
  bench = await openRuleBench();
  await paste('own', ruleTexts(10, 5_000));
  await bench.settled('a ruleset');
  const expires = new Date(Date.now() + 4_000).toISOString();
  await bench.call('suppression.add', { sid: 5_000, reason: 'for a moment', expires });
  await waitFor(
    'the suppression',
    30_000,
    () => runs(ids()).thresholds.includes('5000') || Date.parse(expires) < Date.now(),
  );
  await waitFor('its end', 30_000, async () => {
    const { total } = await bench.call('documents.list', { kind: 'suppression' });
    return total === 0 && !runs(ids()).thresholds.includes('5000');
  });
  const { changes } = await bench.call('changes.list', { kind: 'suppression' });
  expect(changes.map(({ action }) => action)).toEqual(['expire', 'add']);
});

test('a source is asked for, taken when its file is there, and a worse file changes nothing', async () => {
  bench = await openRuleBench();
  const resources = join(bench.folder, 'rule-manager', 'resources');
  await bench.call('source.add', {
    name: 'feed',
    origin: { type: 'url', url: 'https://rules.example/all.rules' },
    reason: 'to have some',
  });
  expect(bench.downloads).toContainEqual({
    name: 'source-feed',
    url: 'https://rules.example/all.rules',
    as: 'source-feed',
  });
  writeFileSync(join(resources, 'source-feed'), ruleTexts(30, 5_000));
  const reply = await bench.bus.bus.request('rule-manager', 'resources', {}, 10_000);
  expect(reply).toMatchObject({ ok: true });
  const good = await bench.settled('the rules of the feed');
  writeFileSync(join(resources, 'source-feed'), `${ruleText(1)}\nnot a rule\n`);
  expect(await bench.bus.bus.request('rule-manager', 'resources', {}, 10_000)).toMatchObject({
    ok: false,
    code: 'RULES_FILE_FAULTY',
  });
  const { sources } = await bench.call('sources.list', {});
  expect(sources[0]).toMatchObject({ state: 'stale', rules: { all: 30 } });
  expect(sources[0]?.refused?.faults[0]).toMatchObject({
    file: 'source-feed',
    line: 2,
    code: 'RULES_NOT_A_RULE',
  });
  expect((await bench.overview()).wanted?.version).toBe(good.wanted?.version);
});

/** An IDS that refuses the first rule that a pattern matches. */
function refuse(pattern: RegExp): TestIds['judge'] {
  return (rules, _thresholds, file) => {
    const bad = rules.split('\n').findIndex((text) => pattern.test(text));
    return bad === -1 ? [] : [{ file, line: bad + 1, code: 'SURICATA_RULES_BROKEN', message: 'no' }];
  };
}
