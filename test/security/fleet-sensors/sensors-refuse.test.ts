import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sensorKey } from '../../support/fleet-sensor-keys.ts';
import { CONFIG, openSensorsBench, person, turn, type SensorsBench } from '../../support/fleet-sensors.ts';

let bench: SensorsBench;
beforeEach(async () => {
  bench = await openSensorsBench();
});
afterEach(async () => {
  await bench.close();
});

test('ABUSE 108: a sensor that is away, one that never answers and one that refuses hold up nobody', async () => {
  const group = bench.sensors.groups.create('All', '');
  const adopt = async (name: string) =>
    (await bench.adopt({ name, config: CONFIG, groupId: group.id })).sensor;
  const [away, stuck, broken, fine] = [
    await adopt('away'),
    await adopt('stuck'),
    await adopt('broken'),
    await adopt('fine'),
  ];
  const desire = bench.links.desire.bind(bench.links);
  bench.links.desire = async (...args) => {
    if (args[0] === stuck) return new Promise(() => undefined);
    if (args[0] === broken) throw new Error('its link broke');
    return desire(...args);
  };
  for (const sensor of [stuck, broken, fine]) {
    bench.present.add(sensor);
    const serial = bench.certificates.newest(sensor)?.serial ?? '';
    bench.sensors.attached({ sensor, serial, version: '0.1.0', address: '192.0.2.1', configRevision: 0 });
  }
  const config = { detectionCheck: { intervalS: 30 } };
  const put = await bench.ask('PUT', `/api/v1/groups/${group.id}/config`, { config });
  expect(put.status).toBe(200);
  expect(put.body.outcomes).toMatchObject([
    { sensor: away, state: 'waiting', detail: 'offline' },
    { sensor: broken, state: 'sent' },
    { sensor: fine, state: 'sent' },
    { sensor: stuck, state: 'sent' },
  ]);
  await turn();
  expect(bench.handed).toMatchObject([{ sensor: fine, revision: 1 }]);
  bench.sensors.configResult(fine, { revision: 1, ok: true, code: '', message: '' });
  // And again, while the first is still stuck.
  const sensors = [away, stuck, broken, fine];
  const overrides = { detectionCheck: { intervalS: 40 } };
  const bulk = await bench.ask('POST', '/api/v1/sensors/bulk', {
    sensors,
    action: { kind: 'overrides', overrides },
  });
  expect(bulk.body.outcomes.map((one: { state: string }) => one.state)).toEqual([
    'waiting',
    'sent',
    'sent',
    'sent',
  ]);
  await turn();
  expect(bench.handed).toMatchObject([{ revision: 1 }, { sensor: fine, revision: 2 }]);
  bench.present.add(away);
  const serial = bench.certificates.newest(away)?.serial ?? '';
  bench.sensors.attached({ sensor: away, serial, version: '0.1.0', address: '192.0.2.1', configRevision: 0 });
  await turn();
  expect(bench.handed.at(-1)).toMatchObject({ sensor: away, revision: 2 });
});

test('ABUSE 108: one sensor for which a bulk change makes no sense is refused alone', async () => {
  const good = (await bench.adopt({ name: 'good', config: CONFIG })).sensor;
  const odd = (await bench.adopt({ name: 'odd', config: CONFIG.replaceAll('suricata', 'other') })).sensor;
  const action = { kind: 'overrides', overrides: { instruments: { suricata: { enabled: false } } } };
  const unknown = 's_aaaaaaaaaaaaaaaa';
  const bulk = await bench.ask('POST', '/api/v1/sensors/bulk', { sensors: [unknown, odd, good], action });
  expect(bulk.body.outcomes).toMatchObject([
    { sensor: unknown, state: 'refused', code: 'FLEET_SENSORS_UNKNOWN' },
    { sensor: odd, state: 'refused', code: 'FLEET_SENSORS_CONFIG_INVALID' },
    { sensor: good, state: 'waiting', detail: 'offline' },
  ]);
  // Who did it is written down for each of them.
  expect(bench.written).toMatchObject(
    [unknown, odd, good].map((target) => ({ person: { name: 'olga' }, action: 'sensor.overrides', target })),
  );
});

test('a role that is narrowed to one sensor reaches no other: not by a list, a group, a bulk change or a code', async () => {
  const group = bench.sensors.groups.create('Wards', '');
  const mine = (await bench.adopt({ name: 'mine', config: CONFIG })).sensor;
  const other = (await bench.adopt({ name: 'other', config: CONFIG, groupId: group.id })).sensor;
  bench.people.set(
    'nora',
    person('nora', {
      rights: ['sensors.read', 'sensors.operate', 'sensors.configure'],
      sensors: () => [mine],
    }),
  );
  const ask = (method: Parameters<SensorsBench['ask']>[0], url: string, body?: unknown) =>
    bench.ask(method, url, body, 'nora');
  expect((await ask('GET', '/api/v1/sensors')).body.sensors).toMatchObject([{ id: mine }]);
  expect((await ask('GET', '/api/v1/groups')).body.groups).toEqual([]);
  const denied = [
    await ask('GET', `/api/v1/sensors/${other}`),
    await ask('GET', `/api/v1/sensors/${other}/config`),
    await ask('PUT', `/api/v1/sensors/${other}/config`, { overrides: {} }),
    await ask('POST', `/api/v1/sensors/${other}/revoke`, { reason: 'x' }),
    await ask('POST', '/api/v1/sensors/bulk', {
      sensors: [mine, other],
      action: { kind: 'revoke', reason: 'x' },
    }),
    await ask('PUT', `/api/v1/groups/${group.id}/config`, { config: { detectionCheck: { enabled: false } } }),
    // Into a group whose other sensors are not its own, it would carry rights of others.
    await ask('PATCH', `/api/v1/sensors/${mine}`, { group: group.id }),
    await ask('POST', '/api/v1/sensors/bulk', {
      sensors: [mine],
      action: { kind: 'group', group: group.id },
    }),
    await ask('POST', '/api/v1/groups', { name: 'mine alone' }),
    await ask('POST', '/api/v1/adoption-codes', { replaces: other }),
    await ask('GET', '/api/v1/adoption-codes'),
  ];
  expect(denied.map(({ status }) => status)).toEqual(denied.map(() => 403));
  expect((await ask('GET', `/api/v1/groups/${group.id}`)).status).toBe(404);
  expect(bench.sensors.registry.get(other)).toMatchObject({ state: 'active', overrides: {} });
  expect(bench.revoked).toEqual([]);
  expect((await ask('PATCH', `/api/v1/sensors/${mine}`, { tags: ['icu'] })).status).toBe(200);
  expect((await ask('PUT', `/api/v1/sensors/${mine}/config`, { overrides: {} })).status).toBe(200);
});

test('a reader changes nothing, and nobody without a name sees anything but what enrolment needs', async () => {
  const { sensor } = await bench.adopt({ config: CONFIG });
  bench.people.set('rita', person('rita', { rights: ['sensors.read'] }));
  const at = `/api/v1/sensors/${sensor}`;
  const changes = [
    ['PATCH', at, {}],
    ['DELETE', at, undefined],
    ['PUT', `${at}/config`, { overrides: {} }],
    ['POST', `${at}/revoke`, { reason: 'x' }],
    ['POST', `${at}/confirm-return`, {}],
    ['POST', `${at}/refuse-return`, {}],
    ['POST', `${at}/mapping`, { monitorInterfaces: {} }],
    ['POST', `${at}/config/import`, {}],
    ['POST', `${at}/config/resend`, {}],
    ['POST', `${at}/revisions/1/rollback`, {}],
    ['POST', `${at}/acknowledge-clone`, {}],
  ] as const;
  for (const [method, url, body] of changes) {
    expect([url, (await bench.ask(method, url, body, 'rita')).status]).toEqual([url, 403]);
    expect([url, (await bench.ask(method, url, body, 'nobody')).status]).toEqual([url, 401]);
  }
  for (const url of ['/api/v1/sensors', at, '/api/v1/groups', '/api/v1/adoption-codes']) {
    expect([url, (await bench.ask('GET', url, undefined, 'nobody')).status]).toEqual([url, 401]);
  }
  expect((await bench.ask('GET', '/api/v1/enrol/ca', undefined, 'nobody')).status).toBe(200);
});

test('what stands in a request to be adopted makes nobody somebody else', async () => {
  const victim = await bench.adopt({ name: 'ward-3' });
  const { code } = bench.sensors.codes.make({ expiresInS: 3600 }, 'olga');
  const key = await sensorKey(`CN=${victim.sensor}`);
  const body = {
    code,
    csr: key.csr,
    hardware: { nics: [] },
    version: '0.1.0',
    name: 'ward-3',
    sensor: victim.sensor,
    replaces: victim.sensor,
    id: victim.sensor,
  };
  const reply = await bench.ask('POST', '/api/v1/enrol/adopt', body, 'nobody');
  expect(reply.status).toBe(200);
  expect(reply.body.sensor).not.toBe(victim.sensor);
  expect(reply.body.name).toBe('ward-3-2');
  expect(new X509Certificate(reply.body.chain[0]).subject).toBe(`CN=${reply.body.sensor}`);
  expect(bench.revoked).toEqual([]);
});

test('what is too large or malformed is refused before it costs anything', async () => {
  const { code } = bench.sensors.codes.make({ expiresInS: 3600 }, 'olga');
  const good = { code, csr: (await sensorKey()).csr, hardware: { nics: [] }, version: '0.1.0' };
  const bad = [
    { ...good, csr: 'x'.repeat(9000) },
    { ...good, version: 'x'.repeat(65) },
    { ...good, name: '../../etc' },
    { ...good, hardware: { nics: Array(300).fill({ device: 'a', monitorCapable: true }) } },
    { ...good, config: 'x'.repeat(600_000) },
    { ...good, config: 'x'.repeat(900_000) },
    { ...good, code: { $ne: '' } },
    [],
  ];
  for (const body of bad) {
    const { status } = await bench.ask('POST', '/api/v1/enrol/adopt', body, 'nobody');
    const what = JSON.stringify(body).slice(0, 80);
    expect([what, status]).toEqual([what, status === 413 ? 413 : 400]);
  }
  expect(bench.sensors.registry.all()).toEqual([]);
  expect((await bench.ask('POST', '/api/v1/enrol/adopt', good, 'nobody')).status).toBe(200);
});
