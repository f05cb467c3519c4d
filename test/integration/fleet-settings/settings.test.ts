import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fleetd } from '@bulkhead/fleet-server/fleetd';
import { openRunningFleet, type FleetVisitor, type RunningFleet } from '../../support/fleet/running-fleet.ts';

let fleet: RunningFleet;
let admin: FleetVisitor;

beforeAll(async () => {
  fleet = await openRunningFleet();
  admin = await fleet.setUp();
});
afterAll(() => fleet.dispose());

const settings = async () => (await admin.ask('GET', '/api/v1/settings')).body;
const status = async () => (await admin.ask('GET', '/api/v1/events/status')).body;

test('how long events are kept is set in the app, in force at once and after a restart, and given back to the file', async () => {
  const fromFile = { value: 90, from: 'file', file: 90 };
  expect((await settings()).events.retentionDays).toEqual(fromFile);
  const put = (body: object) => admin.ask('PUT', '/api/v1/settings/events', body);
  expect((await put({ retentionDays: 14, storeMib: null })).status).toBe(200);
  expect(await status()).toMatchObject({ retentionDays: 14, storeMib: 20_480 });
  await fleet.restart();
  expect((await settings()).events).toMatchObject({
    retentionDays: { value: 14, from: 'app', file: 90, by: 'anna' },
    storeMib: { from: 'file' },
  });
  expect(await status()).toMatchObject({ retentionDays: 14 });
  for (const bad of [
    { retentionDays: 0, storeMib: null },
    { retentionDays: 14 },
    { retentionDays: 1.5, storeMib: 64 },
  ]) {
    expect([bad, (await put(bad)).status]).toEqual([bad, 400]);
  }
  expect((await put({ retentionDays: null, storeMib: null })).body.events.retentionDays).toEqual(fromFile);
  const { body } = await admin.ask('GET', '/api/v1/audit?action=settings.events&outcome=done');
  expect(body.entries).toMatchObject([
    { name: 'anna', target: 'events', facts: { retentionDays: 'file' } },
    { name: 'anna', target: 'events', facts: { retentionDays: 14, storeMib: 'file' } },
  ]);
});

test('certificates are shown as they are in use, with the fingerprint that stands in join tokens', async () => {
  const { certificates } = await settings();
  expect(certificates).toMatchObject([
    { what: 'ca', given: false, names: [] },
    { what: 'web', given: false, names: expect.arrayContaining(['localhost']) as string[] },
    { what: 'link', given: false },
  ]);
  const { body } = await admin.ask('POST', '/api/v1/adoption-codes', {});
  expect(certificates[0].fingerprint).toBe(body.fingerprint);
});

test('a backup is noted when it is made, one that failed is not', async () => {
  expect((await settings()).backup).toMatchObject({ everyDays: 30 });
  expect((await settings()).backup.last).toBeUndefined();
  const configFile = join(fleet.dir, 'fleetd.yaml');
  await writeFile(configFile, 'stateDir: state\n');
  const file = join(fleet.dir, 'one.backup');
  expect(await fleetd(['backup', file, '--config', configFile])).toBe(0);
  const { last } = (await settings()).backup;
  expect(last).toMatchObject({ file });
  expect(Math.abs(Date.now() - Date.parse(last.at))).toBeLessThan(60_000);
  expect(await fleetd(['backup', file, '--config', configFile])).toBe(1);
  expect((await settings()).backup.last).toEqual(last);
});
