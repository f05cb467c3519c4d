import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { openRuleBench, runs, type RuleBench, type TestIds } from '../../support/rule-bench.ts';
import { ruleText, ruleTexts } from '../../support/rule-texts.ts';

let bench: RuleBench;
afterEach(() => bench.dispose());

const ids = (): TestIds => bench.ids.get('suricata')!;
const resources = () => join(bench.folder, 'rule-manager', 'resources');
const arrive = async (content: string | Buffer) => {
  writeFileSync(join(resources(), 'source-feed'), content);
  return bench.bus.bus.request('rule-manager', 'resources', {}, 30_000);
};

async function withGoodRules(): Promise<string> {
  bench = await openRuleBench();
  await bench.call('source.add', {
    name: 'feed',
    origin: { type: 'url', url: 'https://rules.example/feed.tar.gz' },
    reason: 'a test',
  });
  expect(await arrive(ruleTexts(50, 5_000))).toMatchObject({ ok: true });
  const { wanted } = await bench.settled('the good rules');
  return wanted?.version ?? '';
}

test('ABUSE 106: an empty ruleset, by an empty file or by hand, is refused by the rule manager: what ran goes on', async () => {
  const good = await withGoodRules();
  for (const empty of ['', '# all rules are gone\n', `#${ruleText(5_000)}\n`.slice(0, 40)]) {
    expect(await arrive(empty)).toMatchObject({ ok: false, code: 'RULES_FILE_EMPTY' });
  }
  expect((await bench.overview()).wanted?.version).toBe(good);
  const tested = ids().tested;
  await bench.call('source.set', { name: 'feed', enabled: false, reason: 'a slip' });
  await waitFor('the refusal', 30_000, async () =>
    (await bench.overview()).health.detail?.includes('RULES_RULESET_EMPTY'),
  );
  // Not even by force.
  const { job } = await bench.call('ruleset.deploy', { force: true });
  const ended = await waitFor('the end of the job', 30_000, async () =>
    (await bench.call('jobs.list', { limit: 50 })).jobs.find(
      ({ id, endedAt }) => id === job.id && endedAt !== undefined,
    ),
  );
  expect(ended).toMatchObject({ state: 'failed', code: 'RULES_RULESET_EMPTY' });
  expect(ids().tested).toBe(tested);
  expect(ids().applied?.version).toBe(good);
  expect((await bench.overview()).health.state).toBe('degraded');
});

test('ABUSE 107: rules that do not compile never replace rules that do, however they come', async () => {
  const good = await withGoodRules();
  // Faulty for us: refused with file and line before any IDS sees it.
  expect(await arrive(`${ruleTexts(50, 5_000)}alert tcp any any -> any any (msg:"no sid";)\n`)).toMatchObject(
    {
      ok: false,
      code: 'RULES_FILE_FAULTY',
    },
  );
  expect(ids().applied?.version).toBe(good);
  // Faulty for the IDS only.
  ids().judge = (rules, _thresholds, file) =>
    rules.includes('no_such_keyword')
      ? [{ file, line: 1, code: 'SURICATA_RULES_BROKEN', message: 'unknown keyword' }]
      : [];
  const broken = 'alert ip any any -> any any (msg:"x"; no_such_keyword; sid:4999;)';
  expect(await arrive(`${broken}\n${ruleTexts(50, 5_000)}`)).toMatchObject({ ok: true });
  const refused = await waitFor('the refusal by the IDS', 30_000, async () => {
    const overview = await bench.overview();
    return overview.targets[0]?.state === 'refused' ? overview : undefined;
  });
  expect(ids().applied?.version).toBe(good);
  expect(runs(ids()).rules).not.toContain('no_such_keyword');
  expect(refused.health.detail).toContain('SURICATA_RULES_BROKEN');
  // By hand it is tried again, and refused again; going on with the good one needs nobody.
  const { job } = await bench.call('ruleset.deploy', { force: true });
  await waitFor('the second refusal', 30_000, async () =>
    (await bench.call('jobs.list', { limit: 50 })).jobs.some(
      ({ id, state }) => id === job.id && state === 'failed',
    ),
  );
  expect(ids().applied?.version).toBe(good);
  // An edit by hand that cannot be a rule is refused at once.
  const { body } = await bench.http('rule.set', { sid: 5_000, text: 'alert nothing', reason: 'x' });
  expect(body).toMatchObject({ ok: false, code: 'RULES_NOT_A_RULE', at: '/text' });
});

test('no document touches the rules of the sensor, and the detection check stays seen', async () => {
  bench = await openRuleBench();
  for (const [operation, request] of [
    ['suppression.add', { sid: 2_999_001 }],
    ['rule.set', { sid: 2_900_001, enabled: false }],
    ['rule.set', { sid: 2_999_001, enabled: false }],
  ] as const) {
    const { status, body } = await bench.http(operation, { ...request, reason: 'quiet' });
    expect([status, body['code']]).toEqual([400, 'RULES_SID_RESERVED']);
  }
  const { body } = await bench.http('source.add', {
    name: 'own',
    origin: { type: 'pasted' },
    text: 'alert ip any any -> any any (msg:"mine"; sid:2999001; rev:99;)',
    reason: 'x',
  });
  expect(body).toMatchObject({
    code: 'RULES_FILE_FAULTY',
    faults: [{ code: 'RULES_SID_RESERVED', line: 1 }],
  });
  expect((await bench.call('sources.list', {})).sources).toEqual([]);
});
