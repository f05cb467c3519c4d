import { expect, test } from 'vitest';
import { hostPort, parseEndpoint, parseProxy, readJoinToken } from '../../../platform/fleet-link/endpoint.ts';

test('addresses of a link', () => {
  expect(parseEndpoint('fleet.example.org:8444')).toEqual({ host: 'fleet.example.org', port: 8444 });
  expect(parseEndpoint('[2001:db8::1]:8444')).toEqual({ host: '2001:db8::1', port: 8444 });
  expect(hostPort({ host: '2001:db8::1', port: 8444 })).toBe('[2001:db8::1]:8444');
  for (const bad of [
    '',
    'fleet',
    'fleet:0',
    'fleet:65536',
    '[fleet]:1',
    'a b:1',
    'unix:/x:1',
    'a/b:1',
    '-a:1',
    'a:1:1',
  ]) {
    expect(parseEndpoint(bad), bad).toBeUndefined();
  }
});

test('proxies', () => {
  expect(parseProxy('http://proxy:3128')).toEqual({ host: 'proxy', port: 3128 });
  expect(parseProxy('http://proxy')).toEqual({ host: 'proxy', port: 80 });
  expect(parseProxy('http://b%40b:p%3Aw@[::1]:1')).toEqual({ host: '::1', port: 1, credentials: 'b@b:p:w' });
  for (const bad of [
    'proxy:3128',
    'https://proxy:1',
    'http://proxy/x',
    'http://proxy?x',
    'socks5://p:1',
    'http://a:s3cret@p/%',
  ]) {
    expect(() => parseProxy(bad), bad).toThrow('The proxy is not of the form http://host:port.');
  }
});

test('what is no token is not repeated', () => {
  for (const bad of ['', 's3cret', 'AAAA-BBBB-CCCC@fleet:1', `AAAA-BBBB-CCCC@fleet:1#${'x'.repeat(42)}`]) {
    expect(() => readJoinToken(bad)).toThrow('The join token is not of the form CODE@HOST:PORT#FINGERPRINT.');
  }
  const token = readJoinToken(` aaaa-bbbb-cccc@fleet:8443#${'x'.repeat(43)}\n`);
  expect(token).toEqual({ code: 'AAAA-BBBB-CCCC', host: 'fleet', port: 8443, fingerprint: 'x'.repeat(43) });
});
