import { expect, test } from 'vitest';
import type { EventPage } from '@bulkhead/fleet-api';
import { waitFor } from '@bulkhead/platform/kernel';
import { openRunningFleet } from '../../support/fleet/running-fleet.ts';
import { UPLINK_MODEL } from '../../support/fleet/uplink-bench.ts';
import { uplinkFeatureOn } from '../../support/fleet/uplink-feature.ts';
import { openTestSensor } from '../../support/fleet-link/test-sensor.ts';
import { openBusBench } from '../../support/nats.ts';

test('an event of a sensor that joined goes through the tunnel of its link into the search, also what came while fleetd was away', async () => {
  const fleet = await openRunningFleet();
  const admin = await fleet.setUp();
  const sensor = await openTestSensor();
  const bus = await openBusBench('be3');
  await bus.bus.ensure(UPLINK_MODEL);
  const instrument = await bus.instrument(UPLINK_MODEL, 'suricata');
  const { link } = sensor;
  const { feature } = uplinkFeatureOn(bus, {
    sensorId: () => link.sensor,
    up: () => link.up,
    watch: (changed) => link.watch(changed),
    openUplink: (key) => link.openUplink(key),
  });
  const publish = (n: number) =>
    instrument.publish('alert', { n, alert: { signature: `rule ${String(n)}`, severity: 1 } });
  const found = async (count: number): Promise<EventPage['events']> =>
    waitFor(
      `${String(count)} events`,
      60_000,
      async () => {
        const { body } = await admin.ask('GET', '/api/v1/events?instruments=suricata');
        const { events } = body as EventPage;
        return events.length >= count ? events : undefined;
      },
      { intervalMs: 200 },
    );
  try {
    await feature.start();
    const { body } = await admin.ask('POST', '/api/v1/adoption-codes', { name: 'ward-3' });
    await link.join({ token: String(body.joinToken), replace: false });
    await sensor.up();
    await publish(1);
    expect(await found(1)).toMatchObject([
      { sensor: link.sensor, instrument: 'suricata', type: 'alert', severity: 'high', record: { n: 1 } },
    ]);
    const { body: status } = await admin.ask('GET', '/api/v1/events/status');
    expect(status.sensors).toMatchObject([{ sensor: link.sensor, linked: true, holes: 0 }]);

    await fleet.restart(async () => {
      await waitFor('the sensor to notice', 20_000, () => !link.up);
      await publish(2);
    });
    await sensor.up(60_000);
    await publish(3);
    const events = await found(3);
    expect(events.map(({ record }) => record['n']).sort()).toEqual([1, 2, 3]);
  } finally {
    await feature.stop();
    await sensor.dispose();
    await bus.dispose();
    await fleet.dispose();
  }
});
