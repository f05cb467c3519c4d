import { expect, test } from 'vitest';
import { openTestSensor } from '../../support/fleet-link/test-sensor.ts';
import { openRunningFleet } from '../../support/fleet/running-fleet.ts';

/** On a machine that is busy, too. */
const SOON = { timeout: 20_000 };

test('a sensor that was removed while it was attached is nowhere any more', async () => {
  const fleet = await openRunningFleet();
  const sensor = await openTestSensor();
  try {
    const admin = await fleet.setUp();
    const { body: code } = await admin.ask('POST', '/api/v1/adoption-codes', { name: 'ward-3' });
    await sensor.link.join({ token: code.joinToken });
    await sensor.up();
    const { sensor: id = '' } = await sensor.membership();
    const known = async () =>
      (await admin.ask('GET', '/api/v1/sensors/status')).body.sensors.map(
        (one: { sensor: string }) => one.sensor,
      );
    await expect.poll(known, SOON).toEqual([id]);
    expect((await admin.ask('DELETE', `/api/v1/sensors/${id}`)).status).toBe(200);
    expect((await admin.ask('GET', `/api/v1/sensors/${id}`)).status).toBe(404);
    await expect.poll(known, SOON).toEqual([]);
  } finally {
    await sensor.dispose();
    await fleet.dispose();
  }
});
