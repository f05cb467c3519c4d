import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ALLOWED } from '@bulkhead/platform/fleet-link';
import { allowedAsk } from '../../../platform/fleet-link/asks.ts';
import { fleetAuthor, hasRole } from '../../../platform/fleet-link/roles.ts';

const SENSORD = fileURLToPath(new URL('../../../platform/sensord', import.meta.url));

/** Every `METHOD /v1/path` that sensord registers, with placeholders as `:x`. */
function routes(): Set<string> {
  const found = readdirSync(SENSORD, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [
      ...readFileSync(join(SENSORD, name), 'utf8').matchAll(/app\.(get|post)\(\s*'([^']+)'/g),
    ])
    .map(([, method = '', path = '']) => shape(method.toUpperCase(), path));
  return new Set(found);
}

function shape(method: string, path: string): string {
  return `${method} ${path.replaceAll(/:[a-z]+/gi, ':x')}`;
}

test('what a fleet may ask is what sensord answers', () => {
  const known = routes();
  expect(known.size).toBeGreaterThan(30);
  expect(ALLOWED.map(({ method, path }) => shape(method, path)).filter((one) => !known.has(one))).toEqual([]);
});

test('keys, shutdown, files, instruments under development and the fleet itself are not among it', () => {
  const forbidden =
    /shutdown|unlock|rotate|slots|import|\/dev\/|reload|apply|rollback|fleet|exports|clock|support/;
  expect(ALLOWED.filter(({ path }) => forbidden.test(path))).toEqual([]);
  expect(ALLOWED.filter(({ method, least }) => method === 'POST' && least === 'viewer')).toEqual([]);
});

test('a path is asked as it was understood', () => {
  const { allowed, path } = allowedAsk('GET', '/v1/instruments/rule-manager/log?lines=5&x=%0d%0a&lines=6');
  expect(allowed).toMatchObject({ path: '/v1/instruments/:name/log', least: 'viewer' });
  expect(path).toBe('/v1/instruments/rule-manager/log?lines=5&x=%0D%0A&lines=6');
  expect(allowedAsk('GET', '/v1/config/revisions/12').path).toBe('/v1/config/revisions/12');
  const all = [
    '/v1/config/revisions/012',
    '/v1/config/revisions/-1',
    '/v1/instruments/Rule/log',
    '/v1/instruments//log',
  ];
  for (const one of all) expect(() => allowedAsk('GET', one)).toThrow(/FLEET|fleet/);
});

test('a role gives what those before it give, and nothing else is a role', () => {
  expect(hasRole(['viewer'], 'viewer')).toBe(true);
  expect(hasRole(['viewer'], 'analyst')).toBe(false);
  expect(hasRole(['nobody', 'admin'], 'operator')).toBe(true);
  expect(hasRole([], 'viewer')).toBe(false);
  expect(hasRole(['constructor', 'length', '0', 'Viewer'], 'viewer')).toBe(false);
});

test('a person of the fleet cannot be taken for somebody of the sensor', () => {
  expect(fleetAuthor('root')).toBe('fleet/root');
  expect(fleetAuthor('a\u202e\r\nb')).toBe('fleet/a b');
  expect(fleetAuthor(' \n ')).toBe('fleet/unknown');
});
