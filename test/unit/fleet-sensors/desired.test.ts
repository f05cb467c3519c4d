import { parse } from 'yaml';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { refusedBy } from '@bulkhead/fleet-server/sensors';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { CONFIG, openSensorsBench, OPERATOR, turn, type SensorsBench } from '../../support/fleet-sensors.ts';

let bench: SensorsBench;
beforeEach(async () => {
  bench = await openSensorsBench();
});
afterEach(async () => {
  await bench.close();
});

const refused = (code: string) => expect.objectContaining({ code }) as Error;
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

test('a change becomes a revision with author, reason and difference, is handed over, and its result is kept', async () => {
  const { sensor } = await bench.adopt({ name: 'ward-3', config: CONFIG });
  attach(sensor);
  const change = { overrides: interval(30), reason: 'too\nslow\u202e', expectRevision: 0 };
  const outcome = await bench.ask('PUT', `/api/v1/sensors/${sensor}/config`, change);
  expect(outcome.body).toMatchObject({ state: 'sent', revision: 1 });
  await turn();
  expect(bench.handed).toMatchObject([{ sensor, revision: 1, author: 'olga', reason: 'too slow' }]);
  expect(parse(bench.handed[0]?.yaml ?? '')).toEqual({ ...parse(CONFIG), ...interval(30) });
  expect(await stateOf(sensor)).toEqual({ state: 'sent', revision: 1, overrides: 1 });
  taken(sensor, 1);
  expect(await stateOf(sensor)).toEqual({ state: 'applied', revision: 1, applied: 1, overrides: 1 });
  await bench.ask('PUT', `/api/v1/sensors/${sensor}/config`, { overrides: interval(60) });
  const second = await bench.ask('GET', `/api/v1/sensors/${sensor}/revisions/2`);
  expect(second.body).toMatchObject({
    revision: { number: 2, author: 'olga', cause: 'sensor', state: 'sent' },
    differences: [{ pointer: '/detectionCheck/intervalS', before: 30, after: 60 }],
  });
  expect((await bench.ask('GET', `/api/v1/sensors/${sensor}/revisions`)).body.revisions).toHaveLength(2);
  expect((await bench.ask('GET', `/api/v1/sensors/${sensor}/revisions/9`)).status).toBe(404);
});

test('who changed something that somebody else changed meanwhile is told', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  bench.sensors.desired.setOverrides(sensor, interval(30), because);
  const late = { overrides: interval(60), expectRevision: 0 };
  const conflict = await bench.ask('PUT', `/api/v1/sensors/${sensor}/config`, late);
  expect(conflict).toMatchObject({ status: 409, body: { code: 'FLEET_SENSORS_CONFIG_CONFLICT' } });
});

test('what is invalid changes nothing, and a preview says it before', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  const change = { overrides: interval(1) };
  const preview = await bench.ask('POST', `/api/v1/sensors/${sensor}/config/preview`, change);
  expect(preview.body).toMatchObject({ valid: false, pointer: '/detectionCheck/intervalS' });
  const put = await bench.ask('PUT', `/api/v1/sensors/${sensor}/config`, change);
  expect(put).toMatchObject({ status: 400, body: { code: 'FLEET_SENSORS_CONFIG_INVALID' } });
  expect(bench.sensors.registry.get(sensor).overrides).toEqual({});
  expect(bench.sensors.revisions.of(sensor)).toEqual([]);
  const good = await bench.ask('POST', `/api/v1/sensors/${sensor}/config/preview`, {
    overrides: interval(30),
  });
  expect(good.body).toEqual({
    valid: true,
    differences: [{ pointer: '/detectionCheck', after: { intervalS: 30 } }],
  });
});

test('what a sensor missed it gets when it is back: the newest, once', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  for (const seconds of [30, 40, 50]) bench.sensors.desired.setOverrides(sensor, interval(seconds), because);
  expect(await stateOf(sensor)).toMatchObject({ state: 'waiting', detail: 'offline', revision: 3 });
  expect(bench.sensors.revisions.of(sensor).map(({ state }) => state)).toEqual([
    'waiting',
    'superseded',
    'superseded',
  ]);
  attach(sensor);
  await turn();
  expect(bench.handed.map(({ revision }) => revision)).toEqual([3]);
  // The link broke before it answered.
  detach(sensor);
  expect(await stateOf(sensor)).toMatchObject({ state: 'waiting' });
  attach(sensor);
  await turn();
  expect(bench.handed.map(({ revision }) => revision)).toEqual([3, 3]);
  // The answer was lost: it says itself that it has it.
  detach(sensor);
  // The number alone proves nothing: the sensor is asked, and says what became of it without doing it again.
  attach(sensor, 3);
  await turn();
  expect(bench.handed.slice(2).map(({ revision }) => revision)).toEqual([3]);
  bench.sensors.configResult(sensor, { revision: 3, ok: true, code: '', message: '' });
  attach(sensor, 3);
  await turn();
  expect(bench.handed).toHaveLength(3);
  expect(await stateOf(sensor)).toMatchObject({ state: 'applied', applied: 3 });
});

test('a sensor that lost what it had gets it again; one that refused it does not, until a person says so', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  bench.sensors.desired.setOverrides(sensor, interval(30), because);
  attach(sensor);
  await turn();
  taken(sensor, 1);
  detach(sensor);
  attach(sensor, 0);
  await turn();
  expect(bench.handed.map(({ revision }) => revision)).toEqual([1, 1]);
  bench.sensors.configResult(sensor, {
    revision: 1,
    ok: false,
    code: 'SENSORD_CONFIG_ROLLED_BACK',
    message: 'suricata fell ill',
  });
  expect(await stateOf(sensor)).toMatchObject({ state: 'failed', code: 'SENSORD_CONFIG_ROLLED_BACK' });
  const told = { id: `configuration:${sensor}`, text: expect.stringContaining('SENSORD_CONFIG_ROLLED_BACK') };
  expect(bench.sensors.attention()).toMatchObject([told]);
  expect(refusedBy(bench.sensors, sensor)).toBe(1);
  detach(sensor);
  attach(sensor, 0);
  await turn();
  expect(bench.handed).toHaveLength(2);
  const again = await bench.ask('POST', `/api/v1/sensors/${sensor}/config/resend`, {});
  expect(again.body).toMatchObject({ state: 'sent', revision: 2 });
  expect(refusedBy(bench.sensors, sensor)).toBeUndefined();
  await turn();
  expect(bench.handed[2]?.yaml).toBe(bench.handed[0]?.yaml);
});

test('roll-back wants what an earlier revision wanted, and shows as overrides what differs from the group now', async () => {
  const group = bench.sensors.groups.create('Wards', '');
  bench.sensors.groups.setConfig(group.id, interval(30), 'olga', '');
  const { sensor } = await bench.adopt({ config: CONFIG, groupId: group.id });
  await bench.ask('PUT', `/api/v1/groups/${group.id}/config`, { config: interval(90) });
  const before = bench.sensors.revisions.find(sensor, 1)?.document;
  const back = await bench.ask('POST', `/api/v1/sensors/${sensor}/revisions/1/rollback`, {
    reason: 'was better',
  });
  expect(back.body).toMatchObject({ revision: 3 });
  expect(bench.sensors.revisions.find(sensor, 3)).toMatchObject({
    document: before,
    cause: 'rollback',
    restores: 1,
  });
  const shown = await bench.ask('GET', `/api/v1/sensors/${sensor}/config`);
  expect(shown.body.overridden).toEqual([
    { pointer: '/detectionCheck/intervalS', by: 'sensor', value: 30, hides: { by: 'group', value: 90 } },
  ]);
  expect(shown.body.origin['/detectionCheck/intervalS']).toBe('sensor');
});

test('a whole document is the base where there is no group, and overrides where there is one', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  const document = `${CONFIG}detectionCheck: { intervalS: 45 }\n`;
  await bench.ask('PUT', `/api/v1/sensors/${sensor}/config`, { document });
  expect(bench.sensors.registry.get(sensor)).toMatchObject({ base: parse(document), overrides: {} });
  const group = bench.sensors.groups.create('Wards', '');
  bench.sensors.groups.setConfig(group.id, { detectionCheck: { timeoutS: 9 } }, 'olga', '');
  await bench.ask('PATCH', `/api/v1/sensors/${sensor}`, { group: group.id });
  const changed = `${CONFIG}detectionCheck: { intervalS: 50, timeoutS: 9 }\n`;
  await bench.ask('PUT', `/api/v1/sensors/${sensor}/config`, { document: changed });
  expect(bench.sensors.registry.get(sensor).overrides).toEqual({ detectionCheck: { intervalS: 50 } });
});

test('a group configures its sensors; one for which it makes no sense keeps what it has, and says why', async () => {
  const { body: group } = await bench.ask('POST', '/api/v1/groups', { name: 'Wards' });
  const good = await bench.adopt({ name: 'good', config: CONFIG, groupId: group.id });
  const odd = await bench.adopt({
    name: 'odd',
    config: CONFIG.replaceAll('mon', 'span').replace('span0', 'mon0').replace('spanitor', 'monitor'),
    groupId: group.id,
  });
  const config = { instruments: { extra: { package: 'suricata', interfaces: { mon0: 'mon' } } } };
  const preview = await bench.ask('POST', `/api/v1/groups/${group.id}/config/preview`, { config });
  expect(preview.body.sensors).toMatchObject([
    { name: 'good', valid: true },
    { name: 'odd', valid: false, pointer: '/instruments/extra/interfaces/mon0' },
  ]);
  const put = await bench.ask('PUT', `/api/v1/groups/${group.id}/config`, {
    config,
    reason: 'one more',
    expectRevision: 0,
  });
  expect(put.body.outcomes).toMatchObject([
    { name: 'good', state: 'waiting', detail: 'offline', revision: 1 },
    { name: 'odd', state: 'refused', code: 'FLEET_SENSORS_CONFIG_INVALID' },
  ]);
  expect(await stateOf(good.sensor)).toMatchObject({ state: 'waiting' });
  expect(await stateOf(odd.sensor)).toMatchObject({ state: 'invalid' });
  expect(bench.sensors.attention()).toMatchObject([{ id: `no-configuration:${odd.sensor}` }]);
  await bench.ask('PUT', `/api/v1/groups/${group.id}/config`, { config: {}, expectRevision: 1 });
  expect(await stateOf(odd.sensor)).toMatchObject({ state: 'none' });
  const detail = await bench.ask('GET', `/api/v1/groups/${group.id}`);
  expect(detail.body).toMatchObject({ revision: 2, sensors: 2, config: {} });
  expect(detail.body.revisions).toMatchObject([
    { number: 2 },
    { number: 1, reason: 'one more', author: 'olga', config },
  ]);
  expect((await bench.ask('DELETE', `/api/v1/groups/${group.id}`)).status).toBe(409);
});

test('what the sensor has can be taken over; nobody can say what an absent one has', async () => {
  bench.links.readConfig = async () => `${CONFIG}detectionCheck: { enabled: false }\n`;
  const { sensor } = await bench.adopt({ config: CONFIG });
  expect((await bench.ask('POST', `/api/v1/sensors/${sensor}/config/import`, {})).status).toBe(503);
  attach(sensor);
  const taken = await bench.ask('POST', `/api/v1/sensors/${sensor}/config/import`, {});
  expect(taken.body).toMatchObject({ revision: 1 });
  expect(bench.sensors.registry.get(sensor).base).toMatchObject({ detectionCheck: { enabled: false } });
});

test('a sensor that said nothing of its configuration is asked when it attaches, and then follows its group', async () => {
  bench.links.readConfig = async () => CONFIG;
  const group = bench.sensors.groups.create('Wards', '');
  bench.sensors.groups.setConfig(group.id, interval(30), 'olga', '');
  const { sensor } = await bench.adopt({ groupId: group.id });
  expect(await stateOf(sensor)).toMatchObject({ state: 'invalid', code: 'FLEET_SENSORS_CONFIG_MISSING' });
  attach(sensor);
  await turn();
  expect(bench.handed).toMatchObject([{ sensor, revision: 1 }]);
});

test('what a sensor refuses for what it is has failed; what broke on the way is tried when it attaches', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  attach(sensor);
  const fail = (code: 'FLEET_LINKS_CONFIG_TOO_LARGE' | 'FLEET_LINKS_LOST') => {
    bench.links.desire = () => Promise.reject(new BulkheadError({ code, message: 'no' }));
  };
  fail('FLEET_LINKS_LOST');
  bench.sensors.desired.setOverrides(sensor, interval(30), because);
  await turn();
  expect(await stateOf(sensor)).toMatchObject({ state: 'waiting' });
  fail('FLEET_LINKS_CONFIG_TOO_LARGE');
  bench.sensors.desired.setOverrides(sensor, interval(40), because);
  await turn();
  expect(await stateOf(sensor)).toMatchObject({ state: 'failed', code: 'FLEET_LINKS_CONFIG_TOO_LARGE' });
});

test('overrides of a sensor and its revisions are refused for who is not there', () => {
  expect(() => bench.sensors.desired.setOverrides('s_aaaaaaaaaaaaaaaa', {}, because)).toThrow(
    refused('FLEET_SENSORS_UNKNOWN'),
  );
});
