import { afterEach, beforeEach, expect, test } from 'vitest';
import { linkName } from '@bulkhead/platform/kernel';
import { DETECTION_CHECK } from '@bulkhead/platform/contracts';
import { ethernet, ipv4, OTHER, udp } from './frames.ts';
import { Rig } from './fixture.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.open('b79');
});
afterEach(async () => {
  await rig.close();
});

const octets = (address: string): string =>
  address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('');

function checkFrame(): string {
  const { source, destination, sourcePort, destinationPort, marker } = DETECTION_CHECK;
  const payload = Buffer.from(`${marker}${'0123456789abcdef'.repeat(2)}`).toString('hex');
  const packet = ipv4(17, udp(sourcePort, destinationPort, payload));
  return ethernet(0x0800, packet.slice(0, 24) + octets(source) + octets(destination) + packet.slice(40));
}

test('a detection check arrives at every mirror port as if from the wire, and not a frame goes out on the wire', async () => {
  await rig.openPath();
  const port = await rig.addPort('ids');
  await rig.network.setFanout('mon', [{ hostEnd: port, filter: 'all' }]);
  const [wire, ids] = [await rig.listen('wire', rig.farEnd), await rig.listen('ids', 'mon0')];
  for (let n = 0; n < 5; n++) await rig.network.inject('mon', Buffer.from(checkFrame(), 'hex'));
  await ids.stop();
  await wire.stop();
  expect(ids.frames).toEqual(Array(5).fill(checkFrame()));
  expect(wire.frames).toEqual([]);
  expect(await rig.counter('wire', rig.farEnd, 'rx_packets')).toBe(0);
  const [ledger] = (await rig.network.ledger()).monitors;
  expect(ledger).toMatchObject({
    injected: 5,
    framesOnWire: 0,
    nic: { rxPackets: 0 },
    forwarded: 5,
    lost: [],
  });
});

test('only a detection check gets through the way in: the room says why not, the kernel drops it', async () => {
  await rig.openPath();
  await rig.network.setFanout('mon', [{ hostEnd: await rig.addPort('ids'), filter: 'all' }]);
  await expect(rig.network.inject('mon', Buffer.from(OTHER, 'hex'))).rejects.toMatchObject({
    code: 'NETWORK_INJECT_REFUSED',
  });
  await expect(rig.network.inject('mon', Buffer.alloc(20))).rejects.toMatchObject({
    code: 'NETWORK_INJECT_REFUSED',
  });
  await expect(rig.network.inject('other', Buffer.from(checkFrame(), 'hex'))).rejects.toMatchObject({
    code: 'NETWORK_MONITOR_UNKNOWN',
  });
  const ids = await rig.listen('ids', 'mon0');
  const tagged = checkFrame().replace(/^(.{24})/, '$181000064');
  await rig.send(undefined, linkName(rig.site, 'k', 'mon'), [OTHER, tagged], { count: 10 });
  await ids.stop();
  expect(ids.frames).toEqual([]);
});
