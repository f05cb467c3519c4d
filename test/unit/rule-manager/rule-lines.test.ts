import { expect, test } from 'vitest';
import { noRules, readRules } from '../../../instruments/rule-manager/src/rules/rule-lines.ts';
import { isFault, parseRule } from '../../../instruments/rule-manager/src/rules/rule-text.ts';
import { ruleText } from '../../support/rule-texts.ts';

async function read(text: string | Buffer) {
  const found = noRules();
  await readRules(found, 'some.rules', Buffer.from(text), 1_000);
  return found;
}
const codesOf = async (text: string | Buffer) =>
  (await read(text)).faults.map(({ line, code }) => `${String(line)} ${code}`);

test('a rule is taken apart as Suricata reads it', () => {
  const text =
    'alert tcp $HOME_NET [80, 8080] -> !10.0.0.0/8 any (msg:"a \\; (b)"; content:"x\\;y"; pcre:"/sid:5/"; gid:3; ' +
    'classtype:trojan-activity; reference:cve,2026-1; metadata:a b, c d; sid:77; rev:4;)';
  const parsed = parseRule(text);
  expect(parsed).toMatchObject({
    text,
    action: 'alert',
    sid: 77,
    gid: 3,
    rev: 4,
    msg: 'a ; (b)',
    classtype: 'trojan-activity',
    priority: 1,
    references: ['cve,2026-1'],
    metadata: ['a b', 'c d'],
    content: 'x;y /sid:5/',
  });
});

test.each([
  ['no rule at all', 'RULES_NOT_A_RULE'],
  ['alert tcp any any (sid:1;)', 'RULES_NOT_A_RULE'],
  ['alert tcp any any -> any (sid:1;)', 'RULES_NOT_A_RULE'],
  ['alert tcp any any -> any any (sid:1;) and more', 'RULES_NOT_A_RULE'],
  ['alert; tcp any any -> any any (sid:1;)', 'RULES_NOT_A_RULE'],
  ['alert tcp any any -> any any (msg:"a\u0007"; sid:1;)', 'RULES_NOT_A_RULE'],
  ['reject tcp any any -> any any (sid:1;)', 'RULES_ACTION_REFUSED'],
  ['alert tcp any any -> any any (msg:"none";)', 'RULES_SID_INVALID'],
  ['alert tcp any any -> any any (sid:1; sid:2;)', 'RULES_SID_INVALID'],
  ['alert tcp any any -> any any (sid:-1;)', 'RULES_SID_INVALID'],
  ['alert tcp any any -> any any (sid:4294967297;)', 'RULES_SID_INVALID'],
  ['alert tcp any any -> any any (sid:2999001;)', 'RULES_SID_RESERVED'],
])('%s: %s', (text, code) => {
  const parsed = parseRule(text);
  expect(isFault(parsed) && parsed.code).toBe(code);
});

test('comments, disabled rules, continued lines and Windows line ends', async () => {
  const long = ruleText(3);
  const text = [
    '# a comment',
    '',
    `#${ruleText(1)}`,
    `## ${ruleText(2)}`,
    '# alert somebody (about sid: 9)',
    `${long.slice(0, 60)}\\`,
    long.slice(60),
    `${ruleText(4)}\r`,
  ].join('\n');
  const { rules, faults } = await read(text);
  expect(faults).toEqual([]);
  expect([...rules.values()].map(({ sid, enabled, line }) => [sid, enabled, line])).toEqual([
    [1, false, 3],
    [2, false, 4],
    [3, true, 6],
    [4, true, 8],
  ]);
  expect(rules.get(3)?.text).toBe(long);
});

test('of the same sid the higher revision is taken, and one that is on before one that is off', async () => {
  const rule = (rev: number) =>
    `alert ip any any -> any any (msg:"r${String(rev)}"; sid:5; rev:${String(rev)};)`;
  const { rules, repeated } = await read([rule(2), rule(4), rule(3), `#${rule(9)}`].join('\n'));
  expect(rules.get(5)).toMatchObject({ rev: 4, enabled: true });
  expect(repeated).toBe(3);
});

test('faults have file, line, code and what to do; the rest is still read', async () => {
  const text = ['junk', ruleText(1), 'alert tcp any any -> any any (msg:"x";)', ruleText(2)].join('\n');
  const found = await read(text);
  expect([...found.rules.keys()]).toEqual([1, 2]);
  expect(found.faults).toEqual([
    {
      file: 'some.rules',
      line: 1,
      code: 'RULES_NOT_A_RULE',
      message: expect.stringContaining('Write one rule per line') as string,
    },
    {
      file: 'some.rules',
      line: 3,
      code: 'RULES_SID_INVALID',
      message: expect.stringContaining('exactly one sid') as string,
    },
  ]);
});

test('a file that ends in the middle of a rule, and one with bytes that are no text', async () => {
  expect(await codesOf(`${ruleText(1)}\nalert tcp any any \\`)).toEqual(['2 RULES_NOT_A_RULE']);
  expect(await codesOf(Buffer.from([0xff, 0xfe, 10, 0x41, 0, 10]))).toEqual([
    '1 RULES_NOT_UTF8',
    '2 RULES_NOT_UTF8',
  ]);
  expect(await codesOf(`alert ${'x'.repeat(9_000)}\n${ruleText(1)}`)).toEqual(['1 RULES_LINE_TOO_LONG']);
});

test('of many faults the first fifty are told and all are counted', async () => {
  const found = await read('x\n'.repeat(300));
  expect([found.faults.length, found.faultCount]).toEqual([50, 300]);
});

test('more rules than a source may have', async () => {
  const text = Array.from({ length: 1_001 }, (_, n) => ruleText(n + 1)).join('\n');
  await expect(read(text)).rejects.toMatchObject({ code: 'RULES_RULESET_TOO_LARGE' });
});
