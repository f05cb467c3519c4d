import { expect, test } from 'vitest';
import { compile, digestOf, type SourceRule } from '../../../instruments/rule-manager/src/compile/compile.ts';
import type { AnyDocument, Scope } from '../../../instruments/rule-manager/src/documents/schemas.ts';

const ALL: Scope = { all: true };
const NOW = Date.parse('2026-03-02T08:00:00Z');
const AT = { sensor: 'ward-3', groups: ['hospital'], nowMs: NOW };
let count = 0;

function document(kind: AnyDocument['kind'], scope: Scope, body: unknown, expires?: string): AnyDocument {
  count += 1;
  return {
    id: count.toString(16).padStart(16, '0'),
    kind,
    scope,
    body,
    author: 'ada',
    time: new Date(NOW - 1_000_000 + count).toISOString(),
    reason: 'a test',
    ...(expires === undefined ? {} : { expires }),
  } as AnyDocument;
}

const source = (name: string, scope: Scope = ALL, enabled = true) =>
  document('source', scope, {
    name,
    origin: { type: 'pasted' },
    enabled,
    skipFaulty: false,
    everyS: 0,
    maxMib: 1,
  });
const rule = (sid: number, rev = 1, enabled = true, more = ''): SourceRule => ({
  sid,
  gid: 1,
  rev,
  enabled,
  text: `alert ip any any -> any any (msg:"r${String(sid)}"; ${more}sid:${String(sid)}; rev:${String(rev)};)`,
});
const suppress = (sid: number, more: Record<string, unknown> = {}) => ({
  sid,
  gid: 1,
  action: { type: 'suppress' },
  track: 'by_either',
  ...more,
});

function compiled(documents: AnyDocument[], rules: Record<string, SourceRule[]>, at = AT) {
  return compile({ documents, rules: new Map(Object.entries(rules)), excluded: new Map() }, at);
}
const sidsFor = (documents: AnyDocument[], rules: Record<string, SourceRule[]>, at = AT) =>
  compiled(documents, rules, at).sids;

test('sources, rules and changes hold where their scope says', () => {
  const documents = [
    source('everywhere'),
    source('clinic', { group: 'clinic' }),
    source('off', ALL, false),
    document('rule', { sensor: 'ward-4' }, { sid: 1, enabled: false }),
    document('rule', { group: 'hospital' }, { sid: 2, enabled: true }),
  ];
  const rules = {
    everywhere: [rule(1), rule(2, 1, false), rule(3, 1, false)],
    clinic: [rule(10)],
    off: [rule(20)],
  };
  expect(sidsFor(documents, rules)).toEqual([1, 2]);
  expect(sidsFor(documents, rules, { ...AT, sensor: 'ward-4' })).toEqual([2]);
  expect(sidsFor(documents, rules, { ...AT, groups: ['clinic'] })).toEqual([1, 10]);
});

test('the narrower scope wins, then the later document; each part by itself', () => {
  const edited = 'alert ip any any -> any any (msg:"edited"; sid:1; rev:9;)';
  const documents = [
    source('s'),
    document('rule', { sensor: 'ward-3' }, { sid: 1, enabled: true }),
    document('rule', ALL, { sid: 1, enabled: false, text: edited }),
    document('rule', ALL, { sid: 2, enabled: true }),
    document('rule', ALL, { sid: 2, enabled: false }),
  ];
  expect(compiled(documents, { s: [rule(1), rule(2)] }).rules).toBe(`${edited}\n`);
});

test('what has expired does not count, and what is not over yet does', () => {
  const documents = [
    source('s'),
    document('rule', ALL, { sid: 1, enabled: false }, '2026-03-02T07:59:59Z'),
    document('rule', ALL, { sid: 2, enabled: false }, '2026-03-02T08:00:01Z'),
    document('suppression', ALL, suppress(1), '2026-03-02T08:00:00Z'),
  ];
  const result = compiled(documents, { s: [rule(1), rule(2)] });
  expect(result.sids).toEqual([1]);
  expect(result.thresholds).toBe('');
});

test('of the same sid in two sources the higher revision runs, once, and it is noted', () => {
  const result = compiled([source('b'), source('a')], { a: [rule(1, 2)], b: [rule(1, 3), rule(2)] });
  expect(result.rules).toContain('rev:3');
  expect(result.sids).toEqual([1, 2]);
  expect(result.notes).toEqual(['sid 1 stands in a and in b']);
});

test('suppressions and limits become lines of threshold.config; an address narrows them', () => {
  const documents = [
    source('s'),
    document('suppression', ALL, suppress(1)),
    document('suppression', { address: '10.0.0.9' }, suppress(2)),
    document('suppression', ALL, suppress(2, { addresses: ['2001:DB8::/32', '192.0.2.1'], track: 'by_src' })),
    document('suppression', { group: 'other' }, suppress(2)),
    document(
      'suppression',
      ALL,
      suppress(3, { action: { type: 'limit', count: 1, seconds: 60, per: 'by_dst' } }),
    ),
    document('rule', { address: '10.0.0.8' }, { sid: 3, enabled: false }),
    document('suppression', ALL, suppress(99)),
    document('suppression', ALL, suppress(2_900_005)),
    document('suppression', ALL, suppress(2_999_001)),
  ];
  const result = compiled(documents, { s: [rule(1), rule(2), rule(3)] });
  expect(result.thresholds.split('\n')).toEqual([
    'suppress gen_id 1, sig_id 1',
    'suppress gen_id 1, sig_id 2, track by_either, ip 10.0.0.9',
    'suppress gen_id 1, sig_id 2, track by_src, ip 192.0.2.1',
    'suppress gen_id 1, sig_id 2, track by_src, ip 2001:db8::/32',
    'suppress gen_id 1, sig_id 2900005',
    'suppress gen_id 1, sig_id 3, track by_either, ip 10.0.0.8',
    'threshold gen_id 1, sig_id 3, type limit, track by_dst, count 1, seconds 60',
    '',
  ]);
  expect(result.notes).toEqual(['a suppression of sid 99 is left out: the rule is off']);
  expect(result.sids).toContain(3);
});

test('a limit takes the place of the threshold in the rule itself', () => {
  const own = 'threshold:type limit, track by_src, count 5, seconds 9; ';
  const limit = { action: { type: 'both', count: 2, seconds: 60, per: 'by_src' } };
  const documents = [source('s'), document('suppression', ALL, suppress(1, limit))];
  const result = compiled(documents, { s: [rule(1, 1, true, own), rule(2, 1, true, own)] });
  const [first, second] = result.rules.split('\n');
  expect(first).toBe('alert ip any any -> any any (msg:"r1"; sid:1; rev:1;)');
  expect(second).toContain('threshold:');
});

test('variables: narrower scopes win name by name', () => {
  const documents = [
    document('variables', { sensor: 'ward-3' }, { addressGroups: { DNS: ['10.0.0.53'] } }),
    document('variables', ALL, {
      homeNet: ['10.0.0.0/8'],
      addressGroups: { DNS: ['$HOME_NET'], WEB: ['10.0.0.80'] },
    }),
    document('variables', { sensor: 'ward-4' }, { homeNet: ['any'] }),
  ];
  expect(compiled(documents, {}).variables).toEqual({
    homeNet: ['10.0.0.0/8'],
    addressGroups: { DNS: ['10.0.0.53'], WEB: ['10.0.0.80'] },
  });
});

test('the same wishes give the same version wherever and in whatever order, and any difference another', () => {
  const documents = [
    source('a'),
    source('b'),
    document('suppression', ALL, suppress(1)),
    document('suppression', ALL, suppress(2)),
  ];
  const rules = { a: [rule(1), rule(2)], b: [rule(3)] };
  const { id } = compiled(documents, rules);
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(compiled([...documents].reverse(), { b: rules.b, a: rules.a }).id).toBe(id);
  expect(compiled(documents.slice(0, 3), rules).id).not.toBe(id);
  expect(compiled(documents, { ...rules, b: [rule(3, 2)] }).id).not.toBe(id);
  expect(
    compiled([...documents, document('variables', ALL, { homeNet: ['10.0.0.0/8'] })], rules).id,
  ).not.toBe(id);
});

test('a rule that the IDS refused is left out until its text changes', () => {
  const desired = (text: SourceRule) => ({
    documents: [source('s')],
    rules: new Map([['s', [text, rule(2)]]]),
    excluded: new Map([[1, digestOf(rule(1).text)]]),
  });
  expect(compile(desired(rule(1)), AT).sids).toEqual([2]);
  expect(compile(desired(rule(1, 2)), AT).sids).toEqual([1, 2]);
});

test('an edited text that is not valid is not used, wherever it came from', () => {
  const documents = [
    source('s'),
    document('rule', ALL, { sid: 1, text: 'alert ip any any -> any any (sid:2;)' }),
  ];
  const result = compiled(documents, { s: [rule(1)] });
  expect(result.rules).toBe(`${rule(1).text}\n`);
  expect(result.notes).toEqual(['the edited text of sid 1 is not valid and not used']);
});
