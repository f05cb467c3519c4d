import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SENSORS_AFTER_RESTORE } from '@bulkhead/fleet-server/sensors';
import { sensorKey, type SensorKey } from '../../support/fleet-sensor-keys.ts';
import { DAY, openSensorsBench, type SensorsBench } from '../../support/fleet-sensors.ts';

let bench: SensorsBench;
let sensor = '';
let certificate = '';
let key: SensorKey;
let next: SensorKey;

beforeEach(async () => {
  bench = await openSensorsBench();
  const adopted = await bench.adopt({ name: 'ship' });
  ({ sensor, key } = adopted);
  certificate = adopted.chain[0] ?? '';
  next = await sensorKey('CN=another');
});
afterEach(async () => {
  await bench.close();
});

const refused = (code: string) => expect.objectContaining({ code }) as Error;
const serialOf = (pem: string) => new X509Certificate(pem).serialNumber;
const ask = async (to = next, address = '198.51.100.7') => {
  const { nonce } = bench.sensors.returns.nonce(address);
  return bench.sensors.returns.ask(key.returnRequest(certificate, to, nonce), address);
};

test('however long it was away, a sensor returns by the word of a person, with a key of its own', async () => {
  bench.clock.ms += 400 * DAY;
  expect(() => bench.sensors.admission.admit(sensor, serialOf(certificate))).toThrow(
    refused('FLEET_SENSORS_EXPIRED'),
  );
  expect(await ask()).toEqual({ state: 'waiting', sensor });
  expect(await ask()).toEqual({ state: 'waiting', sensor });
  const shown = await bench.ask('GET', `/api/v1/sensors/${sensor}`);
  expect(shown.body.returns).toMatchObject([{ address: '198.51.100.7', why: 'expired', state: 'waiting' }]);
  expect(bench.sensors.attention().map(({ id }) => id)).toContainEqual(
    expect.stringMatching(/^return-\d+:s_/),
  );
  expect((await bench.ask('POST', `/api/v1/sensors/${sensor}/confirm-return`, {})).status).toBe(200);
  const granted = await ask();
  expect(granted.state).toBe('granted');
  const leaf = new X509Certificate(granted.chain?.[0] ?? '');
  expect(leaf.subject).toBe(`CN=${sensor}`);
  expect(() => bench.sensors.admission.admit(sensor, leaf.serialNumber)).not.toThrow();
  // The reply got lost: the same certificate, not a second one.
  expect((await ask()).chain).toEqual(granted.chain);
  expect(bench.certificates.of(sensor)).toHaveLength(2);
});

test('the decision is about one key: nobody else gets a certificate on the strength of it', async () => {
  bench.clock.ms += 40 * DAY;
  await ask();
  await bench.ask('POST', `/api/v1/sensors/${sensor}/confirm-return`, {});
  const thief = await sensorKey();
  expect(await ask(thief, '203.0.113.66')).toEqual({ state: 'waiting', sensor });
});

test('two machines ask as one sensor: the person must say which, and the other is refused', async () => {
  bench.clock.ms += 40 * DAY;
  const other = await sensorKey();
  await ask(next, '198.51.100.7');
  await ask(other, '203.0.113.66');
  const conflict = await bench.ask('POST', `/api/v1/sensors/${sensor}/confirm-return`, {});
  expect(conflict).toMatchObject({ status: 409, body: { code: 'FLEET_SENSORS_RETURN_CONFLICT' } });
  const { returns } = (await bench.ask('GET', `/api/v1/sensors/${sensor}`)).body;
  const request = returns.find(({ address }: { address: string }) => address === '198.51.100.7').id;
  expect((await bench.ask('POST', `/api/v1/sensors/${sensor}/confirm-return`, { request })).status).toBe(200);
  expect((await ask(next)).state).toBe('granted');
  expect((await ask(other)).state).toBe('refused');
});

test('a person may refuse', async () => {
  bench.clock.ms += 40 * DAY;
  await ask();
  expect((await bench.ask('POST', `/api/v1/sensors/${sensor}/refuse-return`, {})).status).toBe(200);
  expect((await ask()).state).toBe('refused');
  expect((await bench.ask('POST', `/api/v1/sensors/${sensor}/confirm-return`, {})).status).toBe(404);
});

test('a replayed request, a stale nonce, one of nobody and a proof by another key get nothing', async () => {
  const { nonce } = bench.sensors.returns.nonce('192.0.2.1');
  const request = key.returnRequest(certificate, next, nonce);
  await bench.sensors.returns.ask(request, '192.0.2.1');
  const again = bench.sensors.returns.ask(request, '192.0.2.1');
  await expect(again).rejects.toThrow(refused('FLEET_SENSORS_NONCE_REFUSED'));
  const stale = key.returnRequest(certificate, next, bench.sensors.returns.nonce('192.0.2.1').nonce);
  bench.clock.ms += 121_000;
  await expect(bench.sensors.returns.ask(stale, '192.0.2.1')).rejects.toThrow(
    refused('FLEET_SENSORS_NONCE_REFUSED'),
  );
  const invented = key.returnRequest(certificate, next, `${nonce.slice(0, -4)}AAAA`);
  await expect(bench.sensors.returns.ask(invented, '192.0.2.1')).rejects.toThrow(
    refused('FLEET_SENSORS_NONCE_REFUSED'),
  );
  const fresh = () => bench.sensors.returns.nonce('192.0.2.1').nonce;
  const forged = next.returnRequest(certificate, next, fresh());
  await expect(bench.sensors.returns.ask(forged, '192.0.2.1')).rejects.toThrow(
    refused('FLEET_SENSORS_PROOF_REFUSED'),
  );
  // The proof covers the request: another key cannot be put in its place.
  const swapped = { ...key.returnRequest(certificate, next, fresh()), csr: (await sensorKey()).csr };
  await expect(bench.sensors.returns.ask(swapped, '192.0.2.1')).rejects.toThrow(
    refused('FLEET_SENSORS_PROOF_REFUSED'),
  );
  const own = key.returnRequest(bench.ca.certificate, next, fresh());
  await expect(bench.sensors.returns.ask(own, '192.0.2.1')).rejects.toThrow(
    refused('FLEET_CA_CERTIFICATE_REFUSED'),
  );
});

test('a certificate that is not the newest is a clone, also when it asks to return', async () => {
  const [der] = await bench.sensors.admission.renew(
    sensor,
    (await sensorKey()).csrDer,
    serialOf(certificate),
  );
  const serial = new X509Certificate(der ?? new Uint8Array()).serialNumber;
  bench.sensors.attached({ sensor, serial, version: '0.1.0', address: '192.0.2.1', configRevision: 0 });
  bench.clock.ms += 40 * DAY;
  expect(await ask()).toMatchObject({ state: 'refused', code: 'FLEET_SENSORS_CLONE' });
  expect(bench.sensors.attention().map(({ id }) => id)).toContain(`clone:${sensor}`);
});

test('a fleet restored from an older backup does not know the newest certificates: they come back by the word of a person', async () => {
  const [der] = await bench.sensors.admission.renew(sensor, next.csrDer, serialOf(certificate));
  const newest = new X509Certificate(der ?? new Uint8Array());
  bench.store.db
    .prepare('DELETE FROM ca_certificates WHERE serial = ?')
    .run(newest.serialNumber.toLowerCase());
  expect(() => bench.sensors.admission.admit(sensor, newest.serialNumber)).toThrow(
    refused('FLEET_SENSORS_CERTIFICATE_FORGOTTEN'),
  );
  const { nonce } = bench.sensors.returns.nonce('192.0.2.1');
  const wanted = await sensorKey();
  const back = () => next.returnRequest(newest.toString(), wanted, nonce);
  expect((await bench.sensors.returns.ask(back(), '192.0.2.1')).state).toBe('waiting');
  expect((await bench.ask('GET', `/api/v1/sensors/${sensor}`)).body.returns).toMatchObject([
    { why: 'forgotten' },
  ]);
});

test('after a restore, codes and decisions of before are worth nothing, and somebody is told to revoke again', async () => {
  const { code } = bench.sensors.codes.make({ expiresInS: 3600 }, 'olga');
  bench.clock.ms += 40 * DAY;
  await ask();
  await bench.ask('POST', `/api/v1/sensors/${sensor}/confirm-return`, {});
  bench.store.db.exec(SENSORS_AFTER_RESTORE.sql);
  expect(bench.sensors.codes.find(code)).toBeUndefined();
  expect((await ask()).state).toBe('waiting');
  const told = () => bench.sensors.attention().some(({ id }) => id.startsWith('restored:'));
  expect(told()).toBe(true);
  expect((await bench.ask('POST', '/api/v1/sensors/acknowledge-restore')).status).toBe(200);
  expect(told()).toBe(false);
});

test('asking costs no memory, and is limited', async () => {
  const statuses = [];
  for (let i = 0; i < 61; i += 1) {
    statuses.push((await bench.ask('GET', '/api/v1/enrol/nonce', undefined, 'nobody')).status);
  }
  expect(statuses.slice(0, 60)).toEqual(Array(60).fill(200));
  expect(statuses[60]).toBe(429);
});

test('hardware that was replaced does not return on the strength of a word that was given before', async () => {
  // After a restore the fleet does not remember the certificate, so it cannot be revoked either.
  bench.store.db.prepare('DELETE FROM ca_certificates').run();
  expect((await ask()).state).toBe('waiting');
  expect((await bench.ask('POST', `/api/v1/sensors/${sensor}/confirm-return`, {})).status).toBe(200);
  // Before it comes for its certificate, other hardware takes its place.
  const fresh = await bench.adopt({ replaces: sensor });
  expect((await ask()).state).toBe('waiting');
  const serial = serialOf(fresh.chain[0] ?? '');
  expect(() => bench.sensors.admission.admit(sensor, serial)).not.toThrow();
});
