import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { openLinkBench, type LinkBench } from '../../support/fleet/link-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const A = testSensorId(1);
const TARGET = { instrumentUi: 'rule-manager' };
const ANN = { user: 'ann', roles: ['operator'] };
const MIB = 1 << 20;

let bench: LinkBench;
let page: Server;
let pagePort = 0;
beforeEach(async () => {
  bench = await openLinkBench({ limits: { tunnelsPerSensor: 3 }, times: { tunnelMs: 60_000 } });
  // Repeats what it gets, and ends when the other side has ended.
  page = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
  pagePort = (page.address() as AddressInfo).port;
});
afterEach(async () => {
  await bench.dispose();
  page.close();
});

const toPage = () => connect({ host: '127.0.0.1', port: pagePort, allowHalfOpen: true });

async function bytesOf(stream: Duplex): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

test('bytes go both ways, large and small, each direction ends for itself, and nothing stays open', async () => {
  const sensor = await bench.sensor(1, { page: toPage });
  await sensor.attach();
  const { links } = bench.server;
  const stream = await links.openTunnel(A, TARGET, ANN);
  expect(links.view(A)?.tunnels).toBe(1);
  expect(sensor.received.find(({ $case }) => $case === 'openTunnel')?.value).toMatchObject({
    target: { $case: 'instrumentUi', value: 'rule-manager' },
    user: 'ann',
    roles: ['operator'],
  });
  const sent = Buffer.alloc(3 * MIB, 'abcdefg');
  for (const size of [1, 10, 100_000]) stream.write(sent.subarray(0, size));
  stream.end(sent);
  const received = await bytesOf(stream);
  expect(received).toHaveLength(3 * MIB + 100_011);
  expect(received.subarray(100_011).equals(sent)).toBe(true);
  await waitFor('the tunnel to be forgotten', 5_000, () => links.view(A)?.tunnels === 0);
});

test('a slow reader at the sensor stops the writer here', async () => {
  const slow = new Duplex({ read: () => undefined, write: () => undefined }); // takes one write and never another
  await (await bench.sensor(1, { page: () => slow })).attach();
  const stream = await bench.server.links.openTunnel(A, TARGET, ANN);
  let written = 0;
  let hasRoom = true;
  stream.on('drain', () => (hasRoom = true));
  for (let idleTurns = 0; written < 64 && idleTurns < 60; idleTurns += 1) {
    if (hasRoom) {
      written += 1;
      idleTurns = 0;
      hasRoom = stream.write(Buffer.alloc(64 << 10));
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // Buffers of both ends and the window between them.
  expect(written).toBeLessThan(48);
  // Whoever gives up is not held by what the sensor does not take, and the sensor learns it.
  stream.destroy();
  await waitFor('the page to be closed', 10_000, () => slow.destroyed);
});

test('a slow reader here stops the writer at the sensor, and its link lives on', async () => {
  let sent = 0;
  const source = new Duplex({
    write: (_chunk, _encoding, done) => done(),
    read() {
      sent += 1;
      this.push(Buffer.alloc(64 << 10));
    },
  });
  const sensor = await bench.sensor(1, { page: () => source });
  await sensor.attach();
  const { links } = bench.server;
  const stream = await links.openTunnel(A, TARGET, ANN);
  let before = -1;
  await waitFor(
    'the source to stand still',
    10_000,
    () => {
      const still = sent === before;
      before = sent;
      return still && sent > 0;
    },
    { intervalMs: 500 },
  );
  expect(sent).toBeLessThan(128);
  const beats = sensor.heartbeats;
  await waitFor('heartbeats beside it', 5_000, () => sensor.heartbeats > beats + 1);
  expect(links.attached(A)).toBe(true);
  stream.destroy();
});

test('tunnels that the sensor refuses, does not open, or that are too many', async () => {
  const { links } = bench.server;
  const replies: (Duplex | string | undefined)[] = ['FLEET_LINK_UI_REFUSED', '<b>not a code</b>'];
  const sensor = await bench.sensor(1, { page: () => (replies.length > 0 ? replies.shift() : toPage()) });
  await sensor.attach();
  const open = () => links.openTunnel(A, TARGET, ANN);
  await expect(open()).rejects.toMatchObject({
    code: 'FLEET_LINKS_TUNNEL_REFUSED',
    fields: { reason: 'FLEET_LINK_UI_REFUSED' },
  });
  await expect(open()).rejects.toMatchObject({ fields: { reason: 'unknown' } });
  const abort = new AbortController();
  replies.push(undefined);
  const unwanted = links.openTunnel(A, TARGET, ANN, abort.signal);
  abort.abort();
  await expect(unwanted).rejects.toMatchObject({ code: 'FLEET_LINKS_CANCELLED' });
  await Promise.all([open(), open(), open()]);
  await expect(open()).rejects.toMatchObject({ code: 'FLEET_LINKS_TUNNELS_BUSY' });
});

test('a tunnel that the sensor does not open in time is over', async () => {
  await bench.dispose();
  bench = await openLinkBench({ times: { tunnelMs: 300 } });
  const sensor = await bench.sensor(1, { page: () => undefined });
  await sensor.attach();
  await expect(bench.server.links.openTunnel(A, TARGET, ANN)).rejects.toMatchObject({
    code: 'FLEET_LINKS_TUNNEL_TIMEOUT',
  });
  expect(bench.server.links.view(A)?.tunnels).toBe(0);
});

test('an id works once, in time, and for the sensor that was asked', async () => {
  const { links } = bench.server;
  const [sensor, other] = [await bench.sensor(1), await bench.sensor(2)];
  await sensor.attach();
  await other.attach();
  const opened = links.openTunnel(A, TARGET, ANN);
  const asked = await waitFor('the wish', 5_000, () =>
    sensor.received.find(({ $case }) => $case === 'openTunnel'),
  );
  const { id } = asked.value as { id: string };
  const refusalOf = async (call: ReturnType<typeof sensor.openTunnelCall>) => {
    const ended = once(call, 'error');
    call.resume();
    return ((await ended) as [{ code: number }])[0].code;
  };
  expect(await refusalOf(other.openTunnelCall(id))).toBe(status.NOT_FOUND);
  expect(await refusalOf(sensor.openTunnelCall('0'.repeat(32)))).toBe(status.NOT_FOUND);
  const right = sensor.openTunnelCall(id);
  const stream = await opened;
  right.write({ data: Buffer.from('hello'), end: false });
  expect(String((await once(stream, 'data'))[0])).toBe('hello');
  expect(await refusalOf(sensor.openTunnelCall(id))).toBe(status.NOT_FOUND);
  stream.destroy();
});

test('tunnels end with the link; without a link there is none', async () => {
  const { links } = bench.server;
  const sensor = await bench.sensor(1, { page: toPage });
  await sensor.attach();
  const stream = await links.openTunnel(A, TARGET, ANN);
  const failed = once(stream, 'error');
  links.revoke(A);
  expect(await failed).toMatchObject([{ code: 'ECONNRESET' }]);
  expect(links.attached(A)).toBe(false);
  const stranger = await bench.sensor(2);
  const call = stranger.openTunnelCall('uplink');
  const refused = once(call, 'error');
  call.resume();
  expect(((await refused) as [{ code: number }])[0].code).toBe(status.FAILED_PRECONDITION);
});

test('uplinks are handed over with the key that the sensor names; the newest two count', async () => {
  const sensor = await bench.sensor(1);
  await sensor.attach();
  const first = sensor.openUplink('UABC');
  first.on('error', () => undefined);
  first.write('from the sensor');
  const uplink = await waitFor('the uplink', 5_000, () => bench.uplinks[0]);
  expect(uplink).toMatchObject({ sensor: A, publicKey: 'UABC' });
  uplink.stream.write('from the hub');
  expect(String((await once(uplink.stream, 'data'))[0])).toBe('from the sensor');
  expect(String((await once(first, 'data'))[0])).toBe('from the hub');
  const gone = once(uplink.stream, 'close');
  for (const n of [2, 3]) {
    const more = sensor.openUplink();
    more.on('error', () => undefined);
    more.pipe(new PassThrough()).resume();
    await waitFor('one more uplink', 5_000, () => bench.uplinks.length === n);
  }
  await gone;
  expect(bench.server.links.view(A)?.tunnels).toBe(2);
});
