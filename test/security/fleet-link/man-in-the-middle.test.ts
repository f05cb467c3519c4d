import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRequest } from '@bulkhead/fleet-server/ca';
import { ENROLMENT_PATHS, formatJoinToken } from '@bulkhead/platform/contracts';
import { sensorKey } from '../../support/fleet-sensor-keys.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';
import { openFleetBench, type FleetBench } from '../../support/fleet-link/fleet-bench.ts';
import { openHostileFleet, type HostileFleet } from '../../support/fleet-link/hostile-fleet.ts';
import { openTestSensor, type TestSensor } from '../../support/fleet-link/test-sensor.ts';

let fleet: FleetBench;
let evil: FleetBench;
let sensor: TestSensor;
const servers: Server[] = [];
const hostile: HostileFleet[] = [];

beforeEach(async () => {
  [fleet, evil] = [await openFleetBench(), await openFleetBench()];
  sensor = await openTestSensor();
});
afterEach(async () => {
  for (const one of hostile.splice(0)) one.close();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  await sensor.dispose();
  await fleet.dispose();
  await evil.dispose();
});

/** Somebody who stands at an address that the sensor takes for its fleet's, and shows the fleet's own authority. */
async function middleman(
  pair: { key: string; cert: string } | undefined,
): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const server = pair === undefined ? createPlainServer() : createServer(pair);
  server.on('request', (request: { url?: string }, response: { end: (text: string) => void }) => {
    asked.push(request.url ?? '');
    response.end(JSON.stringify({ ca: fleet.ca.certificate, fingerprint: fleet.ca.fingerprint }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return { port: (server.address() as AddressInfo).port, asked };
}

function tokenFor(port: number, host = '127.0.0.1'): string {
  return formatJoinToken({ code: 'AAAA-BBBB-CCCC', host, port, fingerprint: fleet.ca.fingerprint });
}

/** A certificate that the fleet's own authority gave to some other sensor. */
async function stolenIdentity(): Promise<{ key: string; cert: string }> {
  const key = await sensorKey();
  const { pem } = await fleet.ca.issue(testSensorId(99), await readRequest(key.csr));
  return { key: key.keyPem, cert: pem };
}

test('another authority than the one of the token gets neither code nor request', async () => {
  await expect(sensor.link.join({ token: tokenFor(evil.port) })).rejects.toMatchObject({
    code: 'FLEET_LINK_CA_WRONG',
  });
  expect(evil.asked).toEqual([`GET ${ENROLMENT_PATHS.ca}`]);
  expect(sensor.link.status().state).toBe('none');
});

test('whoever shows the right authority and cannot prove to be its server gets neither code nor request', async () => {
  for (const pair of [evil.ca.linkPair(), await stolenIdentity()]) {
    const { port, asked } = await middleman(pair);
    await expect(sensor.link.join({ token: tokenFor(port) })).rejects.toMatchObject({
      code: 'FLEET_LINK_SERVER_UNTRUSTED',
    });
    expect(asked).toEqual([ENROLMENT_PATHS.ca]);
  }
});

test('without TLS nobody is asked who is not on this machine', async () => {
  const { port, asked } = await middleman(undefined);
  // A name of this machine that is not known as its own.
  await expect(sensor.link.join({ token: tokenFor(port, '0.0.0.0') })).rejects.toMatchObject({
    code: 'FLEET_LINK_UNREACHABLE',
  });
  expect(asked).toEqual([]);
});

test('the link is made with the servers of the fleet only: not with another authority, not with a sensor of the same one', async () => {
  await sensor.link.join({ token: fleet.token() });
  await sensor.up();
  const stolen = await stolenIdentity();
  const pairs = [evil.ca.linkPair(), stolen];
  const file = join(sensor.dir, 'fleet', 'membership.json');
  for (const { key, cert } of pairs) {
    const there = await openHostileFleet({ ca: fleet.ca.certificate, certificate: cert, key });
    hostile.push(there);
    await sensor.link.stop();
    const membership = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    await writeFile(file, JSON.stringify({ ...membership, link: { host: '127.0.0.1', port: there.port } }));
    await sensor.restart();
    await expect
      .poll(() => sensor.link.status().error?.code, { timeout: 20_000 })
      .toBe('FLEET_LINK_SERVER_UNTRUSTED');
    expect(there.calls).toEqual([]);
    expect(sensor.link.up).toBe(false);
  }
});

test('no environment variable says which way the link goes', async () => {
  const { port } = await middleman(undefined);
  const before = { ...process.env };
  process.env['https_proxy'] = process.env['grpc_proxy'] = `http://127.0.0.1:${String(port)}`;
  try {
    await sensor.link.join({ token: fleet.token() });
    await sensor.up();
  } finally {
    for (const name of ['https_proxy', 'grpc_proxy']) {
      if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before[name];
    }
  }
  expect(fleet.link.links.count).toBe(1);
});
