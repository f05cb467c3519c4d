import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, sitePaths } from '@bulkhead/platform/kernel';
import { openRunningFleet, type FleetVisitor, type RunningFleet } from '../../support/fleet/running-fleet.ts';
import { startTestSensor, type TestSensor } from '../../support/sensor.ts';

/** A real sensord, without instruments, and a real fleetd: what goes up, comes down, and survives a death. */
const BULKHEAD = fileURLToPath(new URL('../../../build/bulkhead.mjs', import.meta.url));
const SETTLE_MS = 60_000;

let fleet: RunningFleet;
let admin: FleetVisitor;
let sensor: TestSensor;
let id = '';

beforeAll(async () => {
  fleet = await openRunningFleet();
  admin = await fleet.setUp();
  sensor = await startTestSensor('b9l', { version: 1, sensor: { name: 'ward-3' } });
});
afterAll(async () => {
  await sensor.remove();
  await fleet.dispose();
});

async function bulkhead(args: readonly string[], input?: string): Promise<Record<string, unknown>> {
  const { stdout } = await run(
    process.execPath,
    [BULKHEAD, '--socket', sitePaths(sensor.site).sensordSocket, '--json', ...args],
    { timeoutMs: 60_000, ...(input === undefined ? {} : { input }) },
  );
  return JSON.parse(stdout) as Record<string, unknown>;
}

const shown = async () => (await admin.ask('GET', `/api/v1/sensors/${id}`)).body;
const attached = () => expect.poll(async () => (await shown()).attached, { timeout: SETTLE_MS }).toBe(true);

test('a sensor joins with the command that the fleet shows, and the fleet sees it', async () => {
  const { body } = await admin.ask('POST', '/api/v1/adoption-codes', {});
  const joined = await bulkhead(['fleet', 'join', '-', '--name', 'ward-3'], `${String(body.joinToken)}\n`);
  expect(joined).toMatchObject({ joined: true });
  id = String(joined['sensor']);
  await attached();
  expect((await shown()).name).toBe('ward-3');
  const status = async () => (await admin.ask('GET', `/api/v1/sensors/${id}/api/v1/status`)).body;
  expect(await status()).toMatchObject({ sensor: 'ward-3', config: { revision: { number: 1 } } });
  expect(await bulkhead(['fleet', 'status'])).toMatchObject({ state: 'up', sensor: id });
});

test('a configuration of the fleet is a revision of the sensor, in the name of the person, once', async () => {
  const { body: group } = await admin.ask('POST', '/api/v1/groups', { name: 'wards' });
  await admin.ask('PATCH', `/api/v1/sensors/${id}`, { group: group.id });
  const config = { events: { storeMib: 512 } };
  expect(
    (await admin.ask('PUT', `/api/v1/groups/${String(group.id)}/config`, { config, reason: 'less disk' }))
      .status,
  ).toBe(200);
  const revisions = async () =>
    ((await sensor.client.get('/config/revisions')) as { revisions: { author: string; reason: string }[] })
      .revisions;
  await expect
    .poll(async () => (await revisions()).at(-1), { timeout: SETTLE_MS })
    .toMatchObject({ author: 'fleet/anna', reason: expect.stringContaining('less disk') as string });
  const inForce = async () => ((await sensor.client.get('/config')) as { document: string }).document;
  await expect.poll(inForce, { timeout: SETTLE_MS }).toMatch(/storeMib: 512/);
  await expect
    .poll(() => bulkhead(['fleet', 'status']), { timeout: SETTLE_MS })
    .toMatchObject({
      config: { state: 'applied' },
    });

  const before = (await revisions()).length;
  await sensor.endSensord('SIGKILL');
  await expect.poll(async () => (await shown()).attached, { timeout: SETTLE_MS }).toBe(false);
  await sensor.startSensord();
  await attached();
  expect(await revisions()).toHaveLength(before);
});

test('what a fleet may not ask stays with the sensor; a sensor that left is gone', async () => {
  const refused = await admin.ask('POST', `/api/v1/sensors/${id}/api/v1/shutdown`);
  expect([403, 404]).toContain(refused.status);
  expect((await sensor.client.status()).sensor).toBe('ward-3');
  expect(await bulkhead(['fleet', 'leave'])).toEqual({ left: id });
  await expect.poll(async () => (await shown()).attached, { timeout: SETTLE_MS }).toBe(false);
  expect(await bulkhead(['fleet', 'status'])).toMatchObject({ state: 'none' });
  expect((await sensor.client.status()).attention.filter((line) => line.includes('fleet'))).toEqual([]);
});
