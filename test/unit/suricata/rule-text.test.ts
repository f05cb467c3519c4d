import { expect, test } from 'vitest';
import { findRules } from '../../../instruments/suricata/src/rule-text.ts';

const rule = (sid: string) => `alert tcp any any -> any any (msg:"x"; sid:${sid}; rev:1;)`;

test('comments, empty and indented lines are no rules, as for Suricata', () => {
  const text = ['# a', '', rule('1'), `  ${rule('2')}`, `\t${rule('3')}`, `#${rule('4')}`, rule('5')].join(
    '\n',
  );
  expect(findRules(text)).toEqual({
    rules: [
      { line: 3, sids: ['1'] },
      { line: 7, sids: ['5'] },
    ],
  });
});

test('a backslash joins lines, also before white space and before a comment sign', () => {
  const text = 'alert tcp any any -> any any \\\n (msg:"a"; \\ \n#not a comment here; sid:9;)\n';
  expect(findRules(text)).toEqual({ rules: [{ line: 1, sids: ['9'] }] });
});

test('carriage returns do no harm', () => {
  expect(findRules(`${rule('1')}\r\n\r\n${rule('2')}\r\n`).rules.map((found) => found.line)).toEqual([1, 3]);
});

test('sid is found wherever Suricata finds it', () => {
  const find = (text: string) => findRules(text).rules[0]?.sids;
  expect(find('alert ip any any -> any any (sid:7;)')).toEqual(['7']);
  expect(find('alert ip any any -> any any ( ( SID : 7 ; msg:"b";)')).toEqual(['7']);
  expect(find('alert ip any any -> any any (content:"a\\;sid:8"; sid:7;)')).toEqual(['7']);
  // Suricata cuts at a semicolon inside quotes too, so what follows counts.
  expect(find('alert ip any any -> any any (msg:"a; sid:2999001; b"; sid:7;)')).toEqual(['2999001', '7']);
  expect(find('alert ip any any -> any any (msg:"sid";)')).toEqual([]);
});

test.each([
  ['alert ip any any -> any any sid:1;', 'options in parentheses'],
  ['some words', 'options in parentheses'],
  [`alert tcp any any -> any any (msg:"${'a'.repeat(9000)}"; sid:1;)`, 'longer than 8000'],
  [`alert tcp any any -> any any (msg:"\0"; sid:1;)`, 'NUL'],
  [`${rule('1')} \\`, 'after a backslash'],
])('is not a rule: %.40s', (text, why) => {
  expect(findRules(text).fault).toEqual({ line: 1, why: expect.stringContaining(why) as string });
});

test('a comment longer than Suricata reads at once hides no rule', () => {
  // Suricata would read the rest of this comment as a line of its own.
  expect(findRules(`#${'x'.repeat(8190)}${rule('2999001')}`).fault?.why).toContain('longer');
});
