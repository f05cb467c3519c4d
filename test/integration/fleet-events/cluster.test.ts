import { expect, test } from 'vitest';
import { HUB_NAMES } from '@bulkhead/fleet-server/events';
import { waitFor } from '@bulkhead/platform/kernel';
import { freePort } from '../../support/nats.ts';
import { openFleetStore } from '../../support/fleet/event-bench.ts';
import { openHubBench } from '../../support/fleet/hub-bench.ts';
import { openUplinkSensor, runIngest, storedNumbers, waitForAll } from '../../support/fleet/uplink-bench.ts';
import { killNow } from '../../support/kill.ts';

test('with three servers, one is killed under load: nothing that was acknowledged is lost, and nothing comes twice', async () => {
  const routes = await Promise.all([0, 1, 2].map(async () => `127.0.0.1:${String(await freePort())}`));
  const cluster = (n: number) => ({
    serverName: `hub-${String(n)}`,
    listen: routes[n] ?? '',
    routes,
    secret: 'between servers of a test',
  });
  const benches = await Promise.all([0, 1, 2].map((n) => openHubBench({ cluster: cluster(n) })));
  const [near, other, third] = benches;
  if (near === undefined || other === undefined || third === undefined) throw new Error('three were opened');
  const fleet = await openFleetStore();
  // Taken in beside another server than the one that the sensor's link ends at.
  const ingest = runIngest(other.hub, fleet.store, 3);
  const sensor = await openUplinkSensor(() => near.hub);
  try {
    // Every fleetd knows all sensors.
    for (const bench of [other, third]) await bench.hub.allow(sensor.id, sensor.bench.bus.uplink.publicKey);
    const { manager } = await other.hub.clients(AbortSignal.timeout(30_000));
    const info = await waitFor('a stream with three copies', 60_000, async () => {
      const found = await manager.streams.info(HUB_NAMES.stream).catch(() => undefined);
      const current = found?.cluster?.replicas?.filter((replica) => replica.current) ?? [];
      return current.length === 2 ? found : undefined;
    });
    expect(info.config.num_replicas).toBe(3);
    await sensor.start();
    await sensor.publish(150);
    const load = sensor.publish(800);
    await waitFor(
      'some of it',
      60_000,
      async () => ((await fleet.store.report()).sensors[0]?.records ?? 0) > 300,
    );
    // The leader, so that everybody else has to agree on another.
    const leader = (await manager.streams.info(HUB_NAMES.stream)).cluster?.leader;
    const victim = benches[Number(leader?.slice('hub-'.length) ?? 0)];
    killNow(victim?.hub.pid);
    await load;
    await sensor.publish(50);
    await waitForAll(fleet.store, sensor, 90_000);
    expect(await storedNumbers(fleet.store, sensor.id)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
    expect((await fleet.store.report()).sensors).toMatchObject([{ records: 1_000, holes: 0 }]);
  } finally {
    await sensor.dispose();
    await ingest.dispose();
    await Promise.all(benches.map((bench) => bench.dispose()));
    await fleet.dispose();
  }
});
