import { afterEach, beforeEach, expect, test } from 'vitest';
import { days, openFleetBench, type FleetBench } from '../../support/fleet-link/fleet-bench.ts';
import { openTestSensor, type TestSensor } from '../../support/fleet-link/test-sensor.ts';

let fleet: FleetBench;
let sensor: TestSensor;

beforeEach(async () => {
  fleet = await openFleetBench();
  sensor = await openTestSensor();
  await sensor.link.join({ token: fleet.token() });
  await sensor.up();
});
afterEach(async () => {
  await sensor.dispose();
  await fleet.dispose();
});

test('a sensor that was away for years waits for an operator, with one key, and is then let in', async () => {
  await sensor.certifiedAt(fleet, -days(3 * 365));
  await expect.poll(() => sensor.link.status().state, { timeout: 15_000 }).toBe('returning');
  await expect
    .poll(() => sensor.link.status().error?.code, { timeout: 15_000 })
    .toBe('FLEET_LINK_WAITS_FOR_OPERATOR');
  const asked = () => fleet.asked.filter((one) => one.endsWith('/return')).length;
  await expect.poll(asked, { timeout: 15_000 }).toBeGreaterThan(2);
  const { renewal } = await sensor.membership();
  await sensor.restart();
  await expect.poll(asked, { timeout: 15_000 }).toBeGreaterThan(5);
  expect((await sensor.membership())['renewal']).toEqual(renewal);
  expect(sensor.link.attention()).toHaveLength(1);

  fleet.returning = 'granted';
  await sensor.up();
  const after = await sensor.membership();
  expect(after['renewal']).toBeUndefined();
  expect(after['keyPem']).toBe((renewal as unknown as { keyPem: string }).keyPem);
  expect(sensor.link.attention()).toEqual([]);
});

test('a sensor whose return is refused says so, and asks again all the same', async () => {
  fleet.returning = 'refused';
  await sensor.certifiedAt(fleet, -days(60));
  await expect.poll(() => sensor.link.status().state, { timeout: 15_000 }).toBe('refused');
  expect(sensor.link.status().error).toMatchObject({
    code: 'FLEET_LINK_REFUSED',
    message: expect.stringContaining('it was replaced') as string,
  });
  fleet.returning = 'granted';
  await sensor.up();
});

test('a clock that is behind: no certificate is valid yet, the sensor says so and goes on when the clock is set', async () => {
  await sensor.certifiedAt(fleet, days(30));
  await expect.poll(() => sensor.link.status().state, { timeout: 15_000 }).toBe('clock');
  const { error } = sensor.link.status();
  expect(error?.code).toBe('FLEET_LINK_CLOCK_WRONG');
  expect(error?.message).toContain(new Date().getUTCFullYear().toString());
  expect(error?.hint).toContain('clock');
  expect(sensor.link.attention()).toEqual([expect.stringContaining('FLEET_LINK_CLOCK_WRONG')]);
  await expect.poll(() => fleet.link.links.count, { timeout: 15_000 }).toBe(0);
});

test('a certificate of the fleet that is not valid yet by the clock of the sensor is a matter of the clock', async () => {
  const later = await openFleetBench();
  // The server's certificate is made anew, as of then.
  later.clock.aheadMs = days(200);
  await later.ca.look();
  await later.restartLink();
  const other = await openTestSensor();
  try {
    await expect(other.link.join({ token: later.token() })).rejects.toMatchObject({
      code: 'FLEET_LINK_CLOCK_WRONG',
      message: expect.stringContaining('not valid yet') as string,
    });
  } finally {
    await other.dispose();
    await later.dispose();
  }
});

test('a revoked sensor is told so, and asks no more often than the pace', async () => {
  const strict = await openFleetBench({
    authorise: () => ({ code: 'FLEET_SENSORS_REVOKED', message: 'This sensor was revoked by ada.' }),
  });
  const other = await openTestSensor({ pace: { reconnect: () => 60_000, lookMs: 60_000 } });
  try {
    await other.link.join({ token: strict.token() });
    await expect.poll(() => other.link.status().state, { timeout: 15_000 }).toBe('refused');
    expect(other.link.status().error).toMatchObject({
      code: 'FLEET_LINK_REFUSED',
      message: expect.stringContaining('revoked by ada. (FLEET_SENSORS_REVOKED)') as string,
    });
    expect(Date.parse(other.link.status().nextTry ?? '')).toBeGreaterThan(Date.now() + 30_000);
  } finally {
    await other.dispose();
    await strict.dispose();
  }
});
