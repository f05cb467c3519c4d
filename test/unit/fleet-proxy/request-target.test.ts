import { expect, test } from 'vitest';
import { checkTarget } from '../../../fleet-ui/server/proxy/request-target.ts';

function verdict(target: string): string {
  try {
    return checkTarget(target).own ? 'own' : 'passed';
  } catch (error) {
    return (error as { code: string }).code.replace('FLEET_PROXY_', '');
  }
}

test('plain addresses pass as they are, encoded where it says nothing of the way', () => {
  for (const target of [
    '/',
    '/rules?sid=1&text=a%2Fb%20c',
    '/assets/index-B3x_9.js',
    '/a//b/',
    '/.well-known/x',
    '/caf%C3%A9/%7Euser/a%20b',
    '/v1.2/x..y/...',
    '/net/10.0.0.0%2F8',
    '/x?redirect=https://example.org/&pct=100%25',
    '/x?token=page-of-its-own',
  ]) {
    expect([target, verdict(target)]).toEqual([target, 'passed']);
  }
});

test('whatever another reader may take for another path is refused', () => {
  for (const target of [
    '/a/../b',
    '/..',
    '/.',
    '/a/./b',
    '/..%2fetc',
    '/%2e%2e/x',
    '/a/%2E%2e%2Fb',
    '/%252e%252e/x',
    '/..%252fx',
    '/%25252e',
    '/a\\..\\b',
    '/a%5c..%5cb',
    '/%00',
    '/a%0d%0ab',
    '/a%7f',
    '/%c0%ae%c0%ae/x',
    '/%zz',
    '/%',
    '/a;x/..;y/b',
  ]) {
    expect([target, verdict(target)]).toEqual([target, 'PATH_REFUSED']);
  }
});

test('what is no path is refused', () => {
  for (const target of [
    '',
    '*',
    'http://a.example/',
    '//a.example/',
    '/a b',
    'a',
    `/${'x'.repeat(9_000)}`,
    '/é',
  ]) {
    expect([target.slice(0, 20), verdict(target)]).toEqual([target.slice(0, 20), 'REQUEST_REFUSED']);
  }
});

test("our own part is known however it is written, and is never the page's", () => {
  for (const target of [
    '/.bulkhead/enter',
    '/%2ebulkhead/enter',
    '/.BULKHEAD/x',
    '/.bulkhead',
    '/.bulkhead;a/x?y',
  ]) {
    expect(['own', 'PATH_REFUSED']).toContain(verdict(target));
  }
  expect(verdict('/.bulkheads')).toBe('passed');
});

test('tokens are seen in any part, encoded once or twice, and by the names of RFC 6750 and its kin', () => {
  const token = `bh_${'a'.repeat(40)}`;
  for (const target of [
    `/x?t=${token}`,
    `/${token}/x`,
    `/x?t=%62h_${'a'.repeat(40)}`,
    `/x?t=%2562h_${'a'.repeat(40)}`,
    '/x?access_token=1',
    '/x?a=1&API_KEY=1',
    '/x?a=1&access%5ftoken=1',
  ]) {
    expect([target, verdict(target)]).toEqual([target, 'TOKEN_IN_URL']);
  }
});
