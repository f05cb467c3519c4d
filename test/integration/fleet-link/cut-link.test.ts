import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FleetStatus } from '@bulkhead/platform/fleet-link';
import { DesiredConfigs } from '../../../platform/fleet-link/desired-config.ts';
import { openConfigSensor, type ConfigSensor } from '../../support/fleet-link/config-sensor.ts';
import { QUICK } from '../../support/fleet-link/test-sensor.ts';
import { openCable, type Cable } from '../../support/fleet/cable.ts';
import { openRunningFleet, type FleetVisitor, type RunningFleet } from '../../support/fleet/running-fleet.ts';

/**
 * All of fleetd, all of a sensor that decides about its configuration, and a cable between the two that is really pulled. What takes
 * 120 s in the field takes seconds here; that a silent fleet is missed within 3 s is as in the field.
 */
const SOON = { timeout: 60_000, interval: 50 };
const LOST = 'FLEET_LINK_CONFIG_LINK_LOST';
/** Longer than it takes to miss the fleet. */
const graceMs = 6_000;
const PROOF = { graceMs, lostMs: 7_000, everyMs: 100 };
/** The interface that leads to the fleet, as far as this test goes. */
const TAKEN = 'tap9';

let fleet: RunningFleet;
let admin: FleetVisitor;
let cable: Cable;
let sensor: ConfigSensor | undefined;
/** Revisions of the fleet that came down, each time that one did. */
let came: () => number[];

beforeEach(async () => {
  fleet = await openRunningFleet();
  cable = await openCable(fleet.service.linkPort);
  admin = await fleet.setUp();
  // Looks on only: what it looks at is done all the same.
  const receive = vi.spyOn(DesiredConfigs.prototype, 'receive');
  came = () => receive.mock.calls.map(([{ revision }]) => revision);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await sensor?.dispose();
  sensor = undefined;
  await cable.dispose();
  await fleet.dispose();
});

interface Standing {
  sensor: ConfigSensor;
  id: string;
  shown: () => Promise<any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- as the fleet answers
}

/** A sensor of the fleet, by the cable. */
async function adopted(options: Parameters<typeof openConfigSensor>[0]): Promise<Standing> {
  const { body } = await admin.ask('POST', '/api/v1/adoption-codes', { name: 'ward-3' });
  const one = await openConfigSensor(options);
  sensor = one;
  await one.client.post('/fleet/join', { token: body.joinToken as string });
  await one.lay(cable);
  await one.restart();
  const id = one.link.sensorId() ?? '';
  const shown = async () => (await admin.ask('GET', `/api/v1/sensors/${id}`)).body;
  // It has said what it has.
  await expect.poll(async () => (await shown()).config, SOON).toMatchObject({ state: 'none' });
  return { sensor: one, id, shown };
}

async function want(id: string, overrides: unknown): Promise<number> {
  const { status, body } = await admin.ask('PUT', `/api/v1/sensors/${id}/config`, {
    overrides,
    reason: 'watch the tap',
  });
  expect(status, JSON.stringify(body)).toBe(200);
  return body.revision as number;
}

const monitors = (device: string) => ({ monitorInterfaces: [{ name: 'mon', device }] });
const statusOf = async (one: ConfigSensor) => (await one.client.get('/fleet')) as FleetStatus;
const history = (one: ConfigSensor) =>
  one.configuration.revisions.list().map(({ revision: { number, author, origin, restores }, result }) => ({
    ...{ number, author, origin, restores },
    state: result?.state,
  }));

test('a configuration that takes the way to the fleet is taken back, and the fleet hears of it and leaves it at that', async () => {
  let taken = false;
  const { sensor, id, shown } = await adopted({
    pace: { ...QUICK, proof: PROOF },
    bring: ({ monitors }) => {
      const takes = monitors.some(({ device }) => device === TAKEN);
      if (takes) cable.pull();
      else if (taken) cable.plug();
      taken = takes;
    },
  });
  const before = sensor.configuration.revisions.current?.document;
  const revision = await want(id, monitors(TAKEN));
  await expect.poll(() => taken, SOON).toBe(true);
  await expect.poll(() => sensor.link.up(), SOON).toBe(false);
  // Nobody at the fleet can do anything now; what the configuration did is undone at the sensor alone.
  await expect.poll(() => taken, SOON).toBe(false);
  await expect.poll(() => sensor.link.up(), SOON).toBe(true);
  expect(sensor.configuration.revisions.current).toMatchObject({
    document: before,
    author: 'sensor',
    reason: expect.stringContaining('the fleet was out of reach for 7 s') as string,
  });
  const message = `With revision ${String(revision)} the fleet was out of reach for 7 s, so the sensor went back to what was in force before.`;
  await expect
    .poll(async () => (await shown()).config, SOON)
    .toMatchObject({ state: 'failed', revision, code: LOST, detail: message });
  // The sensor says so too; under attention it stands once, as the fleet tells it.
  await expect
    .poll(async () => (await admin.ask('GET', `/api/v1/sensors/${id}/status`)).body.status?.attention, SOON)
    .toContainEqual(expect.stringContaining(`revision ${String(revision)} of the fleet is not in force`));
  const { items } = (await admin.ask('GET', '/api/v1/attention')).body;
  expect(items.filter(({ text }: { text: string }) => text.includes(message))).toMatchObject([
    { id: `configuration:${id}`, text: expect.stringContaining(LOST) as string },
  ]);
  // By sending it once more the fleet learned what became of it; that was all.
  expect(new Set(came())).toEqual(new Set([revision]));
  const sent = came().length;
  expect(sent).toBeLessThanOrEqual(2);
  await sensor.restart();
  await expect.poll(() => sensor.link.up(), SOON).toBe(true);
  const heard: boolean[] = [];
  sensor.link.watch((up) => heard.push(up));
  await fleet.restart();
  await expect.poll(() => heard, SOON).toEqual([false, true]);
  await expect.poll(async () => (await shown()).attached, SOON).toBe(true);
  expect(await shown()).toMatchObject({ config: { state: 'failed', revision, code: LOST } });
  expect(came()).toHaveLength(sent);
  expect(history(sensor)).toEqual([
    { number: 1, author: 'file', origin: 'file', state: 'applied' },
    { number: 2, author: 'fleet/anna', origin: 'apply', state: 'applied' },
    { number: 3, author: 'sensor', origin: 'rollback', restores: 1, state: 'applied' },
  ]);
});

test('a link that is cut after the fleet heard of success: taken back all the same, also over a restart of the sensor', async () => {
  // Time enough for a busy machine: before the restart it is neither proved nor taken back.
  const pace = { ...QUICK, proof: { ...PROOF, graceMs: 120_000, lostMs: 120_000 } };
  const { sensor, id, shown } = await adopted({ pace });
  const revision = await want(id, monitors(TAKEN));
  await expect.poll(async () => (await shown()).config, SOON).toMatchObject({ state: 'applied', revision });
  cable.pull();
  await expect.poll(() => sensor.link.up(), SOON).toBe(false);
  expect(history(sensor)).toHaveLength(2);
  pace.proof = PROOF;
  await sensor.restart();
  await expect.poll(() => history(sensor).at(-1), SOON).toMatchObject({ origin: 'rollback', restores: 1 });
  await expect.poll(() => sensor.proving(), SOON).toBe(false);
  // It works on without its fleet, and says what is the matter.
  expect(sensor.link.up()).toBe(false);
  expect(await sensor.client.status()).toMatchObject({
    healthy: true,
    attention: expect.arrayContaining([expect.stringContaining(LOST)]) as string[],
  });
  expect(await statusOf(sensor)).toMatchObject({ config: { revision, state: 'failed', inForce: 0 } });
  cable.plug();
  await expect
    .poll(async () => (await shown()).config, SOON)
    .toMatchObject({ state: 'failed', revision, code: LOST });
  // The next one is tried like any other.
  const next = await want(id, monitors('tap8'));
  await expect
    .poll(async () => (await shown()).config, SOON)
    .toMatchObject({ state: 'applied', revision: next });
  await expect.poll(() => sensor.proving(), SOON).toBe(false);
  expect(history(sensor).map(({ origin }) => origin)).toEqual(['file', 'apply', 'rollback', 'apply']);
  expect(sensor.configuration.desired.monitors).toMatchObject([{ device: 'tap8' }]);
});

test('a sensor that ends while it goes back does so after its next start', async () => {
  let ended: Promise<void> | undefined;
  const { sensor, id } = await adopted({
    pace: { ...QUICK, proof: PROOF },
    bring: ({ monitors }) => {
      if (monitors.length > 0) cable.pull();
      // On the way back, which is half gone: sensord is told to end.
      else if (history(sensor).length > 1) ended ??= sensor.restart();
    },
  });
  await want(id, monitors(TAKEN));
  await expect.poll(() => ended !== undefined, SOON).toBe(true);
  await ended;
  expect(sensor.configuration.desired.monitors).toMatchObject([{ device: TAKEN }]);
  await expect.poll(() => history(sensor).at(-1), SOON).toMatchObject({ number: 4, state: 'applied' });
  expect(history(sensor).map(({ restores, state }) => [restores, state])).toEqual([
    [undefined, 'applied'],
    [undefined, 'applied'],
    [1, 'failed'],
    [1, 'applied'],
  ]);
});

test('a link that comes back in time proves the configuration, which stays', async () => {
  const { sensor, id, shown } = await adopted({
    pace: { ...QUICK, proof: { ...PROOF, lostMs: 120_000 } },
    // Before the sensor can say that it is in force.
    bring: ({ monitors }) => {
      if (monitors.length > 0) cable.pull();
    },
  });
  const revision = await want(id, monitors(TAKEN));
  await expect.poll(() => sensor.link.up(), SOON).toBe(false);
  await expect.poll(() => sensor.proving(), SOON).toBe(true);
  cable.plug();
  await expect.poll(() => sensor.link.up(), SOON).toBe(true);
  await expect.poll(() => sensor.proving(), SOON).toBe(false);
  await expect.poll(async () => (await shown()).config, SOON).toMatchObject({ state: 'applied', revision });
  expect(await statusOf(sensor)).toMatchObject({ config: { state: 'applied', inForce: revision } });
  expect(sensor.configuration.desired.monitors).toMatchObject([{ device: TAKEN }]);
  expect(history(sensor).map(({ origin }) => origin)).toEqual(['file', 'apply']);
});
