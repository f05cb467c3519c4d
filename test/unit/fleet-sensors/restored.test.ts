import { parse } from 'yaml';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CONFIG, openSensorsBench, OPERATOR, turn, type SensorsBench } from '../../support/fleet-sensors.ts';

let bench: SensorsBench;
beforeEach(async () => {
  bench = await openSensorsBench();
});
afterEach(async () => {
  await bench.close();
});

const because = { by: OPERATOR, reason: 'test', cause: 'sensor' } as const;
const interval = (intervalS: number) => ({ detectionCheck: { intervalS } });
const attach = (sensor: string, configRevision = 0) => {
  bench.present.add(sensor);
  const serial = bench.certificates.newest(sensor)?.serial ?? '';
  bench.sensors.attached({ sensor, serial, version: '0.1.0', address: '192.0.2.1', configRevision });
};
const detach = (sensor: string) => {
  bench.present.delete(sensor);
  bench.sensors.detached(sensor);
};
const taken = (sensor: string, revision: number) => {
  bench.sensors.configResult(sensor, {
    revision,
    ok: true,
    code: '',
    message: '',
    sensorRevision: revision + 10,
  });
};
const stateOf = async (sensor: string) => (await bench.ask('GET', `/api/v1/sensors/${sensor}`)).body.config;

/* A fleet that was restored from a backup, and sensors that have what it does not know. */

test('a fleet restored from a backup does not overrule a sensor that knows more, until a person decides', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  bench.sensors.desired.setOverrides(sensor, interval(30), because);
  attach(sensor, 7);
  await turn();
  expect(bench.handed).toEqual([]);
  expect(bench.sensors.attention()).toMatchObject([{ id: `ahead:${sensor}` }]);
  const outcome = await bench.ask('POST', `/api/v1/sensors/${sensor}/config/resend`, {});
  expect(outcome.body).toMatchObject({ revision: 8, state: 'sent' });
  await turn();
  expect(bench.handed.map(({ revision }) => revision)).toEqual([8]);
  expect(bench.sensors.attention()).toEqual([]);
});

test('nor when it was given more numbers since than the sensor knows; a decision is asked for once', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  bench.sensors.desired.setOverrides(sensor, interval(30), because);
  attach(sensor, 0);
  await turn();
  taken(sensor, 1);
  detach(sensor);
  // The sensor has a 2 from before the fleet was restored; here 2, 3 and 4 are made while it is away, and are something else.
  for (const seconds of [40, 50, 60]) bench.sensors.desired.setOverrides(sensor, interval(seconds), because);
  for (let times = 0; times < 2; times += 1) {
    attach(sensor, 2);
    await turn();
    expect(bench.handed.map(({ revision }) => revision)).toEqual([1]);
    expect(await stateOf(sensor)).toMatchObject({ ahead: 2, state: 'waiting', detail: 'undecided' });
    expect(bench.sensors.attention()).toMatchObject([{ id: `ahead:${sensor}` }]);
    detach(sensor);
  }
  // Decided while it is away: it is not asked for again.
  const decided = await bench.ask('POST', `/api/v1/sensors/${sensor}/config/resend`, {});
  expect(decided.body).toMatchObject({ revision: 5, state: 'waiting', detail: 'offline' });
  attach(sensor, 2);
  await turn();
  expect(bench.handed.map(({ revision }) => revision)).toEqual([1, 5]);
  expect(bench.sensors.attention()).toEqual([]);
});

test('a sensor that missed several revisions of this fleet, one of them with its answer lost, is not asked about', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  attach(sensor);
  bench.sensors.desired.setOverrides(sensor, interval(30), because);
  await turn();
  // It took 1, and the link broke before it said so.
  detach(sensor);
  for (const seconds of [40, 50, 60]) bench.sensors.desired.setOverrides(sensor, interval(seconds), because);
  attach(sensor, 1);
  await turn();
  expect(bench.handed.map(({ revision }) => revision)).toEqual([1, 4]);
  expect(bench.sensors.attention()).toEqual([]);
});

test('what its group carries does not decide for a sensor that knows more, and waits for the decision', async () => {
  const group = bench.sensors.groups.create('Wards', '');
  const { sensor } = await bench.adopt({ config: CONFIG, groupId: group.id });
  bench.sensors.desired.setOverrides(sensor, { detectionCheck: { timeoutS: 9 } }, because);
  attach(sensor, 7);
  const put = { config: interval(90) };
  const changed = await bench.ask('PUT', `/api/v1/groups/${group.id}/config`, put);
  expect(changed.body.outcomes).toMatchObject([{ state: 'waiting', detail: 'undecided', revision: 8 }]);
  detach(sensor);
  attach(sensor, 7);
  await turn();
  expect(bench.handed).toEqual([]);
  expect(await stateOf(sensor)).toMatchObject({ ahead: 7 });
  await bench.ask('POST', `/api/v1/sensors/${sensor}/config/resend`, {});
  await turn();
  expect(bench.handed).toMatchObject([{ revision: 9 }]);
  expect(parse(bench.handed[0]?.yaml ?? '')).toMatchObject({
    detectionCheck: { intervalS: 90, timeoutS: 9 },
  });
});

test('a number that was never handed over is asked about; when it is the same document, that settles it', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  bench.sensors.desired.setOverrides(sensor, interval(30), because);
  attach(sensor, 1);
  await turn();
  expect(bench.handed.map(({ revision }) => revision)).toEqual([1]);
  expect(await stateOf(sensor)).toMatchObject({ ahead: 1 });
  taken(sensor, 1);
  expect(await stateOf(sensor)).toEqual({ state: 'applied', revision: 1, applied: 1, overrides: 1 });
  expect(bench.sensors.attention()).toEqual([]);
});

test('a sensor that went back by itself to what it has from here needs no decision any more', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  attach(sensor);
  bench.sensors.desired.setOverrides(sensor, interval(30), because);
  await turn();
  taken(sensor, 1);
  detach(sensor);
  attach(sensor, 3);
  expect(await stateOf(sensor)).toMatchObject({ ahead: 3 });
  detach(sensor);
  attach(sensor, 1);
  expect((await stateOf(sensor)).ahead).toBeUndefined();
  expect(bench.sensors.attention()).toEqual([]);
});
