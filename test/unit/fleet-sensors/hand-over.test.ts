import { afterEach, beforeEach, expect, test } from 'vitest';
import { BulkheadError, waitFor, type ErrorCode } from '@bulkhead/platform/kernel';
import { CONFIG, openSensorsBench, turn, type SensorsBench } from '../../support/fleet-sensors.ts';

let bench: SensorsBench;
beforeEach(async () => {
  bench = await openSensorsBench();
});
afterEach(async () => {
  await bench.close();
});

const fault = (code: ErrorCode) => new BulkheadError({ code, message: 'not now' });
const interval = (intervalS: number) => ({ overrides: { detectionCheck: { intervalS } } });
const attach = (sensor: string, configRevision = 0) => {
  bench.present.add(sensor);
  const serial = bench.certificates.newest(sensor)?.serial ?? '';
  bench.sensors.attached({ sensor, serial, version: '0.1.0', address: '192.0.2.1', configRevision });
};
/** As the link tells it when a sensor attaches anew: the end of the former and the new one in one breath. */
const attachAnew = (sensor: string, configRevision = 0) => {
  bench.sensors.detached(sensor);
  attach(sensor, configRevision);
};
const configure = (sensor: string, seconds: number) =>
  bench.ask('PUT', `/api/v1/sensors/${sensor}/config`, interval(seconds));
const stateOf = async (sensor: string) => (await bench.ask('GET', `/api/v1/sensors/${sensor}`)).body.config;

test('a sensor that has not taken yet what was sent before gets the newest as soon as it has', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  attach(sensor);
  const links = { ...bench.links };
  let busy = true;
  let refused = 0;
  bench.links.desire = (...args) => {
    if (!busy) return links.desire(...args);
    refused += 1;
    throw fault('FLEET_LINKS_BUSY');
  };
  await configure(sensor, 30);
  await waitFor('the first attempt', 10_000, () => refused > 0);
  await configure(sensor, 60);
  expect((await stateOf(sensor)).state).not.toBe('failed');
  busy = false;
  await waitFor('the configuration', 20_000, () => bench.handed.length > 0);
  expect(bench.handed.map(({ revision }) => revision)).toEqual([2]);
  expect(await stateOf(sensor)).toMatchObject({ state: 'sent', revision: 2 });
});

test('what is told late of a link that ended says nothing of what was handed over on the next', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  attach(sensor);
  let lose: (error: Error) => void = () => undefined;
  // As many steps lie between the link and this room as in fleetd.
  const waits = async () => new Promise<void>((_resolve, reject) => (lose = reject));
  const layered = async () => {
    await (async () => waits())();
  };
  bench.links.desire = layered;
  let changes = 0;
  bench.sensors.onChanged(() => (changes += 1));
  await configure(sensor, 30);
  // The turn of the first is over, and its result has not come.
  await waitFor('the end of its turn', 20_000, () => changes >= 2);
  const former = lose;
  former(fault('FLEET_LINKS_LOST'));
  attachAnew(sensor);
  await turn();
  expect(lose).not.toBe(former);
  expect(await stateOf(sensor)).toMatchObject({ state: 'sent', revision: 1 });
  lose(fault('FLEET_LINKS_LOST'));
  await turn();
});

test('a sensor that attaches anew while it is asked what it has is asked again', async () => {
  const group = bench.sensors.groups.create('Wards', '');
  bench.sensors.groups.setConfig(group.id, interval(45).overrides, 'olga', '');
  let lose: (error: Error) => void = () => undefined;
  let asked = 0;
  bench.links.readConfig = async () => {
    asked += 1;
    return asked === 1 ? new Promise<string>((_resolve, reject) => (lose = reject)) : CONFIG;
  };
  const { sensor } = await bench.adopt({ groupId: group.id });
  attach(sensor);
  await turn();
  lose(fault('FLEET_LINKS_LOST'));
  attachAnew(sensor);
  await turn();
  expect(asked).toBe(2);
  expect(bench.handed).toMatchObject([{ sensor, revision: 1 }]);
  expect((await bench.ask('GET', `/api/v1/sensors/${sensor}`)).body.config.problem).toBeUndefined();
});
