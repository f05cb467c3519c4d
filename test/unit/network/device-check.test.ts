import { describe, expect, test } from 'vitest';
import { judgeDevice, type DeviceFacts } from '../../../platform/network/device-check.ts';
import type { Link } from '../../../platform/network/links.ts';

const link = (ifname: string, more: Partial<Link> = {}): Link => ({
  ifindex: 5,
  ifname,
  flags: ['BROADCAST', 'UP'],
  mtu: 1500,
  link_type: 'ether',
  addr_info: [],
  ...more,
});
const address = (local: string, family = 'inet') => ({ addr_info: [{ local, family }] });
const facts = (more: Partial<DeviceFacts>): DeviceFacts => ({
  links: [link('eth1')],
  defaultRoutes: [],
  sessions: [],
  wireless: false,
  ours: false,
  ...more,
});
const vlan = (ifname: string, parent: string, more: Partial<Link> = {}): Link =>
  link(ifname, { link: parent, linkinfo: { info_kind: 'vlan' }, ...more });

describe('judgeDevice', () => {
  test.each<[string, Partial<DeviceFacts>, string]>([
    ['absent', { links: [] }, 'eth1 does not exist'],
    ['loopback', { links: [link('eth1', { flags: ['LOOPBACK'] })] }, 'eth1 is the loopback device'],
    ['tunnel', { links: [link('eth1', { link_type: 'none' })] }, 'eth1 is not an Ethernet device'],
    ['wireless', { wireless: true }, 'eth1 is a wireless device, which cannot receive a mirrored copy'],
    [
      'IPv4',
      { links: [link('eth1', address('192.0.2.1'))] },
      'eth1 has the address 192.0.2.1; a monitor interface has none',
    ],
    [
      'IPv6',
      { links: [link('eth1', address('fe80::1', 'inet6'))] },
      'eth1 has the address fe80::1; a monitor interface has none',
    ],
    ['default route', { defaultRoutes: ['eth1'] }, 'eth1 carries a default route'],
    ['bond port', { links: [link('eth1', { master: 'bond0' }), link('bond0')] }, 'eth1 is a port of bond0'],
    [
      'VLAN parent',
      { links: [link('eth1'), vlan('eth1.5', 'eth1', address('192.0.2.9'))] },
      'eth1 has the address 192.0.2.9 through eth1.5, which runs over it; a monitor interface has none',
    ],
    [
      'a bridge on a VLAN on it',
      { links: [link('eth1'), vlan('eth1.5', 'eth1', { master: 'br0' }), link('br0', address('192.0.2.9'))] },
      'eth1 has the address 192.0.2.9 through br0, which runs over it; a monitor interface has none',
    ],
    [
      'session',
      {
        links: [link('eth1', address('192.0.2.1'))],
        sessions: [{ local: '192.0.2.1', peer: '203.0.113.7', device: 'eth1' }],
      },
      'eth1 carries a remote session (203.0.113.7 is connected to 192.0.2.1); watching it would cut that off',
    ],
  ])('ABUSE 116: refuses: %s', (_, more, reason) => {
    expect(judgeDevice('eth1', facts(more))).toEqual({ ok: false, reason });
  });

  test('accepts a device without any of these, whatever others carry', () => {
    const links = [
      link('eth0', address('192.0.2.1')),
      link('eth1'),
      vlan('eth0.5', 'eth0', address('192.0.2.2')),
    ];
    const sessions = [{ local: '192.0.2.1', peer: '203.0.113.7', device: 'eth0' }];
    expect(judgeDevice('eth1', facts({ links, defaultRoutes: ['eth0'], sessions }))).toEqual({ ok: true });
  });

  test('the far end of a veth is not a device on top of it', () => {
    const pair = [
      link('eth1', { link: 'far', linkinfo: { info_kind: 'veth' } }),
      link('far', { link: 'eth1', linkinfo: { info_kind: 'veth' }, ...address('192.0.2.1') }),
    ];
    expect(judgeDevice('eth1', facts({ links: pair }))).toEqual({ ok: true });
  });

  test('a device that is a monitor interface already is recognised', () => {
    expect(judgeDevice('eth1', facts({ ours: true }))).toMatchObject({
      ok: true,
      note: expect.any(String) as string,
    });
  });
});
