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

const SOON = { timeout: 30_000 };
let fleet: RunningFleet;
let sensor: TestSensor;
let id = '';
let admin: FleetVisitor;

beforeEach(async () => {
  fleet = await openRunningFleet();
  admin = await fleet.setUp();
  const { body } = await admin.ask('POST', '/api/v1/adoption-codes', { name: 'ward-3' });
  sensor = await openTestSensor();
  // It answers with what is in force, as sensord does.
  sensor.answer = ({ path }) => {
    const document = sensor.applied.at(-1)?.document ?? 'version: 1\nsensor: { name: lab }\n';
    return [Buffer.from(JSON.stringify(path === '/v1/config' ? { document } : { path }))];
  };
  await sensor.link.join({ token: body.joinToken });
  await sensor.up();
  id = (await sensor.membership())['sensor'] ?? '';
});
afterEach(async () => {
  await sensor.dispose();
  await fleet.dispose();
});

const configOf = async () => (await admin.ask('GET', `/api/v1/sensors/${id}`)).body.config;

/** Changes what the fleet wants of the sensor, in one value. @returns the revision */
async function want(storeMib: number): Promise<number> {
  const overrides = { events: { storeMib } };
  const { status, body } = await admin.ask('PUT', `/api/v1/sensors/${id}/config`, { overrides, reason: 'x' });
  expect(status).toBe(200);
  return body.revision;
}

async function wantAndGet(storeMib: number): Promise<number> {
  const revision = await want(storeMib);
  await expect.poll(configOf, SOON).toMatchObject({ state: 'applied', revision });
  return revision;
}

const lastDocument = () => sensor.applied.at(-1)?.document;

async function backUp(): Promise<() => Promise<void>> {
  const configFile = join(fleet.dir, 'fleetd.yaml');
  await writeFile(configFile, 'stateDir: state\n');
  const backup = join(fleet.dir, 'backup');
  expect(await fleetd(['backup', backup, '--config', configFile])).toBe(0);
  return async () => {
    await fleet.restart(async () => {
      await rm(join(fleet.dir, 'state'), { recursive: true });
      expect(await fleetd(['restore', backup, '--config', configFile])).toBe(0);
    });
    expect((await admin.ask('POST', '/api/v1/session', { name: 'anna', password: PASSWORD })).status).toBe(
      200,
    );
  };
}

const matters = async () =>
  (await admin.ask('GET', '/api/v1/attention')).body.items
    .map((item: { id: string }) => item.id)
    .filter((one: string) => one.startsWith('ahead:'));

test('a sensor that knows more than a restored fleet keeps what it has, until a person takes it over', async () => {
  await expect.poll(async () => (await configOf()).state, SOON).not.toBe('invalid');
  await wantAndGet(300);
  const restore = await backUp();
  const newer = await wantAndGet(400);
  await restore();
  await expect.poll(configOf, SOON).toMatchObject({ ahead: newer });
  expect(await matters()).toEqual([`ahead:${id}`]);
  expect(lastDocument()).toMatch(/storeMib: 400/);

  const taken = await admin.ask('POST', `/api/v1/sensors/${id}/config/import`, {});
  expect([taken.status, taken.body.revision]).toEqual([200, newer + 1]);
  await expect.poll(configOf, SOON).toMatchObject({ state: 'applied', revision: newer + 1 });
  expect((await configOf()).ahead).toBeUndefined();
  expect(await matters()).toEqual([]);
  expect(lastDocument()).toMatch(/storeMib: 400/);
});

test('or until a person sends it what the restored fleet has', async () => {
  await wantAndGet(300);
  const restore = await backUp();
  const newer = await wantAndGet(400);
  await restore();
  await expect.poll(configOf, SOON).toMatchObject({ ahead: newer });
  const sent = await admin.ask('POST', `/api/v1/sensors/${id}/config/resend`, {});
  expect([sent.status, sent.body.revision]).toEqual([200, newer + 1]);
  await expect.poll(configOf, SOON).toMatchObject({ state: 'applied', revision: newer + 1 });
  expect(lastDocument()).toMatch(/storeMib: 300/);
  expect(await matters()).toEqual([]);
});

test('a restored fleet that gives a number a second time, for something else, is not told that it is in force', async () => {
  await wantAndGet(300);
  const restore = await backUp();
  const newer = await wantAndGet(400);
  await sensor.link.stop();
  await restore();
  // While the sensor is away, somebody changes what it should be: the number is the one that it has.
  expect(await want(500)).toBe(newer);
  await sensor.restart();
  await expect.poll(configOf, SOON).toMatchObject({
    ...{ state: 'failed', code: 'FLEET_LINK_CONFIG_OLD', revision: newer, ahead: newer },
  });
  expect(lastDocument()).toMatch(/storeMib: 400/);
  expect(await matters()).toEqual([`ahead:${id}`]);
  const sent = await admin.ask('POST', `/api/v1/sensors/${id}/config/resend`, {});
  expect(sent.body.revision).toBe(newer + 1);
  await expect.poll(configOf, SOON).toMatchObject({ state: 'applied', revision: newer + 1 });
  expect(lastDocument()).toMatch(/storeMib: 500/);
});

test('however many revisions a restored fleet has made meanwhile, the sensor keeps what it has until a person decides', async () => {
  await wantAndGet(300);
  const restore = await backUp();
  await wantAndGet(350);
  const newer = await wantAndGet(400);
  await sensor.link.stop();
  await restore();
  // While the sensor is away, people make more revisions than it has.
  for (const storeMib of [500, 501, 502, 503]) await want(storeMib);
  await sensor.restart();
  await expect.poll(configOf, SOON).toMatchObject({ state: 'waiting', detail: 'undecided', ahead: newer });
  expect(await matters()).toEqual([`ahead:${id}`]);
  // Also when it comes again, nothing is sent without a decision.
  await sensor.restart();
  await sensor.up();
  expect(await configOf()).toMatchObject({ ahead: newer });
  expect(lastDocument()).toMatch(/storeMib: 400/);

  const sent = await admin.ask('POST', `/api/v1/sensors/${id}/config/resend`, {});
  expect(sent.status).toBe(200);
  await expect.poll(configOf, SOON).toMatchObject({ state: 'applied', revision: sent.body.revision });
  expect(lastDocument()).toMatch(/storeMib: 503/);
  expect((await configOf()).ahead).toBeUndefined();
  expect(await matters()).toEqual([]);
});
