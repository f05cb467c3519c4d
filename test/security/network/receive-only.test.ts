import { afterEach, beforeEach, expect, test } from 'vitest';
import { linkName, run } from '@bulkhead/platform/kernel';
import { Rig } from '../../integration/network/fixture.ts';
import { DNS, ethernet, ipv4, ipv6, OTHER, udp } from '../../integration/network/frames.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.open('b75');
});
afterEach(async () => {
  await run('nft', ['delete', 'table', 'netdev', PROOF], { allowFailure: true });
  await rig.close();
});

const PROOF = 'b75proof';
const BROADCAST = 'ff'.repeat(6);
const SPOOFED = '0202deadbeef';

/** Everything that an instrument might try: each a frame that some program on the host or the network would act on. */
const FORBIDDEN: Readonly<Record<string, string>> = {
  'spoofed MAC': `${BROADCAST}${SPOOFED}0800${ipv4(17, udp(68, 67))}`.padEnd(120, '0'),
  ARP: `${BROADCAST}${SPOOFED}0806000108000604000102020000000ac0000201${'00'.repeat(6)}c0000202`.padEnd(
    120,
    '0',
  ),
  VLAN: ethernet(0x0800, ipv4(17, udp(1, 2)), [[0x8100, 100]]),
  QinQ: ethernet(0x0800, ipv4(17, udp(1, 2)), [
    [0x88a8, 7],
    [0x8100, 100],
  ]),
  'unknown ethertype': ethernet(0x88b5, 'ab'.repeat(40)),
  STP: `0180c2000000${SPOOFED}0026424203${'00'.repeat(40)}`,
  LLDP: `0180c200000e${SPOOFED}88cc0207040202deadbeef0403076d6f6e060200780000`.padEnd(120, '0'),
  LACP: `0180c2000002${SPOOFED}8809${'01'.repeat(50)}`,
  'router advertisement': routerAdvertisement(),
  plain: DNS,
};

/** ICMPv6 type 134 from a link-local router to all nodes, RFC 4861 (the kernel checks the checksum after hop limit 255). */
function routerAdvertisement(): string {
  const body = '86000000' + '40000708' + '00000000' + '00000000' + '0101' + SPOOFED;
  const packet = ipv6(58, body).replace(/^(.{14})40/, '$1ff');
  const addressed =
    packet.slice(0, 16) + 'fe80' + '00'.repeat(13) + '01' + 'ff02' + '00'.repeat(13) + '01' + body;
  const sum = checksum(
    addressed.slice(16, 80) + (body.length / 2).toString(16).padStart(8, '0') + '0000003a' + body,
  );
  return ('333300000001' + SPOOFED + '86dd' + addressed.slice(0, 84) + sum + addressed.slice(88)).padEnd(
    120,
    '0',
  );
}

function checksum(words: string): string {
  let sum = 0;
  for (let at = 0; at < words.length; at += 4) sum += parseInt(words.slice(at, at + 4).padEnd(4, '0'), 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return (~sum & 0xffff).toString(16).padStart(4, '0');
}

/** Counts what gets past the guards: chains of the test, after ours, on the same devices. */
async function watchPast(devices: readonly string[]): Promise<() => Promise<number>> {
  const chains = devices
    .map(
      (device, at) =>
        `chain c${String(at)} {\ntype filter hook ingress device "${device}" priority 500;\ncounter name "past"\n}\n`,
    )
    .join('');
  const text = `table netdev ${PROOF} {\ncounter past {\n}\n${chains}}\n`;
  await run('nft', ['-f', '-'], {
    input: `add table netdev ${PROOF}\ndelete table netdev ${PROOF}\n${text}`,
  });
  return async () => {
    const { stdout } = await run('nft', ['list', 'counter', 'netdev', PROOF, 'past']);
    return Number(/packets (\d+)/.exec(stdout)?.[1]);
  };
}

async function refusedAt(hostEnd: string): Promise<number> {
  const table = `${rig.site.prefix}_${hostEnd.slice(rig.site.prefix.length).replace('-', '_')}`;
  const { stdout } = await run('nft', ['list', 'counter', 'netdev', table, 'refused']);
  return Number(/packets (\d+)/.exec(stdout)?.[1]);
}

test('ABUSE 20: raising any link sends nothing: not on the wire, not into a container, not into the host', async () => {
  await run('sysctl', ['-qw', `net.ipv6.conf.${rig.device}.disable_ipv6=0`]);
  const wire = await rig.listen('wire', rig.farEnd);
  await rig.network.attachMonitor({ name: 'mon', device: rig.device });
  await rig.startCapture();
  const port = await rig.network.mirrorPort({
    instrument: 'ids',
    port: 'mon0',
    monitor: 'mon',
    filter: 'all',
  });
  const past = await watchPast([
    rig.device,
    port.hostEnd,
    linkName(rig.site, 'i', 'mon'),
    linkName(rig.site, 'o', 'mon'),
  ]);
  // The container end comes up in a namespace with IPv6 on, as in an ordinary container: it sends MLD, DAD and RS.
  await rig.addNamespace('ids');
  await run('ip', ['link', 'set', 'dev', port.containerEnd, 'netns', rig.namespace('ids'), 'name', 'mon0']);
  const container = await rig.listen('ids', 'mon0').catch(() => undefined);
  await rig.inNamespace('ids', ['ip', 'link', 'set', 'mon0', 'up']);
  await rig.network.setFanout('mon', [{ hostEnd: port.hostEnd, filter: 'all' }]);
  await new Promise((resolve) => setTimeout(resolve, 5_000)); // DAD and the first router solicitations take 1-4 s
  expect(await refusedAt(port.hostEnd)).toBeGreaterThan(0); // the container did send
  expect(await past()).toBe(0);
  await container?.stop();
  expect(container?.frames ?? []).toEqual([]);
  await wire.stop();
  expect(wire.frames).toEqual([]);
  expect(await rig.counter('wire', rig.farEnd, 'rx_packets')).toBe(0);
});

/** A mirror port and a capture engine under attack from inside their containers; everything must end at the guards. */
async function attackFromContainers(bypass: boolean): Promise<void> {
  await rig.openPath();
  const port = await rig.addPort('ids');
  await rig.network.setFanout('mon', [{ hostEnd: port, filter: 'all' }]);
  const input = linkName(rig.site, 'i', 'mon');
  const past = await watchPast([rig.device, port, input, linkName(rig.site, 'o', 'mon')]);
  const wire = await rig.listen('wire', rig.farEnd);
  const frames = Object.values(FORBIDDEN);
  const before = [await refusedAt(port), await refusedAt(input)];
  const fromPort = await rig.send('ids', 'mon0', frames, { count: 500, bypass });
  const fromCapture = await rig.send('capture', 'in0', frames, { count: 500, bypass });
  expect(fromPort.sent).toBe(frames.length * 500);
  // Each frame was seen by the guard, and not one got past it.
  expect((await refusedAt(port)) - (before[0] ?? 0)).toBe(fromPort.sent);
  expect((await refusedAt(input)) - (before[1] ?? 0)).toBe(fromCapture.sent);
  expect(await past()).toBe(0);
  await wire.stop();
  expect(wire.frames).toEqual([]);
  // Meanwhile receiving goes on.
  const listener = await rig.listen('ids', 'mon0');
  await rig.send('wire', rig.farEnd, [OTHER], { count: 100 });
  await listener.stop();
  expect(listener.frames).toHaveLength(100);
}

test('ABUSE 21: spoofed MAC, VLAN, QinQ, unknown ethertype, STP and LLDP from a container are blocked', async () => {
  await attackFromContainers(false);
});

test('ABUSE 22: AF_PACKET with QDISC_BYPASS is blocked, from a container and on the monitor interface itself', async () => {
  await attackFromContainers(true);
  const wire = await rig.listen('wire', rig.farEnd);
  await rig.send(undefined, rig.device, Object.values(FORBIDDEN), { count: 200, bypass: true });
  await wire.stop();
  expect(wire.frames).toEqual([]);
  const [ledger] = (await rig.network.ledger()).monitors;
  expect(ledger).toMatchObject({ framesOnWire: 0 });
  expect(ledger?.egressDropped).toBe(Object.values(FORBIDDEN).length * 200);
});

test('ABUSE 23: a router advertisement, from the wire or from a container, changes no host route', async () => {
  const routes = async () =>
    (await run('ip', ['-6', 'route', 'show', 'table', 'all'])).stdout +
    (await run('ip', ['-6', 'addr'])).stdout;
  await rig.openPath();
  const port = await rig.addPort('ids');
  await rig.network.setFanout('mon', [{ hostEnd: port, filter: 'all' }]);
  const before = await routes();
  const advertisement = FORBIDDEN['router advertisement'] ?? '';
  await rig.send('wire', rig.farEnd, [advertisement], { count: 20 });
  await rig.send('ids', 'mon0', [advertisement], { count: 20 });
  await rig.send('capture', 'in0', [advertisement], { count: 20 });
  await rig.send('capture', 'out0', [advertisement], { count: 20 });
  // The same frame does change the routes of a link that listens: the test can fail.
  await rig.addNamespace('open');
  await run('ip', [
    'link',
    'add',
    'b75ra0',
    'netns',
    rig.namespace('open'),
    'type',
    'veth',
    'peer',
    'name',
    'b75ra1',
    'netns',
    rig.namespace('open'),
  ]);
  await rig.inNamespace('open', ['ip', 'link', 'set', 'b75ra0', 'up']);
  await rig.inNamespace('open', ['ip', 'link', 'set', 'b75ra1', 'up']);
  await expect
    .poll(
      async () => {
        await rig.send('open', 'b75ra1', [advertisement]);
        return rig.inNamespace('open', ['ip', '-6', 'route', 'show', 'default']);
      },
      { timeout: 20_000 },
    )
    .toContain('b75ra0');
  expect(await routes()).toBe(before);
});

test('ABUSE 26: no link towards an instrument has an address or a route on the host', async () => {
  await rig.openPath();
  await rig.network.setFanout('mon', [{ hostEnd: await rig.addPort('ids'), filter: 'all' }]);
  const { stdout } = await run('ip', ['-j', 'address', 'show']);
  const ours = (JSON.parse(stdout) as { ifname?: string; addr_info?: unknown[]; master?: string }[]).filter(
    (link) => link.ifname?.startsWith(rig.site.prefix),
  );
  expect(ours.map((link) => link.ifname).sort()).toEqual(
    [
      rig.device,
      ...(['i', 'o', 'k', 'j'] as const).map((role) => linkName(rig.site, role, 'mon')),
      linkName(rig.site, 'm', 'ids/mon0'),
    ].sort(),
  );
  for (const link of ours) {
    expect(link.addr_info).toEqual([]);
    expect(link.master).toBeUndefined();
  }
  const routes =
    (await run('ip', ['route', 'show', 'table', 'all'])).stdout +
    (await run('ip', ['-6', 'route', 'show', 'table', 'all'])).stdout;
  expect(routes.split('\n').filter((line) => line.includes(`dev ${rig.site.prefix}`))).toEqual([]);
});
