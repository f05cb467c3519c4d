import { expect, test } from 'vitest';
import { BulkheadError, linkName, site, sitePaths, tableName, type Site } from '@bulkhead/platform/kernel';
import { parseStartOptions, type StartOptions } from '../../../scripts/src/start/options.ts';
import { availableMemoryMib, fleetSites, siteBeside, tooManyFor } from '../../../scripts/src/start/sites.ts';

test.each([
  ['the machine itself', site()],
  ['beside another', siteBeside('b5')],
])('sensors of one fleet, %s, share no name, folder or port', (_what, first) => {
  const sites = fleetSites(first, 3);
  expect(sites[0]).toBe(first);
  const distinct = (of: (at: Site) => unknown) => new Set(sites.map(of)).size;
  expect(distinct((at) => linkName(at, 'm', 'suricata/mon0'))).toBe(3);
  expect(distinct((at) => tableName(at, 'mon'))).toBe(3);
  expect(distinct(({ stateDir }) => stateDir)).toBe(3);
  expect(distinct((at) => sitePaths(at).sensordSocket)).toBe(3);
  expect(distinct(({ lxdProject }) => lxdProject)).toBe(3);
  expect(distinct(({ lxdPool }) => lxdPool)).toBe(3);
  // What was built is there once.
  expect(distinct(({ cacheDir }) => cacheDir)).toBe(1);
  // Beside the port of the first one's bus are the fleet's two.
  const ports = sites.map(({ natsPort }) => natsPort);
  expect(new Set([...ports, first.natsPort + 1, first.natsPort + 2, 8443, 8444]).size).toBe(7);
});

test('how many fit is a matter of memory, and the reason says the numbers', async () => {
  expect(tooManyFor(3, 8_000)).toBeUndefined();
  expect(tooManyFor(3, 2_500)).toBe(
    '3 sensors need about 3300 MiB of memory, and 2500 MiB are free: enough for 2',
  );
  expect(tooManyFor(2, 700)).toBe('2 sensors need about 2400 MiB of memory, and 700 MiB are free');
  expect(await availableMemoryMib()).toBeGreaterThan(0);
});

test('one sensor is what is run when nothing else is said', () => {
  const one = parseStartOptions([]) as StartOptions;
  expect([one.sites.map(({ prefix }) => prefix), one.fleet]).toEqual([['bh'], true]);
  const three = parseStartOptions(['--sensors', '3', '--beside', 'b5']) as StartOptions;
  expect(three.sites.map(({ prefix }) => prefix)).toEqual(['b5', 'b52', 'b53']);
  expect(() => parseStartOptions(['--beside', 'B-5'])).toThrow(BulkheadError);
});
