import { once } from 'node:events';
import { connect } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FromSensor } from '@bulkhead/platform/contracts/fleet';
import { waitFor } from '@bulkhead/platform/kernel';
import { DEFAULT_LINK_TIMES, TICK_MS } from '../../../fleet-ui/server/link/limits.ts';
import { openCable } from '../../support/fleet/cable.ts';
import { openLinkBench, type LinkBench } from '../../support/fleet/link-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

let bench: LinkBench;
beforeEach(async () => {
  bench = await openLinkBench();
});
afterEach(async () => {
  await bench.dispose();
});
const A = testSensorId(1);

/** @returns ends it, and tells for how many milliseconds this process did not run since */
function lateness(): () => number {
  const everyMs = 50;
  let [lateMs, lastMs] = [0, performance.now()];
  const look = () => {
    const now = performance.now();
    lateMs += Math.max(0, now - lastMs - everyMs);
    lastMs = now;
  };
  const timer = setInterval(look, everyMs);
  return () => {
    clearInterval(timer);
    look();
    return lateMs;
  };
}

test('a sensor attaches, is welcome, is heard and hears, and its state is known also when it left', async () => {
  const { links } = bench.server;
  const sensor = await bench.sensor(1, { hello: { version: '0.0.9', configRevision: 7 } });
  const attached = once(links.events, 'attached');
  const welcome = await sensor.attach();
  expect(welcome).toMatchObject({ sensor: A, heartbeatMs: 1_000, fleetVersion: '0.1.0' });
  expect(await attached).toMatchObject([
    A,
    { version: '0.0.9', configRevision: 7, instance: sensor.instance },
  ]);
  expect(links.view(A)).toMatchObject({ attached: true, version: '0.0.9', tunnels: 0, clockWrong: false });
  await waitFor('two heartbeats', 20_000, () => sensor.heartbeats >= 2);
  expect(links.attached(A)).toBe(true);

  sensor.sendState({
    sensor: 'lab',
    healthy: false,
    attention: ['the disk is full'],
    monitors: [{ name: 'mon', state: 'watching', news: 'of a later version' }, { no: 'name' }],
    later: { version: true },
  });
  const known = await waitFor('the state', 20_000, () => links.state(A).status);
  expect(known).toMatchObject({
    sensor: 'lab',
    healthy: false,
    attention: ['the disk is full'],
    monitors: [{ name: 'mon', state: 'watching', news: 'of a later version' }],
    instruments: [],
    later: { version: true },
  });

  const detached = once(links.events, 'detached');
  sensor.close();
  expect(await detached).toMatchObject([A, { code: 'FLEET_LINKS_CLOSED' }]);
  expect(links.attached(A)).toBe(false);
  expect(links.view(A)).toMatchObject({ attached: false, ended: { code: 'FLEET_LINKS_CLOSED' } });
  expect(links.state(A).status).toMatchObject({ sensor: 'lab' });
});

test('a link that falls silent without being closed is over within three heartbeats, and the sensor comes back', async () => {
  const { links } = bench.server;
  const cable = await openCable(bench.server.address.port);
  try {
    const sensor = await bench.sensor(1, { address: cable.address });
    await sensor.attach();
    const detached = once(links.events, 'detached');
    const pulledMs = performance.now();
    cable.pull();
    const late = lateness();
    expect(await detached).toMatchObject([A, { code: 'FLEET_LINKS_SILENT' }]);
    // Within three seconds by what is set, and what a busy machine adds to them.
    expect(DEFAULT_LINK_TIMES.silenceMs + TICK_MS).toBeLessThanOrEqual(3_000);
    expect(performance.now() - pulledMs - late()).toBeLessThan(4_000);
    const again = await bench.sensor(1);
    await again.attach();
    expect(links.attached(A)).toBe(true);
  } finally {
    await cable.dispose();
  }
});

test('a sensor that keeps its connection and says nothing is over as well, and is told why', async () => {
  const sensor = await bench.sensor(1, { heartbeatMs: 0 });
  const detached = once(bench.server.links.events, 'detached');
  await sensor.attach();
  const ended = sensor.ended();
  expect(await detached).toMatchObject([A, { code: 'FLEET_LINKS_SILENT' }]);
  await ended;
  await waitFor('its connection to be cut', 5_000, () => bench.server.connections() === 0);
});

test('ABUSE 108: an offline sensor fails at once and hinders no other', async () => {
  const { links } = bench.server;
  await (await bench.sensor(2)).attach();
  const gone = expect.objectContaining({ code: 'FLEET_LINKS_OFFLINE' }) as unknown;
  const ask = { method: 'GET', path: '/v1/status', user: 'ann', roles: ['viewer'] };
  const desired = { revision: 1, yaml: 'a: 1\n', author: 'ann', reason: '' };
  await expect(links.ask(A, ask)).rejects.toEqual(gone);
  await expect(links.desire(A, desired)).rejects.toEqual(gone);
  await expect(links.openTunnel(A, { instrumentUi: 'x' }, { user: 'ann', roles: [] })).rejects.toEqual(gone);
  expect(links.view(A)).toBeUndefined();
  expect((await links.collect(testSensorId(2), ask)).status).toBe(200);
});

test('the same sensor may attach anew at once; its former link ends', async () => {
  const { links } = bench.server;
  const first = await bench.sensor(1);
  await first.attach();
  const ended = first.ended();
  const second = await bench.sensor(1, { hello: { instance: first.instance } });
  await second.attach();
  expect(await ended).toMatchObject({ code: status.ABORTED });
  expect(links.attached(A)).toBe(true);
  expect(links.count).toBe(1);
});

test('a sensor that was restarted takes over from the link that it left behind', async () => {
  const { links } = bench.server;
  const cable = await openCable(bench.server.address.port);
  try {
    const before = await bench.sensor(1, { address: cable.address });
    await before.attach();
    cable.pull(); // its machine lost power: nobody says goodbye
    const after = await bench.sensor(1);
    await after.attach();
    expect(links.link(A)?.instance).toBe(after.instance);
    // What is cleared away of the former link does not touch the new one.
    const beats = after.heartbeats;
    await waitFor('its heartbeats', 20_000, () => after.heartbeats > beats + 1);
    expect(links.link(A)?.instance).toBe(after.instance);
  } finally {
    await cable.dispose();
  }
});

test('a configuration goes down, its result comes back, and a late one is told too', async () => {
  const { links } = bench.server;
  const sensor = await bench.sensor(1);
  await sensor.attach();
  const done = links.desire(A, { revision: 4, yaml: 'sensor: lab\n', author: 'ann', reason: 'first' });
  const got = await waitFor('the configuration', 20_000, () =>
    sensor.received.find((what) => what.$case === 'desiredConfig'),
  );
  expect(got.value).toMatchObject({ revision: 4, author: 'ann', reason: 'first' });
  sensor.send({
    $case: 'configResult',
    value: { revision: 4, ok: true, code: '', message: '', sensorRevision: 12 },
  });
  expect(await done).toEqual({ revision: 4, ok: true, sensorRevision: 12 });
  const told = once(links.events, 'config');
  sensor.send({
    $case: 'configResult',
    value: { revision: 5, ok: false, code: 'SENSORD_X', message: 'no', sensorRevision: 0 },
  });
  expect(await told).toEqual([A, { revision: 5, ok: false, code: 'SENSORD_X', message: 'no' }]);
  const large = links.desire(A, { revision: 6, yaml: 'x'.repeat((1 << 20) + 1), author: 'a', reason: '' });
  await expect(large).rejects.toMatchObject({ code: 'FLEET_LINKS_CONFIG_TOO_LARGE' });
  const lost = links.desire(A, { revision: 7, yaml: 'x: 1', author: 'a', reason: '' });
  await waitFor('revision 7', 20_000, () =>
    sensor.received.some((what) => what.$case === 'desiredConfig' && what.value.revision === 7),
  );
  sensor.close();
  await expect(lost).rejects.toMatchObject({ code: 'FLEET_LINKS_LOST' });
});

test('how far a clock is off is measured and shown', async () => {
  const HOUR = 3_600_000;
  const { links } = bench.server;
  const sensor = await bench.sensor(1, { hello: { clockMs: Date.now() - HOUR }, heartbeatMs: 0 });
  await sensor.attach();
  sensor.send({ $case: 'heartbeat', value: { clockMs: Date.now() - HOUR } });
  await waitFor('the heartbeat', 20_000, () => links.view(A)?.clockWrong);
  const difference = links.view(A)?.clockDifferenceMs ?? 0;
  expect(difference).toBeLessThan(-HOUR + 1_000);
  expect(difference).toBeGreaterThan(-HOUR - 60_000);
  // From five seconds on. A message comes late, never early, so both differences only sink.
  for (const [n, offMs, isWrong] of [
    [2, 4_000, false],
    [3, -6_000, true],
  ] as const) {
    const other = await bench.sensor(n, { hello: { clockMs: Date.now() + offMs }, heartbeatMs: 0 });
    await other.attach();
    expect(links.view(testSensorId(n))?.clockWrong, String(offMs)).toBe(isWrong);
  }
});

test('the fleet stops: sensors are told, and nothing is left open', async () => {
  const sensor = await bench.sensor(1);
  await sensor.attach();
  const ended = sensor.ended();
  await bench.server.close();
  expect(await ended).toMatchObject({ code: status.UNAVAILABLE });
  expect(bench.server.connections()).toBe(0);
});

test('a certificate is renewed over the link; the fleet may ask for it', async () => {
  const sensor = await bench.sensor(1);
  await sensor.attach();
  expect(bench.server.links.askRenewal(A)).toBe(true);
  await waitFor('the wish', 20_000, () => sensor.received.some(({ $case }) => $case === 'askRenewal'));
  const { sensorKey } = await import('../../support/fleet-sensor-keys.ts');
  const key = await sensorKey();
  const [leaf] = await sensor.renew(Buffer.from(key.csrDer));
  expect(bench.ca.identify(leaf!).sensor).toBe(A);
  await expect(sensor.renew(Buffer.from('no request'))).rejects.toMatchObject({
    code: status.FAILED_PRECONDITION,
  });
});

test('a sensor that is welcome may have more on its way than HTTP/2 begins with', async () => {
  const { key, certificate, ca } = await bench.identity(1);
  const session = connect(`https://${bench.address}`, {
    ...{ key, cert: certificate, ca, checkServerIdentity: () => undefined },
  });
  session.on('error', () => undefined);
  try {
    const windows: (number | undefined)[] = [];
    session.on('remoteSettings', ({ initialWindowSize }) => windows.push(initialWindowSize));
    const call = session.request({
      ':method': 'POST',
      ':path': '/bulkhead.fleet.v1.Link/Attach',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    call.on('error', () => undefined);
    call.resume();
    const hello = (await bench.sensor(1)).hello();
    const message = Buffer.from(FromSensor.encode({ what: { $case: 'hello', value: hello } }).finish());
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    call.write(Buffer.concat([prefix, message]));
    await waitFor('wider windows', 10_000, () => windows.includes(512 << 10));
    expect(bench.server.links.attached(A)).toBe(true);
  } finally {
    session.destroy();
  }
});
