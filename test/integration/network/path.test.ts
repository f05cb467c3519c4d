import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';
import { openNetwork } from '@bulkhead/platform/network';
import { DNS, MACS, OTHER } from './frames.ts';
import { Rig } from './fixture.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.open('b71');
});
afterEach(async () => {
  await rig.close();
});

const all = (hostEnds: readonly string[]) => hostEnds.map((hostEnd) => ({ hostEnd, filter: 'all' as const }));

test('a packet on the wire reaches every mirror port unchanged, and every stage counts it', async () => {
  await rig.openPath();
  const ports = [await rig.addPort('one'), await rig.addPort('two')];
  await rig.network.setFanout('mon', all(ports));
  const listeners = [await rig.listen('one', 'mon0'), await rig.listen('two', 'mon0')];
  const jumbo = `${MACS}88b5${'ab'.repeat(9000)}`;
  await rig.send('wire', rig.farEnd, [DNS, OTHER], { count: 1000 });
  await rig.send('wire', rig.farEnd, [jumbo], { count: 10 });
  for (const listener of listeners) {
    expect(await listener.stop()).toBe(0);
    expect(listener.frames.filter((frame) => frame === DNS)).toHaveLength(1000);
    expect(listener.frames.filter((frame) => frame === OTHER)).toHaveLength(1000);
    expect(listener.frames.filter((frame) => frame === jumbo)).toHaveLength(10);
    expect(listener.frames).toHaveLength(2010);
  }
  const [ledger] = (await rig.network.ledger()).monitors;
  expect(ledger).toMatchObject({
    nic: { rxPackets: 2010, lost: 0 },
    framesOnWire: 0,
    forwarded: 2010,
    capture: { in: 2010, out: 2010 },
    fanout: { input: 2010, oversize: 0 },
    lost: [],
  });
  expect(ledger?.ports.map((port) => [port.wanted, port.delivered, port.dropped])).toEqual([
    [2010, 2010, 0],
    [2010, 2010, 0],
  ]);
});

test('a second sensor process adopts what stands: nothing is interrupted, counters go on', async () => {
  await rig.openPath();
  const port = await rig.addPort('one');
  await rig.network.setFanout('mon', all([port]));
  const before = await rig.network.inspect();
  const sending = rig.send('wire', rig.farEnd, [DNS], { count: 400_000 });

  const second = openNetwork({ site: rig.site });
  expect(await second.checkDevice(rig.device)).toMatchObject({ ok: true });
  expect(await second.attachMonitor({ name: 'mon', device: rig.device })).toMatchObject({ adopted: true });
  expect(await second.captureLinks('mon')).toMatchObject({ created: false });
  const again = await second.mirrorPort({ instrument: 'one', port: 'mon0', monitor: 'mon', filter: 'all' });
  expect(again).toMatchObject({ hostEnd: port, created: false });
  expect(await second.setFanout('mon', all([port]))).toEqual({ changed: false, missing: [] });

  const { sent } = await sending;
  expect(await rig.counter('one', 'mon0', 'rx_packets')).toBe(sent);
  expect(await second.inspect()).toEqual(before);
  const [ledger] = (await second.ledger()).monitors;
  expect(ledger).toMatchObject({ forwarded: sent, fanout: { input: sent }, lost: [] });
});

test('adding and removing a mirror port under traffic loses nothing for another', async () => {
  await rig.openPath();
  const [stays, goes] = [await rig.addPort('stays'), await rig.addPort('goes')];
  await rig.network.setFanout('mon', all([stays, goes]));
  const sending = rig.send('wire', rig.farEnd, [OTHER], { count: 1_000_000 });
  for (let round = 0; round < 3; round++) {
    await rig.network.removeMirrorPort({ instrument: 'goes', port: 'mon0' });
    await rig.network.setFanout('mon', all([stays]));
    await rig.network.setFanout('mon', all([stays, await rig.addPort('goes')]));
  }
  const { sent } = await sending;
  const [ledger] = (await rig.network.ledger()).monitors;
  expect(ledger?.fanout.input).toBe(sent);
  expect(ledger?.ports.find((port) => port.hostEnd === stays)).toMatchObject({
    wanted: sent,
    delivered: sent,
  });
  expect(await rig.counter('stays', 'mon0', 'rx_packets')).toBe(sent);
});

test('a mirror port whose container end is down or gone does not starve the others', async () => {
  await rig.openPath();
  const ports = [await rig.addPort('one'), await rig.addPort('two'), await rig.addPort('three')];
  await rig.network.setFanout('mon', all(ports));
  const listener = await rig.listen('one', 'mon0');
  await rig.inNamespace('two', ['ip', 'link', 'set', 'mon0', 'down']);
  await rig.send('wire', rig.farEnd, [OTHER], { count: 100 });
  await rig.inNamespace('three', ['ip', 'link', 'delete', 'mon0']); // the pair vanishes, as when a container is killed
  await rig.send('wire', rig.farEnd, [OTHER], { count: 100 });
  await listener.stop();
  expect(listener.frames).toHaveLength(200);
  // What is missing is said, and the rest is served.
  expect(await rig.network.setFanout('mon', all(ports))).toEqual({ changed: true, missing: [ports[2]] });
  // Made anew under the same name, it is served again without being asked for again.
  await rig.addPort('three');
  const again = await rig.listen('three', 'mon0');
  await rig.send('wire', rig.farEnd, [OTHER], { count: 100 });
  await again.stop();
  expect(again.frames).toHaveLength(100);
});

test('a frame larger than the mirror ports take is counted as lost, with the reason', async () => {
  await rig.openPath();
  const port = await rig.addPort('one');
  await rig.network.setFanout('mon', all([port]));
  await run('ip', ['link', 'set', 'dev', (await rig.network.captureLinks('mon')).outHost, 'mtu', '20000']);
  await rig.inNamespace('capture', ['ip', 'link', 'set', 'out0', 'mtu', '20000']);
  await rig.send('capture', 'out0', [`${MACS}88b5${'ab'.repeat(12_000)}`], { count: 5 });
  const [ledger] = (await rig.network.ledger()).monitors;
  expect(ledger?.fanout).toMatchObject({ input: 5, oversize: 5 });
  expect(ledger?.lost).toContainEqual({ stage: 'oversize', packets: 5 });
});

test('without a capture engine the packets of a monitor interface are counted as lost there', async () => {
  await rig.network.attachMonitor({ name: 'mon', device: rig.device });
  await rig.send('wire', rig.farEnd, [OTHER], { count: 50 });
  const [ledger] = (await rig.network.ledger()).monitors;
  expect(ledger).toMatchObject({ unforwarded: 50, lost: [{ stage: 'monitor', packets: 50 }] });
});

test('the capture engine comes back with new links after its container was killed', async () => {
  await rig.openPath();
  const port = await rig.addPort('one');
  await rig.network.setFanout('mon', all([port]));
  await rig.deleteNamespace('capture');
  await expect.poll(async () => (await rig.network.inspect()).monitors[0]?.captureLinked).toBe(false);
  await rig.startCapture(); // the fan-out that was asked for stands on the new link by itself
  const listener = await rig.listen('one', 'mon0');
  await rig.send('wire', rig.farEnd, [OTHER], { count: 20 });
  await listener.stop();
  expect(listener.frames).toHaveLength(20);
});

test('releasing a device gives back what was found and leaves it down; removeAll leaves nothing', async () => {
  const before = await shown(rig.device);
  await rig.openPath();
  await rig.network.setFanout('mon', all([await rig.addPort('one')]));
  await rig.network.detachMonitor('mon');
  expect(await shown(rig.device)).toEqual(before);
  await rig.openPath();
  await rig.network.removeAll();
  expect(await shown(rig.device)).toEqual(before);
  const links = (await run('ip', ['-br', 'link'])).stdout;
  expect(links).not.toMatch(new RegExp(`^${rig.site.prefix}[a-zA-Z]-`, 'm'));
  expect((await run('nft', ['list', 'tables', 'netdev'])).stdout).not.toContain(`${rig.site.prefix}_`);
  expect((await run('mount', [])).stdout).not.toContain(rig.site.runDir);
});

async function shown(device: string): Promise<unknown> {
  const { stdout } = await run('ip', ['-j', '-d', 'address', 'show', 'dev', device]);
  const [link] = JSON.parse(stdout) as {
    flags: string[];
    inet6_addr_gen_mode: string;
    promiscuity: number;
  }[];
  const { stdout: ipv6 } = await run('sysctl', ['-n', `net.ipv6.conf.${device}.disable_ipv6`]);
  const flags = link?.flags.filter((flag) => ['UP', 'NOARP', 'PROMISC'].includes(flag));
  return { flags, mode: link?.inet6_addr_gen_mode, promiscuity: link?.promiscuity, ipv6: ipv6.trim() };
}
