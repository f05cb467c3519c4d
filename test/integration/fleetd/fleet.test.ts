import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fleetd } from '@bulkhead/fleet-server/fleetd';
import { openTestSensor, type TestSensor } from '../../support/fleet-link/test-sensor.ts';
import {
  openRunningFleet,
  PASSWORD,
  type FleetVisitor,
  type RunningFleet,
} from '../../support/fleet/running-fleet.ts';

/** On a machine that is busy, too. */
const SOON = { timeout: 20_000 };
let fleet: RunningFleet;
let sensors: TestSensor[];

beforeEach(async () => {
  fleet = await openRunningFleet();
  sensors = [];
});
afterEach(async () => {
  for (const sensor of sensors) await sensor.dispose();
  await fleet.dispose();
});

/** A machine that types in the token which a person was shown. */
async function adopt(admin: FleetVisitor, name: string): Promise<{ sensor: TestSensor; id: string }> {
  const { status, body } = await admin.ask('POST', '/api/v1/adoption-codes', { name });
  expect(status).toBe(200);
  const sensor = await openTestSensor();
  sensors.push(sensor);
  await sensor.link.join({ token: body.joinToken });
  await sensor.up();
  const { sensor: id = '' } = await sensor.membership();
  return { sensor, id };
}

const sensorOf = async (person: FleetVisitor, id: string) =>
  (await person.ask('GET', `/api/v1/sensors/${id}`)).body;

test('from the first start to a sensor that is seen, asked, and sent away', async () => {
  const stranger = fleet.visitor();
  expect((await stranger.ask('GET', '/api/v1/about')).body).toMatchObject({
    product: 'bulkhead',
    setUpNeeded: true,
  });
  expect((await stranger.ask('GET', '/api/v1/sensors')).status).toBe(401);
  const admin = await fleet.setUp();
  expect((await stranger.ask('GET', '/api/v1/about')).body).toMatchObject({ setUpNeeded: false });
  expect(fleet.service.setUpCode()).toBeUndefined();

  const { sensor, id } = await adopt(admin, 'ward-3');
  await expect.poll(async () => (await sensorOf(admin, id)).attached, SOON).toBe(true);
  expect((await stranger.ask('GET', `/api/v1/sensors/${id}`)).status).toBe(401);

  const answer = await admin.ask('GET', `/api/v1/sensors/${id}/api/v1/grants`);
  expect([answer.status, answer.body]).toEqual([200, { path: '/v1/grants' }]);
  expect(sensor.asked.at(-1)).toMatchObject({ method: 'GET', path: '/v1/grants' });

  const sent = await admin.ask('POST', `/api/v1/sensors/${id}/revoke`, { reason: 'stolen' });
  expect(sent.status).toBe(200);
  await expect.poll(() => sensor.link.up, SOON).toBe(false);
  await expect.poll(async () => (await sensorOf(admin, id)).state, SOON).toBe('revoked');
  const audit = await admin.ask('GET', '/api/v1/audit');
  const actions = audit.body.entries.map(({ action }: { action: string }) => action);
  expect(actions).toEqual(expect.arrayContaining(['session.set-up', 'sensor.adopt', 'sensor.revoke']));
});

test('a fleet that restarts keeps people, sensors and its CA: sensors come back by themselves', async () => {
  const admin = await fleet.setUp();
  const { sensor, id } = await adopt(admin, 'ward-3');
  await fleet.restart();
  expect(fleet.service.setUpCode()).toBeUndefined();
  await expect.poll(async () => (await sensorOf(admin, id)).attached, SOON).toBe(true);
  await sensor.up();
  const again = fleet.visitor();
  expect((await again.ask('POST', '/api/v1/session', { name: 'anna', password: PASSWORD })).status).toBe(200);
});

test('a fleet that was lost and restored from its backup: sensors come back, nobody is still signed in, codes are void', async () => {
  const admin = await fleet.setUp();
  const { sensor, id } = await adopt(admin, 'ward-3');
  const unused = await admin.ask('POST', '/api/v1/adoption-codes', { name: 'ward-4' });
  const configFile = join(fleet.dir, 'fleetd.yaml');
  await writeFile(configFile, 'stateDir: state\n');
  const backup = join(fleet.dir, 'backup');
  expect(await fleetd(['backup', backup, '--config', configFile])).toBe(0);
  await fleet.restart(async () => {
    await rm(join(fleet.dir, 'state'), { recursive: true });
    expect(await fleetd(['restore', backup, '--config', configFile])).toBe(0);
  });
  expect(fleet.service.setUpCode()).toBeUndefined();
  expect((await admin.ask('GET', '/api/v1/sensors')).status).toBe(401);
  expect((await admin.ask('POST', '/api/v1/session', { name: 'anna', password: PASSWORD })).status).toBe(200);
  await expect.poll(async () => (await sensorOf(admin, id)).attached, SOON).toBe(true);
  await sensor.up();
  const late = await openTestSensor();
  sensors.push(late);
  await expect(late.link.join({ token: unused.body.joinToken })).rejects.toMatchObject({
    message: expect.stringContaining('code') as string,
  });
});

test('ABUSE 108: a sensor that is away keeps nobody waiting: others are configured, it catches up when it is back', async () => {
  const admin = await fleet.setUp();
  const near = await adopt(admin, 'near');
  const away = await adopt(admin, 'away');
  await away.sensor.link.stop();
  await expect.poll(async () => (await sensorOf(admin, away.id)).attached, SOON).toBe(false);
  const { body: group } = await admin.ask('POST', '/api/v1/groups', { name: 'wards' });
  for (const { id } of [near, away]) {
    expect((await admin.ask('PATCH', `/api/v1/sensors/${id}`, { group: group.id })).status).toBe(200);
  }
  const config = { events: { storeMib: 512 } };
  const put = await admin.ask('PUT', `/api/v1/groups/${group.id}/config`, { config, reason: 'less' });
  expect(put.status).toBe(200);
  const documentsOf = (sensor: TestSensor) => sensor.applied.map(({ document }) => document).join('');
  await expect.poll(() => documentsOf(near.sensor), SOON).toMatch(/storeMib: 512/);
  await expect.poll(async () => (await sensorOf(admin, near.id)).config.state, SOON).toBe('applied');
  expect((await sensorOf(admin, away.id)).config.state).toBe('waiting');
  await away.sensor.restart();
  await expect.poll(() => documentsOf(away.sensor), SOON).toMatch(/storeMib: 512/);
  await expect.poll(async () => (await sensorOf(admin, away.id)).config.state, SOON).toBe('applied');
});
