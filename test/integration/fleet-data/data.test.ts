import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DataStores } from '@bulkhead/fleet-api';
import { verifyFleetReport } from '@bulkhead/fleet-server/data';
import { fleetd } from '@bulkhead/fleet-server/fleetd';
import { verifyReport } from '@bulkhead/platform/data';
import { reportSigner } from '@bulkhead/platform/kernel';
import { openTestSensor, type TestSensor } from '../../support/fleet-link/test-sensor.ts';
import { openRunningFleet, type FleetVisitor, type RunningFleet } from '../../support/fleet/running-fleet.ts';

/** On a machine that is busy, too. */
const SOON = { timeout: 30_000 };
let fleet: RunningFleet;
let sensor: TestSensor;

beforeEach(async () => {
  fleet = await openRunningFleet();
  sensor = await openTestSensor();
});
afterEach(async () => {
  await sensor.dispose();
  await fleet.dispose();
});

const REPORT = {
  ...{ kind: 'bulkhead-data-report', version: 1, sensor: 'lab', time: '2026-11-21T10:00:00Z' },
  copies: [
    {
      ...{ copy: 'stream/suricata', kind: 'stream', what: 'Alerts', where: 'memory', holder: 'platform' },
      measured: { records: 7, bytes: 700, oldest: '2026-11-20T10:00:00Z' },
      ...{
        policy: { text: 'the oldest go' },
        readers: ['root of the sensor'],
        goesTo: [],
        faults: ['too old'],
      },
    },
  ],
  ...{ unanswered: [], holds: 0, unfinishedPurges: 0, attention: ['something is too old'] },
};

/** Answers like a sensor with that key. */
function answerReports(on: TestSensor, change: (signed: object) => object = (signed) => signed): string {
  const signer = reportSigner(randomBytes(32));
  on.answer = ({ path }) => [
    Buffer.from(JSON.stringify(path === '/v1/data/report' ? change(signer.sign(REPORT)) : { path })),
  ];
  return signer.publicKey;
}

async function adopt(admin: FleetVisitor): Promise<string> {
  const { body } = await admin.ask('POST', '/api/v1/adoption-codes', { name: 'ward-3' });
  await sensor.link.join({ token: body.joinToken });
  await sensor.up();
  return (await sensor.membership())['sensor'] ?? '';
}

const data = async (person: FleetVisitor, query = '') =>
  (await person.ask('GET', `/api/v1/data${query}`)).body as DataStores;

test('every store is listed, also of a sensor that is away, and what is downloaded can be proven', async () => {
  const key = answerReports(sensor);
  const admin = await fleet.setUp();
  const id = await adopt(admin);
  await expect.poll(async () => (await data(admin)).sensors[0]?.copies, SOON).toBe(1);
  const all = await data(admin);
  expect(all.stores.filter((store) => store.sensor === undefined).map(({ copy }) => copy)).toEqual([
    ...['fleet/audit', 'fleet/backups', 'fleet/buffer', 'fleet/database', 'fleet/events', 'fleet/keys'],
  ]);
  expect(all.stores.find(({ copy }) => copy === 'fleet/database')?.bytes).toBeGreaterThan(4_096);
  expect(all.stores.flatMap(({ faults }) => faults)).toEqual(['too old']);
  expect(await data(admin, `?at=${id}&text=ALERTS&faults=yes`)).toMatchObject({
    total: 1,
    stores: [{ sensor: id, sensorName: 'ward-3', records: 7, basis: 'measured' }],
  });

  const file = (await admin.ask('GET', '/api/v1/data/export')).body as string;
  const { body: ownKey } = await admin.ask('GET', '/api/v1/data/key');
  const proven = verifyFleetReport(file, ownKey.publicKey);
  expect(proven).toMatchObject({ complete: true, sensors: [{ sensor: id, state: 'whole' }] });
  expect(verifyReport(file.split('\n')[1] ?? '', key).report.sensor).toBe('lab');
  const one = (await admin.ask('GET', `/api/v1/data/sensors/${id}/export`)).body;
  expect(verifyReport(JSON.stringify(one), key).publicKey).toBe(key);
  const { body: audit } = await admin.ask('GET', '/api/v1/audit?action=data.export');
  expect(audit.entries).toHaveLength(2);

  const saved = join(fleet.dir, 'report.ndjson');
  await writeFile(saved, file);
  expect(await fleetd(['verify-report', saved, '--key', ownKey.publicKey])).toBe(0);
  await writeFile(saved, file.replace('"records":7', '"records":8'));
  expect(await fleetd(['verify-report', saved])).toBe(1);
  expect(await fleetd(['verify-report'])).toBe(2);

  await sensor.dispose();
  await expect.poll(async () => (await data(admin)).sensors[0]?.online, SOON).toBe(false);
  await fleet.restart();
  const again = await data(admin);
  expect(again.sensors).toMatchObject([{ sensor: id, online: false, copies: 1 }]);
  expect(again.stores.some((store) => store.sensor === id)).toBe(true);
  expect((await admin.ask('GET', '/api/v1/data/key')).body).toEqual(ownKey);
});

test('a report that is not as it was signed is not taken, and nobody sees what is not theirs', async () => {
  answerReports(sensor, (signed) => ({ ...signed, report: { ...REPORT, copies: [] } }));
  const admin = await fleet.setUp();
  const id = await adopt(admin);
  await expect
    .poll(async () => (await data(admin)).sensors[0]?.problem, SOON)
    .toBe('the signature of its data report does not fit');
  expect((await admin.ask('GET', `/api/v1/data/sensors/${id}/export`)).status).toBe(404);

  const stranger = fleet.visitor();
  for (const path of ['data', 'data/export', 'data/key', `data/sensors/${id}/export`])
    expect((await stranger.ask('GET', `/api/v1/${path}`)).status).toBe(401);
  const made = await admin.ask('POST', '/api/v1/people', {
    name: 'vic',
    roles: [{ role: 'viewer', instruments: ['rule-manager'] }],
  });
  expect(made.status).toBe(201);
  const vic = fleet.visitor();
  await vic.ask('POST', '/api/v1/session/invitation', {
    code: made.body.invitation.code,
    password: 'nine quiet lanterns drift past noon',
  });
  // One instrument's visitor sees the sensor, and not what belongs to the others.
  expect((await data(vic)).sensors).toEqual([]);
  expect((await vic.ask('GET', `/api/v1/data/sensors/${id}/export`)).status).toBe(404);
  const file = (await vic.ask('GET', '/api/v1/data/export')).body as string;
  expect(verifyFleetReport(file)).toMatchObject({ complete: false, sensors: [] });
});
