import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { openTestSensor, type TestSensor } from '../../support/fleet-link/test-sensor.ts';
import { openRunningFleet, type FleetVisitor, type RunningFleet } from '../../support/fleet/running-fleet.ts';

let fleet: RunningFleet;
let admin: FleetVisitor;
let sensors: TestSensor[];

beforeEach(async () => {
  fleet = await openRunningFleet();
  admin = await fleet.setUp();
  sensors = [];
});
afterEach(async () => {
  for (const sensor of sensors) await sensor.dispose();
  await fleet.dispose();
});

const DOCUMENT = `version: 1
sensor: { name: ward-3 }
monitorInterfaces: [{ name: mon, device: enp1s0 }]
instruments:
  - { name: suricata, package: suricata, interfaces: { mon0: mon }, grants: { publish: [alert] } }
`;

async function machine(device: string): Promise<TestSensor> {
  const sensor = await openTestSensor({
    hardware: async () => ({ hostname: 'box', nics: [{ device, monitorCapable: true }] }),
    config: () => DOCUMENT,
  });
  sensors.push(sensor);
  return sensor;
}

async function token(wanted: object): Promise<string> {
  const { status, body } = await admin.ask('POST', '/api/v1/adoption-codes', wanted);
  expect(status).toBe(200);
  return body.joinToken as string;
}

const shown = async (id: string) => (await admin.ask('GET', `/api/v1/sensors/${id}`)).body;

test('new hardware takes the place of a sensor: the former is out at once, and it gets nothing before it is mapped', async () => {
  const former = await machine('enp1s0');
  await former.link.join({ token: await token({ name: 'ward-3' }) });
  await former.up();
  const { sensor: id = '' } = await former.membership();
  const used = await token({ replaces: id });

  const next = await machine('eno1');
  await next.link.join({ token: used });
  await next.up();
  expect(await next.membership()).toMatchObject({ sensor: id });
  await expect.poll(() => former.link.up, { timeout: 10_000 }).toBe(false);
  expect(await shown(id)).toMatchObject({ name: 'ward-3', state: 'mapping' });

  // Nobody else can do anything with the code.
  const thief = await machine('eth9');
  await expect(thief.link.join({ token: used })).rejects.toMatchObject({
    code: 'FLEET_LINK_ADOPTION_REFUSED',
    fields: { reason: 'FLEET_SENSORS_CODE_REFUSED' },
  });

  const overrides = { detectionCheck: { intervalS: 30 } };
  const change = await admin.ask('PUT', `/api/v1/sensors/${id}/config`, { overrides });
  expect(change.body).toMatchObject({ state: 'waiting', detail: 'mapping' });
  const mapping = await admin.ask('GET', `/api/v1/sensors/${id}/mapping`);
  expect(mapping.body).toMatchObject({
    interfaces: [{ kind: 'monitor', name: 'mon', device: 'enp1s0' }],
    nics: [{ device: 'eno1' }],
    formerNics: [{ device: 'enp1s0' }],
  });
  expect(next.applied).toEqual([]);
  const mapped = await admin.ask('POST', `/api/v1/sensors/${id}/mapping`, {
    monitorInterfaces: { mon: 'eno1' },
  });
  expect(mapped.body).toMatchObject({ state: 'sent' });
  await expect.poll(async () => (await shown(id)).config.state, { timeout: 15_000 }).toBe('applied');
  expect(next.applied).toHaveLength(1);
  expect(next.applied[0]?.document).toContain('device: eno1');
  expect(next.applied[0]?.document).toContain('alert');
  expect(former.applied).toEqual([]);
});

test('of two machines with one identity the one that is there stays; the other is refused and shown', async () => {
  const first = await machine('enp1s0');
  await first.link.join({ token: await token({ name: 'ward-3' }) });
  await first.up();
  const { sensor: id = '' } = await first.membership();

  const copy = await machine('enp1s0');
  await copy.link.stop();
  await cp(join(first.dir, 'fleet'), join(copy.dir, 'fleet'), { recursive: true });
  await copy.restart();
  await expect.poll(async () => (await shown(id)).clone?.text, { timeout: 40_000 }).toMatch(/second time/);
  expect(first.link.up).toBe(true);
  expect(copy.link.up).toBe(false);
  const attention = await admin.ask('GET', '/api/v1/attention');
  expect(attention.body.items).toContainEqual(
    expect.objectContaining({ id: `clone:${id}`, severity: 'critical' }),
  );
});

test('what the sensor refuses is shown with its reason, and sent again only by the word of a person', async () => {
  const sensor = await machine('enp1s0');
  await sensor.link.join({ token: await token({ name: 'ward-3' }) });
  await sensor.up();
  const { sensor: id = '' } = await sensor.membership();
  sensor.refuse = new BulkheadError({ code: 'SENSORD_CONFIG_ROLLED_BACK', message: 'suricata fell ill' });
  const overrides = { detectionCheck: { intervalS: 30 } };
  await admin.ask('PUT', `/api/v1/sensors/${id}/config`, { overrides });
  await expect.poll(async () => (await shown(id)).config.state, { timeout: 15_000 }).toBe('failed');
  expect((await shown(id)).config).toMatchObject({ code: 'SENSORD_CONFIG_ROLLED_BACK' });
  await sensor.restart();
  await sensor.up();
  sensor.refuse = undefined;
  expect(sensor.applied).toHaveLength(1);
  const again = await admin.ask('POST', `/api/v1/sensors/${id}/config/resend`, {});
  expect(again.body).toMatchObject({ revision: 2 });
  await expect.poll(async () => (await shown(id)).config.state, { timeout: 15_000 }).toBe('applied');
});
