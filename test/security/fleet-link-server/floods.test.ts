import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { status, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import type { LinkLimits, LinkTimes } from '../../../fleet-ui/server/link/limits.ts';
import { openLinkBench, type LinkBench } from '../../support/fleet/link-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const A = testSensorId(1);
const ASK = { method: 'GET', path: '/v1/status', user: 'ann', roles: ['viewer'] };

let bench: LinkBench;
let sockets: Socket[] = [];
const LIMITS = {
  connections: 60,
  handshakes: 8,
  handshakesPerAddress: 8,
  waiting: 40,
  waitingPerAddress: 40,
};
beforeEach(async () => {
  sockets = [];
  bench = await openLinkBench({ limits: LIMITS });
});

/** For a test of just these: what is short for one test would be too short for another on a busy machine. */
async function within(times: Partial<LinkTimes>, limits: Partial<LinkLimits> = {}): Promise<void> {
  await bench.dispose();
  bench = await openLinkBench({ limits: { ...LIMITS, ...limits }, times });
}

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await bench.dispose();
});

function dial(): Socket {
  const socket = connect({ host: '127.0.0.1', port: bench.server.address.port });
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => status.OK,
    (error: unknown) => (error as ServiceError).code,
  );

test('a flood of silent connections is bounded, goes by itself, and a sensor gets in during it', async () => {
  await within({ handshakeMs: 500, waitMs: 4_000 });
  const refused: string[] = [];
  bench.server.links.events.on('refused', ({ message }) => refused.push(message));
  for (let n = 0; n < 200; n += 1) dial();
  await waitFor('some of them to be refused', 10_000, () => refused.length > 0);
  expect(bench.server.connections()).toBeLessThanOrEqual(60);
  const sensor = await bench.sensor(1);
  await waitFor(
    'the sensor to be let in',
    30_000,
    async () => (await codeOf(sensor.attach())) === status.OK,
    {
      intervalMs: 500,
    },
  );
  await waitFor('the others to be gone', 20_000, () => bench.server.connections() === 1);
});

test('who proves to be a sensor and then asks nothing is not kept', async () => {
  await within({ idleMs: 800 });
  const { key, certificate, ca } = await bench.identity(1);
  const socket = tlsConnect({
    host: '127.0.0.1',
    port: bench.server.address.port,
    ...{ key, cert: certificate, ca, ALPNProtocols: ['h2'], checkServerIdentity: () => undefined },
  });
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'secureConnect');
  await once(socket, 'close');
});

test('a sensor that attaches and does not say hello, or says something else, is told so', async () => {
  await within({ helloMs: 1_500 });
  const sensor = await bench.sensor(1);
  const ended = async (call: ReturnType<typeof sensor.openAttach>) => {
    const error = once(call, 'error');
    call.resume();
    return ((await error) as [ServiceError])[0].code;
  };
  expect(await ended(sensor.openAttach())).toBe(status.DEADLINE_EXCEEDED);
  const call = sensor.openAttach();
  call.write({ what: { $case: 'heartbeat', value: { clockMs: 1 } } });
  expect(await ended(call)).toBe(status.INVALID_ARGUMENT);
  for (const hello of [{ protocol: 0 }, { version: 'x'.repeat(65) }, { instance: 'a b\n' }]) {
    const strange = await bench.sensor(1, { hello });
    expect(await codeOf(strange.attach())).toBe(status.INVALID_ARGUMENT);
    strange.close();
  }
});

test('ABUSE 57: a giant message, or one that is none, ends the call and nothing else', async () => {
  const neighbour = await bench.sensor(2);
  await neighbour.attach();
  const sensor = await bench.sensor(1);
  await sensor.attach();
  const ended = sensor.ended();
  sensor.send({ $case: 'state', value: { statusJson: Buffer.alloc(300 << 10, 0x20) } });
  expect((await ended).code).toBe(status.RESOURCE_EXHAUSTED);
  const again = await bench.sensor(1);
  await again.attach();
  const broken = again.ended();
  again.send({ $case: 'heartbeat', value: { clockMs: Number.MAX_SAFE_INTEGER * 4 } });
  expect((await broken).code).toBe(status.INTERNAL);
  expect((await bench.server.links.collect(testSensorId(2), ASK)).status).toBe(200);
});

test('a sensor that talks without end is read slowly, stays attached, and takes nothing from its neighbour', async () => {
  const [loud, neighbour] = [await bench.sensor(1), await bench.sensor(2)];
  await loud.attach();
  await neighbour.attach();
  let going = true;
  const noise = (async () => {
    while (going) {
      for (let n = 0; n < 500; n += 1)
        loud.send({ $case: 'notice', value: { noticeJson: Buffer.from('{') } });
      await new Promise((resolve) => setImmediate(resolve));
      // A client that keeps everything would only fill its own memory.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  try {
    for (let turn = 0; turn < 5; turn += 1) {
      expect((await bench.server.links.collect(testSensorId(2), ASK)).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(bench.server.links.attached(A)).toBe(true);
  } finally {
    going = false;
    await noise;
  }
});

test('states that are none, or come too often, are counted as what they are', async () => {
  const sensor = await bench.sensor(1);
  await sensor.attach();
  const { links } = bench.server;
  let told = 0;
  links.events.on('state', () => (told += 1));
  const beganMs = performance.now();
  for (let n = 0; n < 100; n += 1) sensor.sendState({ sensor: 'lab', healthy: true, counts: { events: n } });
  await waitFor('the last of them', 20_000, () => links.state(A).status?.counts?.['events'] === 99);
  // One a second is read.
  expect(told).toBeLessThanOrEqual(2 + (performance.now() - beganMs) / 1_000);
  sensor.send({ $case: 'state', value: { statusJson: Buffer.from('[]') } });
  await waitFor('that it is seen as unreadable', 20_000, () => links.state(A).statusUnreadable);
  expect(links.state(A).status).toMatchObject({ sensor: 'lab' });
  expect(links.attached(A)).toBe(true);
});

test('calls without end on one connection are refused', async () => {
  // Few: however slowly these come, they come faster.
  await within({}, { callsPerSecond: 4 });
  const sensor = await bench.sensor(1);
  await sensor.attach();
  const codes = await Promise.all(Array.from({ length: 80 }, () => codeOf(sensor.renew(Buffer.from('x')))));
  expect(codes).toContain(status.RESOURCE_EXHAUSTED);
  expect(bench.server.links.attached(A)).toBe(true);
});

test('one sensor has at most four connections', async () => {
  // Each begins a call and says nothing, and as far as that goes all of them might stay.
  await within({ helloMs: 60_000 });
  const sensors = await Promise.all(Array.from({ length: 8 }, () => bench.sensor(1)));
  let over = 0;
  for (const sensor of sensors) {
    sensor
      .openAttach()
      .once('error', () => (over += 1))
      .resume();
  }
  await waitFor('the rest to be refused', 30_000, () => over === 4);
  expect(bench.server.connections()).toBe(4);
  expect(bench.server.links.count).toBe(0);
});
