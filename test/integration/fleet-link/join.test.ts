import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLog } from '@bulkhead/platform/kernel';
import { openConnectProxy } from '../../support/fleet-link/connect-proxy.ts';
import { openFleetBench, type FleetBench } from '../../support/fleet-link/fleet-bench.ts';
import { openTestSensor, type TestSensor } from '../../support/fleet-link/test-sensor.ts';

let fleet: FleetBench;
let sensor: TestSensor;
const logged: string[] = [];

beforeEach(async () => {
  logged.length = 0;
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      logged.push(chunk.toString('utf8'));
      done();
    },
  });
  fleet = await openFleetBench();
  sensor = await openTestSensor({ log: openLog('fleet', 'trace', sink) });
});
afterEach(async () => {
  await sensor.dispose();
  await fleet.dispose();
});

test('a sensor joins by a token, and is connected; its key is made here and only root may read it', async () => {
  const joined = await sensor.link.join({ token: fleet.token(), name: 'lab' });
  expect(joined).toMatchObject({ joined: true, fleet: `127.0.0.1:${String(fleet.port)}` });
  await sensor.up();
  expect(sensor.link.status()).toMatchObject({ state: 'up', fleetVersion: '0.1.0', sensor: joined.sensor });
  expect(fleet.adopted).toMatchObject([{ name: 'lab', config: 'version: 1\nsensor: { name: lab }\n' }]);

  const dir = join(sensor.dir, 'fleet');
  expect(await readdir(dir)).toEqual(['membership.json']);
  expect((await stat(join(dir, 'membership.json'))).mode & 0o777).toBe(0o600);
  const { keyPem = '' } = await sensor.membership();
  expect(keyPem).toContain('BEGIN PRIVATE KEY');
  // Neither the code nor the key is ever written down by a log.
  const log = logged.join('');
  expect(log).toContain('joined a fleet');
  expect(log).not.toContain('AAAA-BBBB-CCCC');
  expect(log).not.toContain(keyPem.split('\n')[1]);
});

test('the same token again changes nothing; another one is refused, unless the fleet is to be replaced', async () => {
  const first = await sensor.link.join({ token: fleet.token() });
  const again = await sensor.link.join({ token: fleet.token() });
  expect(again).toMatchObject({ joined: false, sensor: first.sensor });
  expect(fleet.adopted).toHaveLength(1);

  const token = fleet.token('BBBB-BBBB-BBBB');
  await expect(sensor.link.join({ token })).rejects.toMatchObject({ code: 'FLEET_LINK_ALREADY_JOINED' });
  const replaced = await sensor.link.join({ token, replace: true });
  expect(replaced.joined).toBe(true);
  expect(replaced.sensor).not.toBe(first.sensor);
  await sensor.up();
});

test('a replacement that fails leaves the sensor where it was', async () => {
  const first = await sensor.link.join({ token: fleet.token() });
  await sensor.up();
  const used = fleet.token('CCCC-CCCC-CCCC');
  const other = await openTestSensor();
  try {
    await other.link.join({ token: used });
  } finally {
    await other.dispose();
  }
  await expect(sensor.link.join({ token: used, replace: true })).rejects.toMatchObject({
    code: 'FLEET_LINK_ADOPTION_REFUSED',
    fields: { reason: 'FLEET_SENSORS_CODE_USED' },
  });
  expect(sensor.link.sensor).toBe(first.sensor);
  expect(sensor.link.up).toBe(true);
});

test('a join whose answer got lost is finished with the same token and the same key', async () => {
  fleet.loseAnswers = 1;
  await expect(sensor.link.join({ token: fleet.token() })).rejects.toMatchObject({
    code: 'FLEET_LINK_UNREACHABLE',
  });
  expect(sensor.link.status().state).toBe('none');
  await sensor.restart();
  expect(await sensor.link.join({ token: fleet.token() })).toMatchObject({ joined: true });
  const [first, second] = fleet.adopted;
  expect(first?.csr).toBe(second?.csr);
  await sensor.up();
});

test('everything goes through an HTTP proxy where one is named, and nothing past it', async () => {
  const proxy = await openConnectProxy('bob:s3cret');
  try {
    const url = `http://bob:s3cret@127.0.0.1:${String(proxy.port)}`;
    await sensor.link.join({ token: fleet.token(), proxy: url });
    await sensor.up();
    const link = `127.0.0.1:${String(fleet.link.address.port)}`;
    expect(proxy.asked).toContain(`127.0.0.1:${String(fleet.port)}`);
    expect(proxy.asked.at(-1)).toBe(link);
    expect(new Set(proxy.first)).toEqual(new Set([0x16]));
    expect(sensor.link.status().proxy).toBe(`127.0.0.1:${String(proxy.port)}`);
    // The connection that carries the link is one of the proxy's: cut those, and the link ends.
    expect(fleet.link.links.count).toBe(1);
    for (const socket of proxy.open) socket.destroy();
    await expect.poll(() => proxy.asked.filter((one) => one === link).length, { timeout: 15_000 }).toBe(2);
    await sensor.up();
    expect(logged.join('')).not.toContain('s3cret');
    expect(JSON.stringify(sensor.link.status())).not.toContain('s3cret');
  } finally {
    await proxy.dispose();
  }
});

test('a proxy that refuses, a fleet that is not there and an address that is none are told apart', async () => {
  const proxy = await openConnectProxy('bob:s3cret');
  const join = (more: { token?: string; proxy?: string }) =>
    sensor.link.join({ token: fleet.token(), ...more });
  try {
    await expect(join({ proxy: `http://127.0.0.1:${String(proxy.port)}` })).rejects.toMatchObject({
      code: 'FLEET_LINK_PROXY_REFUSED',
      message: expect.stringContaining('407') as string,
    });
    expect(fleet.asked).toEqual([]);
  } finally {
    await proxy.dispose();
  }
  await expect(join({ proxy: `http://127.0.0.1:${String(proxy.port)}` })).rejects.toMatchObject({
    code: 'FLEET_LINK_PROXY_REFUSED',
  });
  await expect(join({ proxy: 'socks5://127.0.0.1:1' })).rejects.toMatchObject({
    code: 'FLEET_LINK_PROXY_INVALID',
  });
  await expect(
    join({ token: fleet.token().replace(`:${String(fleet.port)}#`, ':1#') }),
  ).rejects.toMatchObject({ code: 'FLEET_LINK_UNREACHABLE' });
  await expect(join({ token: 'a secret that is no token' })).rejects.toMatchObject({
    code: 'FLEET_LINK_TOKEN_INVALID',
    message: expect.not.stringContaining('a secret') as string,
  });
  expect(sensor.link.status().state).toBe('none');
});

test('a fleet on this machine may answer without TLS', async () => {
  const plain = await openFleetBench({ plain: true });
  try {
    await sensor.link.join({ token: plain.token() });
    await sensor.up();
    expect(await sensor.membership()).toMatchObject({ plain: true });
  } finally {
    await sensor.link.leave();
    await plain.dispose();
  }
});

test('who leaves has no key any more, tells the fleet, and stays out', async () => {
  await expect(sensor.link.leave()).rejects.toMatchObject({ code: 'FLEET_LINK_NOT_JOINED' });
  const { sensor: id } = await sensor.link.join({ token: fleet.token() });
  await sensor.up();
  const notices: unknown[] = [];
  fleet.link.links.events.on('notice', (_sensor, notice) => notices.push(notice));
  expect(await sensor.link.leave()).toEqual({ left: id });
  expect(await readdir(join(sensor.dir, 'fleet'))).toEqual([]);
  expect(sensor.link.status()).toMatchObject({ state: 'none', tunnels: 0, asks: 0 });
  await expect.poll(() => notices, { timeout: 5_000 }).toMatchObject([{ kind: 'left' }]);
  await expect.poll(() => fleet.link.links.count, { timeout: 10_000 }).toBe(0);
  await sensor.restart();
  expect(sensor.link.status().state).toBe('none');
});

test('what is kept of the fleet is damaged: the sensor works on, says so, and can join anew', async () => {
  await sensor.link.join({ token: fleet.token() });
  const file = join(sensor.dir, 'fleet', 'membership.json');
  const text = await readFile(file, 'utf8');
  await sensor.link.stop();
  await writeFile(file, text.slice(0, 300));
  await sensor.restart();
  expect(sensor.link.status()).toMatchObject({
    state: 'refused',
    error: { code: 'FLEET_LINK_STATE_DAMAGED' },
  });
  expect(sensor.link.attention()).toHaveLength(1);
  const token = fleet.token('DDDD-DDDD-DDDD');
  await expect(sensor.link.join({ token })).rejects.toMatchObject({ code: 'FLEET_LINK_STATE_DAMAGED' });
  await sensor.link.join({ token, replace: true });
  await sensor.up();
});

test('the same token with another proxy moves the link there', async () => {
  await sensor.link.join({ token: fleet.token() });
  await sensor.up();
  const proxy = await openConnectProxy();
  try {
    const url = `http://127.0.0.1:${String(proxy.port)}`;
    expect(await sensor.link.join({ token: fleet.token(), proxy: url })).toMatchObject({ joined: false });
    await sensor.up();
    expect(proxy.asked).toEqual([`127.0.0.1:${String(fleet.link.address.port)}`]);
    expect(fleet.adopted).toHaveLength(1);
  } finally {
    await proxy.dispose();
  }
});

test('people are heard before the sensor is up: who joins then has one link, who leaves then has none', async () => {
  await sensor.reboot();
  let attached = 0;
  fleet.link.links.events.on('attached', () => (attached += 1));
  await sensor.link.join({ token: fleet.token() });
  await sensor.link.start();
  await sensor.up();
  // Two loops would throw each other out, every 50 ms with this pace.
  await sleep(1_000);
  expect(attached).toBe(1);
  expect(sensor.link.status()).toMatchObject({ state: 'up' });

  await sensor.reboot();
  await sensor.link.open();
  const { state, sensor: left } = sensor.link.status();
  expect(state).toBe('connecting');
  expect(await sensor.link.leave()).toEqual({ left });
  await sensor.link.start();
  await sleep(500);
  expect(sensor.link.status()).toMatchObject({ state: 'none' });
  expect(attached).toBe(1);
  expect(fleet.link.links.count).toBe(0);
});
