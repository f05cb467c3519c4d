import { expect, test } from 'vitest';
import { egressOf, nameRight } from '../../../platform/sensord/egress.ts';
import { RefusedEgress, type RefusedRecord } from '../../../platform/sensord/refused-egress.ts';
import type { Rights } from '../../../platform/sensord/rights.ts';

const NONE: Rights = {
  capabilities: [],
  publish: [],
  read: [],
  send: [],
  egress: [],
  downloads: [],
  deliver: [],
  fetch: false,
  ui: false,
  accept: [],
};
const download = (url: string, more: object = {}) => ({
  name: 'rules',
  url,
  as: 'rules.tar.gz',
  everyS: 0,
  maxMib: 1,
  redirectHosts: [],
  privateAddresses: false,
  ...more,
});
const grant = { to: 'time.example', protocol: 'udp' as const, ports: [123], privateAddresses: false };

test('who does not fetch reaches what it was granted, and no download of anybody', () => {
  const own = { rights: { ...NONE, egress: [grant], downloads: [download('https://rules.example/a')] } };
  expect(egressOf({ instruments: [{ name: 'own', enabled: true, ...own }], proxy: undefined }, own)).toEqual([
    grant,
  ]);
});

test('who fetches also reaches the hosts of all approved downloads, their redirects and checksums, and the proxy', () => {
  const fetcher = { rights: { ...NONE, fetch: true } };
  const instruments = [
    {
      name: 'ids',
      enabled: true,
      rights: {
        ...NONE,
        downloads: [
          download('https://rules.example:8443/a', {
            redirectHosts: ['cdn.example'],
            privateAddresses: true,
          }),
          download('http://198.51.100.7/b', { sha256Url: 'https://sums.example/b' }),
        ],
      },
    },
  ];
  const list = egressOf(
    { instruments, proxy: { host: 'proxy.example', port: 3128, privateAddress: true } },
    fetcher,
  );
  expect(list.map(({ to, ports, privateAddresses }) => [to, ports, privateAddresses])).toEqual([
    ['rules.example', [8443], true],
    ['cdn.example', [443, 8443], true],
    ['198.51.100.7', [80], false],
    ['sums.example', [443], false],
    ['proxy.example', [3128], true],
  ]);
});

test('a name may be asked for when it is a destination; an address is no name', () => {
  expect(nameRight([grant], 'time.example')).toEqual({ allowed: true, privateAddresses: false });
  expect(nameRight([grant], 'other.example').allowed).toBe(false);
  expect(nameRight([{ ...grant, to: 'any' }], 'other.example').allowed).toBe(true);
  expect(nameRight([{ ...grant, to: '192.0.2.1' }], '192.0.2.1').allowed).toBe(false);
});

test('what was refused is told once a minute for each destination, at most twenty a minute, with nothing lost in the count', () => {
  const told: RefusedRecord[] = [];
  let now = 0;
  const refused = new RefusedEgress(
    (record) => told.push(record),
    () => now,
  );
  const ports = (packets: number, many = 1) => [
    {
      instrument: 'evil',
      port: 'net0',
      refusedDestinations: Array.from({ length: many }, (_, at) => ({
        address: `192.0.2.${String(at)}`,
        protocol: 'tcp',
        port: 22,
        packets,
      })),
    },
  ];
  now = 60_000;
  refused.take(ports(3));
  refused.take(ports(5));
  now = 125_000;
  refused.take(ports(9));
  expect(told.map(({ destination, port, count }) => [destination, port, count])).toEqual([
    ['192.0.2.0', 22, 3],
    ['192.0.2.0', 22, 6],
  ]);
  now = 240_000;
  refused.take(ports(2, 100));
  expect(told.length).toBe(22);
});
