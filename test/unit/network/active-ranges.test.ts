import { expect, test } from 'vitest';
import {
  allowedElements,
  isNever,
  isNotPublic,
  merged,
  network,
  without,
  type Destination,
} from '../../../platform/network/active/ranges.ts';

const to = (target: string, more: Partial<Destination> = {}): Destination => ({
  to: target,
  protocol: 'tcp',
  ports: [443],
  privateAddresses: false,
  ...more,
});
const elements = (list: readonly Destination[], names: Record<string, string[]> = {}, hosts: string[] = []) =>
  allowedElements(list, (name) => names[name] ?? [], hosts);

test('a host, a network and a name become ranges; equal ones appear once', () => {
  expect(elements([to('93.184.216.34'), to('93.184.216.34', { ports: [443, 80] })])).toEqual([
    '93.184.216.34 . tcp . 443',
    '93.184.216.34 . tcp . 80',
  ]);
  expect(elements([to('93.184.216.0/24'), to('93.184.216.128/25'), to('93.184.217.0/24')])).toEqual([
    '93.184.216.0-93.184.217.255 . tcp . 443',
  ]);
  expect(elements([to('a.example', { protocol: 'udp', ports: [53] })], { 'a.example': ['9.9.9.9'] })).toEqual(
    ['9.9.9.9 . udp . 53'],
  );
});

test('`any` is everything public and nothing else', () => {
  const any = elements([to('any')]).map((text) => text.split(' . ')[0] ?? '');
  const inside = (address: string): boolean =>
    any.some((range) => {
      const [first = '', last = first] = range.split('-');
      const at = network(address).first;
      return network(first).first <= at && at <= network(last).first;
    });
  for (const address of [
    '1.1.1.1',
    '8.8.8.8',
    '93.184.216.34',
    '172.32.0.1',
    '100.128.0.1',
    '223.255.255.255',
  ])
    expect([address, inside(address)]).toEqual([address, true]);
  for (const address of [
    '0.0.0.0',
    '10.0.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '192.0.0.192',
    '168.63.129.16',
    '224.0.0.1',
    '255.255.255.255',
  ])
    expect([address, inside(address)]).toEqual([address, false]);
});

test('private addresses: only where the grant says so or names them; what a name resolves to is no naming', () => {
  expect(elements([to('10.1.2.3')])).toEqual(['10.1.2.3 . tcp . 443']);
  expect(elements([to('10.0.0.0/7')])).toEqual(['11.0.0.0-11.255.255.255 . tcp . 443']);
  expect(elements([to('10.0.0.0/7', { privateAddresses: true })])).toEqual([
    '10.0.0.0-11.255.255.255 . tcp . 443',
  ]);
  const names = { 'rebind.example': ['10.0.0.5', '169.254.169.254', '127.0.0.1', '93.184.216.34'] };
  expect(elements([to('rebind.example')], names)).toEqual(['93.184.216.34 . tcp . 443']);
  expect(elements([to('rebind.example', { privateAddresses: true })], names)).toEqual([
    '10.0.0.5 . tcp . 443',
    '93.184.216.34 . tcp . 443',
    '169.254.169.254 . tcp . 443',
  ]);
});

test('this host, loopback and multicast are never a destination', () => {
  expect(elements([to('127.0.0.1'), to('224.0.0.251'), to('255.255.255.255'), to('0.0.0.0')])).toEqual([]);
  expect(
    elements([to('192.168.1.0/30', { privateAddresses: true })], {}, ['192.168.1.2', 'fe80::1']),
  ).toEqual(['192.168.1.0-192.168.1.1 . tcp . 443', '192.168.1.3 . tcp . 443']);
  expect(elements([to('2001:db8::1')])).toEqual([]);
  expect([
    isNever('127.9.9.9'),
    isNever('10.0.0.1'),
    isNotPublic('10.0.0.1'),
    isNotPublic('9.9.9.9'),
  ]).toEqual([true, false, true, false]);
});

test('ranges: merged are sorted and disjoint, holes at the edges and in the middle leave the rest', () => {
  expect(
    merged([
      { first: 5, last: 9 },
      { first: 0, last: 2 },
      { first: 3, last: 4 },
      { first: 7, last: 8 },
    ]),
  ).toEqual([{ first: 0, last: 9 }]);
  expect(
    without(
      [{ first: 0, last: 9 }],
      [
        { first: 0, last: 1 },
        { first: 4, last: 4 },
        { first: 9, last: 20 },
      ],
    ),
  ).toEqual([
    { first: 2, last: 3 },
    { first: 5, last: 8 },
  ]);
  expect(without([{ first: 3, last: 4 }], [{ first: 0, last: 9 }])).toEqual([]);
});
