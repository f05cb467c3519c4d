import { expect, test } from 'vitest';
import { lookupText, secondsOf } from '../../../platform/cli/commands/dns.ts';
import { chooseResolver } from '../../../platform/sensord/dns.ts';

const record = {
  rrname: 'a.example',
  rrtype: 'A',
  rdata: '192.0.2.1',
  time_first: 0,
  time_last: 60,
  count: 7,
};

test('records for people: a table, or that nothing was seen, or that there are more', () => {
  expect(lookupText('a.example', [record], false).split('\n')).toEqual([
    'NAME       TYPE  VALUE      FIRST SEEN            LAST SEEN             COUNT',
    'a.example  A     192.0.2.1  1970-01-01T00:00:00Z  1970-01-01T00:01:00Z  7',
  ]);
  expect(lookupText('a.example', [record], true)).toContain('--limit');
  expect(lookupText('b\u001b[2J.example', [], false)).toBe('nothing was seen of b\\u{1b}[2J.example');
});

test('no name steers a terminal or turns the direction of text; other scripts stay readable', () => {
  const text = lookupText(
    '*.example',
    [{ ...record, rrname: '\u202egpj\u009b.пример', rdata: '\u200b\u001b' }],
    false,
  );
  expect(text).toContain('\\u{202e}gpj\\u{9b}.пример');
  expect(text).toContain('\\u{200b}\\u{1b}');
});

test.each([
  ['2026-03-02T08:00:00Z', 1_772_438_400],
  ['24h', 1_772_352_000],
  ['7d', 1_771_833_600],
])('--since %s', (text, seconds) => {
  expect(secondsOf(text, Date.parse('2026-03-02T08:00:00Z'))).toBe(seconds);
});

test('--since of anything else is wrong usage', () => {
  expect(() => secondsOf('yesterday', 0)).toThrow(expect.objectContaining({ code: 'CLI_USAGE' }) as Error);
});

test('who is asked: the only one, the named one; none and several are told about', () => {
  expect(chooseResolver(['a'], undefined)).toBe('a');
  expect(chooseResolver(['a', 'b'], 'b')).toBe('b');
  const code = (names: string[], wanted?: string) => {
    try {
      return chooseResolver(names, wanted);
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  expect(code([])).toBe('SENSORD_DNS_UNKNOWN');
  expect(code(['a'], 'c')).toBe('SENSORD_DNS_UNKNOWN');
  expect(code(['a', 'b'])).toBe('SENSORD_DNS_AMBIGUOUS');
});
