import { expect, test } from 'vitest';
import { openCookies } from '../../../fleet-ui/server/people/cookies.ts';

const SECRET = 'A'.repeat(43);

test('a session is read from the one cookie of its name, and from none when there are two', () => {
  const cookies = openCookies(true);
  const readSession = (header: string | undefined) => cookies.readSession(header);
  expect(readSession(`a=1; __Host-bulkhead=${SECRET}; b=2`)).toBe(SECRET);
  expect(readSession(`__Host-bulkhead=${'B'.repeat(43)}; __Host-bulkhead=${SECRET}`)).toBeUndefined();
  for (const other of ['bulkhead', 'x__Host-bulkhead', '__host-bulkhead', '__Host-bulkhead-ui']) {
    expect(readSession(`${other}=${SECRET}`), other).toBeUndefined();
  }
  for (const value of ['', 'short', `${SECRET}A`, `${SECRET.slice(1)}"`, `${SECRET.slice(1)}%`]) {
    expect(readSession(`__Host-bulkhead=${value}`), value).toBeUndefined();
  }
  expect(readSession(undefined)).toBeUndefined();
  expect(readSession(`${'a=1; '.repeat(10_000)}__Host-bulkhead=${SECRET}`)).toBeUndefined();
});

test('what could break out of a cookie is never set', () => {
  expect(() => openCookies(true).session('x; Domain=example.org', 1)).toThrow(/quoting/);
});
