import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HardwareSchema, parseJoinToken } from '@bulkhead/platform/contracts';
import { sensorKey } from '../../support/fleet-sensor-keys.ts';
import {
  CONFIG,
  DAY,
  HOUR,
  NICS,
  openSensorsBench,
  turn,
  type SensorsBench,
} from '../../support/fleet-sensors.ts';

let bench: SensorsBench;
beforeEach(async () => {
  bench = await openSensorsBench();
});
afterEach(async () => {
  await bench.close();
});

const refused = (code: string) => expect.objectContaining({ code }) as Error;
const hardware = HardwareSchema.parse({ nics: NICS });
const use = async (code: string, address = '192.0.2.1') =>
  bench.sensors.enrolment.adopt({ code, csr: (await sensorKey()).csr, hardware, version: '0.1.0' }, address);

test('a code makes a machine a sensor, over the same address that it will use', async () => {
  const made = await bench.ask('POST', '/api/v1/adoption-codes', { name: 'ward-3' });
  expect(made.status).toBe(200);
  const token = parseJoinToken(made.body.joinToken);
  expect(token).toMatchObject({ host: 'fleet.example.org', port: 8443, fingerprint: bench.ca.fingerprint });
  const key = await sensorKey('CN=s_aaaaaaaaaaaaaaaa');
  const ca = await bench.ask('GET', '/api/v1/enrol/ca', undefined, 'nobody');
  expect(ca.body).toEqual({ ca: bench.ca.certificate, fingerprint: bench.ca.fingerprint });
  const reply = await bench.ask(
    'POST',
    '/api/v1/enrol/adopt',
    { code: made.body.code.toLowerCase(), csr: key.csr, hardware, version: '0.1.0', fromTheFuture: true },
    'nobody',
  );
  expect(reply.status).toBe(200);
  const { sensor, name, chain, linkAddress } = reply.body;
  expect(name).toBe('ward-3');
  expect(linkAddress).toBe('fleet.example.org:8444');
  const leaf = new X509Certificate(chain[0]);
  expect(leaf.verify(new X509Certificate(ca.body.ca).publicKey)).toBe(true);
  expect(leaf.subject).toBe(`CN=${sensor}`);
  expect(() => bench.sensors.admission.admit(sensor, leaf.serialNumber)).not.toThrow();
  const listed = await bench.ask('GET', '/api/v1/sensors');
  expect(listed.body.sensors).toMatchObject([
    { id: sensor, name: 'ward-3', state: 'active', attached: false, config: { state: 'none', overrides: 0 } },
  ]);
});

test('a code is nowhere in the store, and works once: a replay gets nothing', async () => {
  const { code } = bench.sensors.codes.make({ expiresInS: 3600 }, 'olga');
  const dump = bench.store.db.prepare('SELECT * FROM sensors_codes').all();
  expect(JSON.stringify(dump)).not.toContain(code);
  expect(JSON.stringify(dump)).not.toContain(code.replaceAll('-', ''));
  await use(code);
  await expect(use(code)).rejects.toThrow(refused('FLEET_SENSORS_CODE_REFUSED'));
  expect(bench.sensors.registry.all()).toHaveLength(1);
});

test('a machine whose answer got lost asks again with the same code and key, until its certificate is in use', async () => {
  const { code } = bench.sensors.codes.make({ expiresInS: 3600 }, 'olga');
  const key = await sensorKey();
  const again = () =>
    bench.sensors.enrolment.adopt({ code, csr: key.csr, hardware, version: '0.1.0' }, '192.0.2.1');
  const first = await again();
  const second = await again();
  expect(second.reply.sensor).toBe(first.reply.sensor);
  await expect(use(code)).rejects.toThrow(refused('FLEET_SENSORS_CODE_REFUSED'));
  const serial = new X509Certificate(second.reply.chain[0] ?? '').serialNumber;
  const { sensor } = second.reply;
  bench.sensors.attached({ sensor, serial, version: '0.1.0', address: '192.0.2.1', configRevision: 0 });
  await expect(again()).rejects.toThrow(refused('FLEET_SENSORS_CODE_REFUSED'));
  expect(bench.sensors.registry.all()).toHaveLength(1);
});

test('of many who use one code at the same time exactly one is adopted, and nothing of the others stays', async () => {
  const { code } = bench.sensors.codes.make({ expiresInS: 3600 }, 'olga');
  const results = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => use(code, `192.0.2.${i}`)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const result of results) {
    if (result.status === 'rejected')
      expect(result.reason).toMatchObject({ code: 'FLEET_SENSORS_CODE_REFUSED' });
  }
  expect(bench.sensors.registry.all()).toHaveLength(1);
  expect(bench.certificates.newestOfAll().size).toBe(1);
});

test('a code ends by its time, and by being withdrawn', async () => {
  const { code } = bench.sensors.codes.make({ expiresInS: 3600 }, 'olga');
  bench.clock.ms += HOUR + 1;
  await expect(use(code)).rejects.toThrow(refused('FLEET_SENSORS_CODE_REFUSED'));
  const made = await bench.ask('POST', '/api/v1/adoption-codes', {});
  expect((await bench.ask('GET', '/api/v1/adoption-codes')).body.codes).toHaveLength(1);
  expect((await bench.ask('DELETE', `/api/v1/adoption-codes/${made.body.id}`)).status).toBe(200);
  await expect(use(made.body.code)).rejects.toThrow(refused('FLEET_SENSORS_CODE_REFUSED'));
  expect((await bench.ask('DELETE', `/api/v1/adoption-codes/${made.body.id}`)).status).toBe(404);
});

test('who guesses is held up, others are not', async () => {
  const { code } = bench.sensors.codes.make({ expiresInS: 3600 }, 'olga');
  for (let i = 0; i < 10; i += 1) {
    await expect(use('0000-0000-0000')).rejects.toThrow(refused('FLEET_SENSORS_CODE_REFUSED'));
  }
  await expect(use(code)).rejects.toThrow(refused('FLEET_SENSORS_LIMITED'));
  // From one /64 it is one who guesses, whatever address he takes.
  for (let i = 0; i < 10; i += 1) await use('0000-0000-0000', `2001:db8::${i}`).catch(() => undefined);
  await expect(use(code, '2001:db8::ffff')).rejects.toThrow(refused('FLEET_SENSORS_LIMITED'));
  await use(code, '2001:db8:1::1');
  bench.clock.ms += 61_000;
  const again = bench.sensors.codes.make({ expiresInS: 3600 }, 'olga');
  await use(again.code);
});

test('a request without a proof of its key costs neither the code nor leaves a sensor', async () => {
  const { code } = bench.sensors.codes.make({ expiresInS: 3600 }, 'olga');
  const adopt = { code, csr: 'nothing', hardware, version: '0.1.0' };
  await expect(bench.sensors.enrolment.adopt(adopt, '192.0.2.1')).rejects.toThrow(
    refused('FLEET_CA_REQUEST_INVALID'),
  );
  expect(bench.sensors.registry.all()).toEqual([]);
  await use(code);
});

test('one disk image on two machines: the key of a sensor that was seen makes no second one', async () => {
  const first = await bench.adopt({ name: 'one' });
  const lost = await bench.adopt({ name: 'two', key: first.key });
  expect(lost.sensor).not.toBe(first.sensor);
  bench.certificates.seen(new X509Certificate(first.chain[0] ?? '').serialNumber.toLowerCase());
  await expect(bench.adopt({ key: first.key })).rejects.toThrow(refused('FLEET_SENSORS_KEY_TAKEN'));
});

test('names come from the code, else from the machine, and are never given twice', async () => {
  const names = [
    (await bench.adopt({ ownName: 'lab' })).name,
    (await bench.adopt({ ownName: 'lab' })).name,
    (await bench.adopt({ name: 'ward' })).name,
    (await bench.adopt()).name,
  ];
  expect(names).toEqual(['lab', 'lab-2', 'ward', 'sensor']);
  expect((await bench.ask('POST', '/api/v1/adoption-codes', { name: 'ward' })).status).toBe(409);
});

test('a code may put the sensor into a group at once', async () => {
  const group = bench.sensors.groups.create('Wards', '');
  bench.sensors.groups.setConfig(group.id, { detectionCheck: { intervalS: 30 } }, 'olga', '');
  const { sensor } = await bench.adopt({ groupId: group.id, config: CONFIG });
  expect(bench.sensors.groupsOf(sensor)).toEqual([group.id]);
  const config = await bench.ask('GET', `/api/v1/sensors/${sensor}/config`);
  expect(config.body.state).toMatchObject({ state: 'waiting', detail: 'offline', revision: 1 });
  expect(config.body.document).toContain('intervalS: 30');
});

test('new hardware takes the place of a sensor; nothing is sent to it before a person mapped its interfaces', async () => {
  const group = bench.sensors.groups.create('Wards', '');
  const { sensor, chain } = await bench.adopt({ name: 'ward-3', groupId: group.id, config: CONFIG });
  bench.sensors.registry.update(sensor, { tags: ['icu'], notes: 'second floor' });
  const former = new X509Certificate(chain[0] ?? '').serialNumber;
  const made = await bench.ask('POST', '/api/v1/adoption-codes', { replaces: sensor });
  const { reply: replaced } = await bench.sensors.enrolment.adopt(
    {
      code: made.body.code,
      csr: (await sensorKey()).csr,
      hardware: HardwareSchema.parse({
        nics: [
          { device: 'eno1', monitorCapable: true },
          { device: 'eno2', monitorCapable: false, why: 'it carries an address' },
        ],
      }),
      version: '0.2.0',
      config: 'version: 1\nsensor: { name: factory-new }\n',
    },
    '192.0.2.9',
  );
  expect(replaced).toMatchObject({ sensor, name: 'ward-3' });
  expect(bench.revoked).toEqual([sensor]);
  expect(() => bench.sensors.admission.admit(sensor, former)).toThrow(refused('FLEET_SENSORS_REVOKED'));
  const serial = new X509Certificate(replaced.chain[0] ?? '').serialNumber;
  expect(() => bench.sensors.admission.admit(sensor, serial)).not.toThrow();

  bench.present.add(sensor);
  bench.sensors.attached({ sensor, serial, version: '0.2.0', address: '192.0.2.9', configRevision: 0 });
  const resent = await bench.ask('POST', `/api/v1/sensors/${sensor}/config/resend`, {});
  expect(resent.body).toMatchObject({ state: 'waiting', detail: 'mapping' });
  await turn();
  expect(bench.handed).toEqual([]);
  const shown = await bench.ask('GET', `/api/v1/sensors/${sensor}`);
  expect(shown.body).toMatchObject({
    state: 'mapping',
    tags: ['icu'],
    notes: 'second floor',
    group: { id: group.id },
  });
  expect(bench.sensors.attention().map(({ id }) => id)).toContain(`mapping:${sensor}`);

  const mapping = await bench.ask('GET', `/api/v1/sensors/${sensor}/mapping`);
  expect(mapping.body).toMatchObject({
    needed: true,
    interfaces: [{ kind: 'monitor', name: 'mon', device: 'enp1s0', sameName: false }],
    nics: [{ device: 'eno1' }, { device: 'eno2' }],
    formerNics: NICS,
  });
  for (const monitorInterfaces of [{}, { mon: 'eno2' }, { mon: 'enp1s0' }, { mon: 'eno1', other: 'eno1' }]) {
    const wrong = await bench.ask('POST', `/api/v1/sensors/${sensor}/mapping`, { monitorInterfaces });
    expect(wrong).toMatchObject({ status: 400, body: { code: 'FLEET_SENSORS_MAPPING_INVALID' } });
  }
  expect(bench.handed).toEqual([]);
  const mapped = await bench.ask('POST', `/api/v1/sensors/${sensor}/mapping`, {
    monitorInterfaces: { mon: 'eno1' },
  });
  expect(mapped.body).toMatchObject({ state: 'sent' });
  await turn();
  expect(bench.handed).toHaveLength(1);
  expect(bench.handed[0]?.yaml).toContain('eno1');
  // What it had been granted is still there.
  expect(bench.handed[0]?.yaml).toContain('alert');
  expect(
    (await bench.ask('POST', `/api/v1/sensors/${sensor}/mapping`, { monitorInterfaces: { mon: 'eno1' } }))
      .status,
  ).toBe(409);
});

test('renewal: the presented certificate is good until the new one is in use; then it is a clone, which is refused and shown', async () => {
  const { sensor, chain } = await bench.adopt({ name: 'ward-3' });
  const first = new X509Certificate(chain[0] ?? '').serialNumber.toLowerCase();
  bench.certificates.seen(first);
  const [der] = await bench.sensors.admission.renew(
    sensor,
    (await sensorKey('CN=root')).csrDer,
    first.toUpperCase(),
  );
  const second = new X509Certificate(der ?? new Uint8Array());
  expect(second.subject).toBe(`CN=${sensor}`);
  // The reply got lost: it asks again with the first.
  const [again] = await bench.sensors.admission.renew(sensor, (await sensorKey()).csrDer, first);
  const third = new X509Certificate(again ?? new Uint8Array()).serialNumber.toLowerCase();
  // Whoever has the lost one is not the sensor.
  expect(() => bench.sensors.admission.admit(sensor, second.serialNumber)).toThrow(
    refused('FLEET_SENSORS_CLONE'),
  );
  bench.sensors.acknowledgeClone(sensor);
  bench.sensors.attached({
    sensor,
    serial: third,
    version: '0.1.0',
    address: '192.0.2.1',
    configRevision: 0,
  });
  expect(() => bench.sensors.admission.admit(sensor, first)).not.toThrow();
  bench.clock.ms += 6 * 60_000;
  expect(() => bench.sensors.admission.admit(sensor, first, '203.0.113.5')).toThrow(
    refused('FLEET_SENSORS_CLONE'),
  );
  await expect(bench.sensors.admission.renew(sensor, (await sensorKey()).csrDer, first)).rejects.toThrow(
    refused('FLEET_SENSORS_CLONE'),
  );
  expect(() => bench.sensors.admission.admit(sensor, third)).not.toThrow();
  expect(bench.sensors.attention()).toMatchObject([{ id: `clone:${sensor}`, severity: 'critical' }]);
  expect(bench.written.map(({ action, outcome }) => [action, outcome])).toContainEqual([
    'sensor.clone',
    'refused',
  ]);
  expect((await bench.ask('GET', `/api/v1/sensors/${sensor}`)).body.clone.text).toContain('203.0.113.5');
  expect((await bench.ask('POST', `/api/v1/sensors/${sensor}/acknowledge-clone`)).status).toBe(200);
  expect(bench.sensors.attention()).toEqual([]);
});

test('a sensor cannot fill the fleet with certificates', async () => {
  const { sensor, chain } = await bench.adopt();
  let serial = new X509Certificate(chain[0] ?? '').serialNumber;
  const key = await sensorKey();
  for (let i = 1; i < 24; i += 1) {
    const [der] = await bench.sensors.admission.renew(sensor, key.csrDer, serial);
    serial = new X509Certificate(der ?? new Uint8Array()).serialNumber;
  }
  await expect(bench.sensors.admission.renew(sensor, key.csrDer, serial)).rejects.toThrow(
    refused('FLEET_SENSORS_RENEWAL_LIMITED'),
  );
  bench.clock.ms += DAY + 1;
  await bench.sensors.admission.renew(sensor, key.csrDer, serial);
});

test('revoking acts at once: links are told, and neither attaching, nor renewing, nor returning works any more', async () => {
  const { sensor, chain, key } = await bench.adopt({ name: 'ward-3' });
  const serial = new X509Certificate(chain[0] ?? '').serialNumber;
  const renewing = bench.sensors.admission.renew(sensor, (await sensorKey()).csrDer, serial);
  expect((await bench.ask('POST', `/api/v1/sensors/${sensor}/revoke`, { reason: 'stolen' })).status).toBe(
    200,
  );
  expect(bench.revoked).toEqual([sensor]);
  // What was being signed meanwhile is good for nothing: either it was refused, or it is revoked with the rest.
  const late = await renewing.then(
    ([der]) => new X509Certificate(der ?? new Uint8Array()).serialNumber,
    () => serial,
  );
  for (const one of [serial, late]) {
    expect(() => bench.sensors.admission.admit(sensor, one)).toThrow(refused('FLEET_SENSORS_REVOKED'));
  }
  const { nonce } = bench.sensors.returns.nonce('192.0.2.1');
  const asked = key.returnRequest(chain[0] ?? '', await sensorKey(), nonce);
  expect(await bench.sensors.returns.ask(asked, '192.0.2.1')).toMatchObject({
    state: 'refused',
    code: 'FLEET_SENSORS_REVOKED',
  });
  // It may only come back by being adopted again.
  await bench.adopt({ replaces: sensor });
  expect(bench.sensors.registry.get(sensor).state).toBe('active');
});

test('a removed sensor is gone with its name; its certificates stay refused', async () => {
  const { sensor, chain } = await bench.adopt({ name: 'ward-3' });
  const serial = new X509Certificate(chain[0] ?? '').serialNumber;
  expect((await bench.ask('DELETE', `/api/v1/sensors/${sensor}`)).status).toBe(200);
  expect(() => bench.sensors.admission.admit(sensor, serial)).toThrow(refused('FLEET_SENSORS_REVOKED'));
  expect((await bench.ask('GET', `/api/v1/sensors/${sensor}`)).status).toBe(404);
  expect((await bench.adopt({ name: 'ward-3' })).name).toBe('ward-3');
});
