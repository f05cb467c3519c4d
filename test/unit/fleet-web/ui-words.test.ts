import { expect, test } from 'vitest';
import {
  byteWords,
  compactNumber,
  counted,
  percentWords,
  rateWords,
} from '../../../fleet-ui/web/src/text/number-words.ts';
import { durationWords, relativeTime } from '../../../fleet-ui/web/src/text/time-words.ts';
import { localPath } from '../../../fleet-ui/web/src/text/local-path.ts';
import { assignmentWords } from '../../../fleet-ui/web/src/text/role-words.ts';

test.each([
  [0, '0 s'],
  [59.4, '59 s'],
  [60, '1 min'],
  [3_599, '59 min'],
  [7_260, '2 h 1 min'],
  [90_000, '1 d 1 h'],
  [864_000, '10 d'],
  [-5, '0 s'],
  [Number.NaN, 'unknown'],
])('%s seconds are %s', (seconds, words) => {
  expect(durationWords(seconds)).toBe(words);
});

test('a time is told as people say it, also one that is to come or cannot be read', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  expect(relativeTime('2026-03-01T11:59:59Z', now)).toBe('now');
  expect(relativeTime('2026-03-01T11:58:00Z', now)).toBe('2 min ago');
  expect(relativeTime('2026-03-01T15:00:00Z', now)).toBe('in 3 h');
  expect(relativeTime(undefined, now)).toBe('never');
  expect(relativeTime('yesterday', now)).toBe('unknown');
});

test.each([
  [0, '0'],
  [999, '999'],
  [1_000, '1 k'],
  [1_234, '1.2 k'],
  [999_600, '1 M'],
  [34_000_000, '34 M'],
  [-1_500, '-1.5 k'],
  [0.4, '0.4'],
  [Infinity, '–'],
])('%s is written %s', (value, words) => {
  expect(compactNumber(value)).toBe(words);
});

test('sizes, shares and rates keep what matters and no more', () => {
  expect(byteWords(512)).toBe('512 B');
  expect(byteWords(1_536)).toBe('1.5 KiB');
  expect(byteWords(20 * 2 ** 30)).toBe('20 GiB');
  expect(percentWords(0, 100)).toBe('0 %');
  expect(percentWords(1, 1_000_000)).toBe('< 0.01 %');
  expect(percentWords(4, 1_000)).toBe('0.4 %');
  expect(percentWords(1, 0)).toBe('0 %');
  expect(rateWords(4_210.4)).toBe('4.2 k/s');
  expect(counted(1, 'sensor')).toBe('1 sensor');
  expect(counted(1_200, 'sensor')).toBe('1,200 sensors');
});

test.each([
  '//evil.example',
  '/\\evil.example',
  'https://evil.example',
  'javascript:alert(1)',
  '/a\tb',
  '\\\\evil',
  '/a\\b',
  '',
])('after signing in nobody is led to %j', (path) => {
  expect(localPath(path)).toBe('/');
});

test('after signing in one goes on where one was', () => {
  expect(localPath('/events?text=dns&range=7d')).toBe('/events?text=dns&range=7d');
  expect(localPath(undefined)).toBe('/');
});

test('a role says where it counts', () => {
  const name = (id: string) => (id === 's_abcdefghijklmnop' ? 'ward-3' : id);
  expect(assignmentWords({ role: 'viewer' }, name)).toBe('viewer');
  expect(
    assignmentWords({ role: 'operator', sensors: ['s_abcdefghijklmnop'], instruments: ['suricata'] }, name),
  ).toBe('operator on ward-3 only suricata');
});
