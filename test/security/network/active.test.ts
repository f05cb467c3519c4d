import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';
import type { Destination } from '@bulkhead/platform/network';
import { ActiveRig, OUTSIDE } from '../../integration/network/active-fixture.ts';
import { arp, frame, ip, marked, marksIn, udp } from '../../integration/network/active-frames.ts';

let rig: ActiveRig;
beforeEach(async () => {
  rig = await ActiveRig.open('b62');
});
afterEach(async () => {
  await rig.close();
});

const ME = '10.77.0.10';
const PEER = '10.77.0.11';
const to = (target: string, ports: number[], more: Partial<Destination> = {}): Destination => ({
  to: target,
  protocol: 'tcp',
  ports,
  privateAddresses: true,
  ...more,
});
const WEB_UDP = to(OUTSIDE.web, [53], { protocol: 'udp' });

/** Frames that an instrument with hardware address `mac` must not get out, however it is wired. */
function forbidden(mac: string, far: string): Record<string, string> {
  const other = '02:66:66:66:66:66';
  const all = 'ff:ff:ff:ff:ff:ff';
  const good = ip(ME, OUTSIDE.web, 17, udp(40_000, 53));
  return {
    'a foreign hardware address': frame(other, far, 0x0800, good),
    'a foreign address': frame(mac, far, 0x0800, ip('10.77.0.200', OUTSIDE.web, 17, udp(40_000, 53))),
    'the address of its gateway': frame(
      mac,
      far,
      0x0800,
      ip(OUTSIDE.gateway, OUTSIDE.web, 17, udp(40_000, 53)),
    ),
    'another destination': frame(mac, far, 0x0800, ip(ME, OUTSIDE.other, 17, udp(40_000, 53))),
    'another port': frame(mac, far, 0x0800, ip(ME, OUTSIDE.web, 17, udp(40_000, 54))),
    'another protocol': frame(mac, far, 0x0800, ip(ME, OUTSIDE.web, 6, udp(40_000, 53) + '00'.repeat(20))),
    ping: frame(mac, far, 0x0800, ip(ME, OUTSIDE.web, 1, '0800f7ff00000000')),
    'a fragment': frame(mac, far, 0x0800, ip(ME, OUTSIDE.web, 17, udp(40_000, 53), { fragment: 0x2000 })),
    'a later fragment': frame(mac, far, 0x0800, ip(ME, OUTSIDE.web, 17, udp(40_000, 53), { fragment: 8 })),
    'a source route': frame(
      mac,
      far,
      0x0800,
      ip(ME, OUTSIDE.web, 17, udp(40_000, 53), { options: '83070 4c0a80001 00'.replaceAll(' ', '') }),
    ),
    'to all on the link': frame(mac, all, 0x0800, good),
    'to a group': frame(mac, '01:00:5e:00:00:fb', 0x0800, good),
    'a VLAN': frame(mac, far, 0x0800, good, [[0x8100, 5]]),
    'priority only': frame(mac, far, 0x0800, good, [[0x8100, 0]]),
    'two VLANs': frame(mac, far, 0x0800, good, [
      [0x88a8, 5],
      [0x8100, 6],
    ]),
    IPv6: frame(
      mac,
      '33:33:00:00:00:02',
      0x86dd,
      `6000000000083aff${'fe80'.padEnd(32, '0')}${'ff02'.padEnd(32, '0')}8500`,
    ),
    'spanning tree': frame(mac, '01:80:c2:00:00:00', 38, '424203000000000000'),
    LLDP: frame(mac, '01:80:c2:00:00:0e', 0x88cc, '0207'),
    'an unknown protocol': frame(mac, far, 0x1234, '00'),
    'ARP for a neighbour': frame(mac, all, 0x0806, arp(2, mac, OUTSIDE.neighbour, far, OUTSIDE.gateway)),
    'ARP by another': frame(mac, all, 0x0806, arp(1, other, ME, '00:00:00:00:00:00', OUTSIDE.gateway)),
    'DHCP, which it was not given': frame(
      mac,
      all,
      0x0800,
      ip('0.0.0.0', '255.255.255.255', 17, udp(68, 67)),
    ),
  };
}

test.each(['dedicated', 'bridged'] as const)(
  'ABUSE 21: %s active interface: foreign addresses, tags, groups, fragments and other protocols do not leave, also past the queue and after a restart of the sensor',
  async (kind) => {
    if (kind === 'bridged') await rig.useBridge();
    const { mac } = await rig.addBox('evil', kind, `${ME}/24`, [WEB_UDP]);
    const far = (await rig.inside('lan', ['cat', `/sys/class/net/${rig.farEnd}/address`])).trim();
    const frames = Object.entries(forbidden(mac, far));
    const good = frame(mac, far, 0x0800, ip(ME, OUTSIDE.web, 17, udp(40_000, 53)));
    const allowed = frame(
      mac,
      'ff:ff:ff:ff:ff:ff',
      0x0806,
      arp(1, mac, ME, '00:00:00:00:00:00', OUTSIDE.gateway),
    );
    const sent = [...frames.map(([, bytes]) => bytes), good, allowed].map(marked);
    for (const bypass of [false, true]) {
      const heard = await rig.heard('lan', rig.farEnd, async () => {
        await rig.send('evil', 'net0', sent, bypass);
        // What was allowed arrives last, so what was not would be there.
        await rig.connect('evil', OUTSIDE.gateway, 9, 300);
      });
      const through = marksIn(heard).map((at) => frames[at]?.[0] ?? 'allowed');
      expect(through).toEqual(['allowed', 'allowed']);
      rig.network = rig.reopened();
      const device = kind === 'dedicated' ? rig.nic : rig.bridge;
      const again = { instrument: 'evil', port: 'net0', kind, device, address: `${ME}/24` };
      expect((await rig.network.activePort(again)).created).toBe(false);
    }
    const [port] = await rig.network.activePorts();
    const refusedPackets = (['refused', 'spoofed', 'protocol'] as const)
      .map((name) => port?.counts[name].packets ?? 0)
      .reduce((sum, packets) => sum + packets, 0);
    expect(refusedPackets).toBeGreaterThanOrEqual(2 * frames.length);
  },
);

test('ABUSE 26: nobody on the link, and no other instrument, opens a connection to an instrument, even where it may talk to them', async () => {
  await rig.useBridge();
  await rig.addBox('one', 'bridged', `${ME}/24`, [to('10.77.0.0/24', [8080, 40_000])]);
  await rig.addBox('two', 'bridged', `${PEER}/24`, [to('10.77.0.0/24', [8080, 40_000])]);
  // It may reach the gateway, so the way itself works.
  expect(await rig.connect('one', OUTSIDE.gateway, 8080, 5_000)).toBe(`${OUTSIDE.gateway} 8080`);
  const page = await rig.listenIn('one', 8080);
  expect(await rig.connect('one', '127.0.0.1', 8080, 5_000)).toBe('page');
  expect(await rig.connect('lan', ME, 8080)).toBeUndefined();
  expect(await rig.connect('two', ME, 8080)).toBeUndefined();
  // Also not from the port of a destination that it may reach: that is no answer.
  expect(await rig.connect('lan', ME, 8080, 700, 40_000)).toBeUndefined();
  expect(page.connections()).toBe(1);
});

test('ABUSE 115: no bridge with an address; through one without, an instrument finds no address of this machine', async () => {
  await rig.useBridge();
  const bridged = {
    instrument: 'one',
    port: 'net0',
    kind: 'bridged' as const,
    device: rig.bridge,
    address: `${ME}/24`,
  };
  await run('ip', ['address', 'add', '10.77.0.250/24', 'dev', rig.bridge]);
  await expect(rig.network.activePort(bridged)).rejects.toMatchObject({
    code: 'NETWORK_ACTIVE_REFUSED',
    message: expect.stringContaining('has the address 10.77.0.250') as string,
  });
  expect((await run('nft', ['list', 'tables', 'netdev'])).stdout).not.toContain(`${rig.site.prefix}_`);
  await run('ip', ['address', 'flush', 'dev', rig.bridge]);

  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  const { mac } = await rig.addBox('one', 'bridged', `${ME}/24`, [
    ...own.map((address) => to(address, [22, 80, 443])),
    to('0.0.0.0/0', [80]),
  ]);
  const bridgeMac = (await readFile(`/sys/class/net/${rig.bridge}/address`, 'utf8')).trim();
  const heard = await rig.heard('one', 'net0', async () => {
    const asks = own.map((address) =>
      frame(mac, 'ff:ff:ff:ff:ff:ff', 0x0806, arp(1, mac, ME, '00:00:00:00:00:00', address)),
    );
    const knocks = ['127.0.0.1', ...own].map((address) =>
      frame(mac, bridgeMac, 0x0800, ip(ME, address, 17, udp(40_000, 80))),
    );
    await rig.send('one', 'net0', [...asks, ...knocks].map(marked));
    expect(await rig.connect('one', OUTSIDE.gateway, 80, 5_000)).toBe(`${OUTSIDE.gateway} 80`);
  });
  const fromBridge = heard.filter((bytes) => bytes.slice(12, 24) === bridgeMac.replaceAll(':', ''));
  expect(fromBridge.filter((bytes) => marksIn([bytes]).length === 0)).toEqual([]);
});

test('ABUSE 27: loopback, metadata services and the private network behind a public name are refused by the network itself', async () => {
  await rig.addBox('downloader', 'dedicated', `${ME}/24`);
  const rebound = [OUTSIDE.metadata, OUTSIDE.neighbour, '127.0.0.1', '0.0.0.0', OUTSIDE.web];
  await rig.allow('downloader', [to('rules.example', [80, 443], { privateAddresses: false })], () => rebound);
  expect(await rig.connect('downloader', OUTSIDE.web, 443, 5_000)).toBe(`${OUTSIDE.web} 443`);
  expect(await rig.connect('downloader', OUTSIDE.metadata, 80)).toBeUndefined();
  expect(await rig.connect('downloader', OUTSIDE.neighbour, 80)).toBeUndefined();
  const [port] = await rig.network.activePorts();
  expect(port?.refusedDestinations.map(({ address }) => address).sort()).toEqual([
    OUTSIDE.neighbour,
    OUTSIDE.metadata,
  ]);
});

test('ABUSE 116: a device that the host needs, a monitor interface or a bridge is not made an active interface', async () => {
  const asked = (device: string) =>
    rig.network.activePort({
      instrument: 'one',
      port: 'net0',
      kind: 'dedicated',
      device,
      address: `${ME}/24`,
    });
  await run('ip', ['address', 'add', '192.0.2.1/32', 'dev', rig.nic]);
  await expect(asked(rig.nic)).rejects.toMatchObject({
    code: 'NETWORK_ACTIVE_REFUSED',
    message: expect.stringContaining('has the address 192.0.2.1') as string,
  });
  await run('ip', ['address', 'flush', 'dev', rig.nic]);
  await expect(asked('lo')).rejects.toMatchObject({ code: 'NETWORK_ACTIVE_REFUSED' });
  await expect(asked(rig.bridge)).rejects.toMatchObject({
    message: expect.stringContaining('is a bridge') as string,
  });
  await rig.network.attachMonitor({ name: 'mon', device: rig.nic });
  await expect(asked(rig.nic)).rejects.toMatchObject({
    message: expect.stringContaining('is a monitor interface') as string,
  });
  expect((await run('ip', ['-br', 'link'])).stdout).not.toContain(`${rig.site.prefix}a-`);
});
