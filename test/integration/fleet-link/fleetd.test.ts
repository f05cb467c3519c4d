import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Ca, Certificates, readRequest } from '@bulkhead/fleet-server/ca';
import { days, TEST_LOG } from '../../support/fleet-link/fleet-bench.ts';
import { openTestSensor, type TestSensor } from '../../support/fleet-link/test-sensor.ts';
import { openRunningFleet, type FleetVisitor, type RunningFleet } from '../../support/fleet/running-fleet.ts';

/** All of fleetd, and what becomes of identities that are copied, replaced or very old. */
let fleet: RunningFleet;
let admin: FleetVisitor;
const sensors: TestSensor[] = [];

beforeAll(async () => {
  fleet = await openRunningFleet();
  admin = await fleet.setUp();
});
afterEach(async () => {
  for (const sensor of sensors.splice(0)) await sensor.dispose();
});
afterAll(async () => {
  await fleet.dispose();
});

async function machine(): Promise<TestSensor> {
  const sensor = await openTestSensor();
  sensors.push(sensor);
  return sensor;
}

async function token(values: Record<string, unknown>): Promise<string> {
  const { status, body } = await admin.ask('POST', '/api/v1/adoption-codes', values);
  expect(status).toBe(200);
  return body.joinToken as string;
}

async function adopted(name: string): Promise<{ sensor: TestSensor; id: string }> {
  const sensor = await machine();
  await sensor.link.join({ token: await token({ name }) });
  await sensor.up();
  return { sensor, id: sensor.link.sensor ?? '' };
}

const shown = async (id: string) => (await admin.ask('GET', `/api/v1/sensors/${id}`)).body;

test('a code works once, for whoever came first', async () => {
  const code = await token({ name: 'first' });
  const first = await machine();
  await first.link.join({ token: code });
  const second = await machine();
  await expect(second.link.join({ token: code })).rejects.toMatchObject({
    code: 'FLEET_LINK_ADOPTION_REFUSED',
    fields: { reason: expect.stringMatching(/^FLEET_SENSORS_/) as string },
  });
  expect(second.link.status().state).toBe('none');
  await first.up();
});

test('two machines with one identity: the one that was there stays, the other is told why', async () => {
  const { sensor, id } = await adopted('twin');
  const copy = await machine();
  await copy.link.stop();
  await cp(join(sensor.dir, 'fleet'), join(copy.dir, 'fleet'), { recursive: true });
  await copy.restart();
  await expect.poll(() => copy.link.status().state, { timeout: 20_000 }).toBe('refused');
  expect(copy.link.status().error).toMatchObject({
    code: 'FLEET_LINK_REFUSED',
    message: expect.stringContaining('(FLEET_LINKS_CLONE)') as string,
  });
  expect(sensor.link.up).toBe(true);
  expect((await shown(id)).attached).toBe(true);
});

test('new hardware takes the place of a sensor; the former is out', async () => {
  const { sensor, id } = await adopted('old-box');
  const next = await machine();
  await next.link.join({ token: await token({ replaces: id }) });
  await next.up();
  expect(next.link.sensor).toBe(id);
  expect(await shown(id)).toMatchObject({ name: 'old-box', attached: true });
  await expect.poll(() => sensor.link.status().state, { timeout: 20_000 }).toBe('refused');
  expect(sensor.link.attention()).toEqual([expect.stringContaining('FLEET_LINK_REFUSED')]);
});

test('a sensor that was away for a year comes back when an operator says so', async () => {
  const { sensor, id } = await adopted('far-away');
  await sensor.recertify(async (named, csr) => {
    const state = join(fleet.dir, 'state');
    const then = await Ca.open({
      dir: join(state, 'ca'),
      names: ['localhost'],
      log: TEST_LOG,
      now: () => Date.now() - days(365),
    });
    const issued = await then.issue(named, await readRequest(csr));
    const db = new Database(join(state, 'fleet.db'));
    new Certificates(db, Date.now).record(named, issued, 'renewed');
    db.close();
    return issued.pem;
  });
  await expect
    .poll(() => sensor.link.status().error?.code, { timeout: 20_000 })
    .toBe('FLEET_LINK_WAITS_FOR_OPERATOR');
  const { status } = await admin.ask('POST', `/api/v1/sensors/${id}/confirm-return`, {});
  expect(status).toBe(200);
  await sensor.up(30_000);
  expect(sensor.link.sensor).toBe(id);
  await expect.poll(async () => (await shown(id)).attached, { timeout: 15_000 }).toBe(true);
});

test('a revoked sensor is out at once, and stays out after both restart', async () => {
  const { sensor, id } = await adopted('stolen');
  expect((await admin.ask('POST', `/api/v1/sensors/${id}/revoke`, { reason: 'stolen' })).status).toBe(200);
  await expect.poll(() => sensor.link.status().state, { timeout: 15_000 }).toBe('refused');
  await sensor.restart();
  await expect.poll(() => sensor.link.status().state, { timeout: 15_000 }).toBe('refused');
  expect(sensor.link.up).toBe(false);
});
