import { connect as connectTcp } from 'node:net';
import { expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { openBusBench } from '../../support/nats.ts';
import { openFleetStore } from '../../support/fleet/event-bench.ts';
import { openHubBench } from '../../support/fleet/hub-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';
import { runIngest, UPLINK_MODEL } from '../../support/fleet/uplink-bench.ts';
import { uplinkFeatureOn } from '../../support/fleet/uplink-feature.ts';

/** How long events wait for a fleet unless the configuration says otherwise. */
const WEEK_S = 7 * 24 * 3_600;
const ALL = { filter: { instruments: ['suricata'] }, sensors: undefined };

test('a sensor that joins, loses its fleet, is told what to send, and leaves', async () => {
  const fleet = await openFleetStore();
  const hub = await openHubBench();
  const ingest = runIngest(hub.hub, fleet.store);
  const bench = await openBusBench('be2');
  await bench.bus.ensure(UPLINK_MODEL);
  const instrument = await bench.instrument(UPLINK_MODEL, 'suricata');

  // The link, as the fleet's feature shows it.
  let [sensor, up]: [string | undefined, boolean] = [undefined, false];
  const watchers = new Set<(up: boolean) => void>();
  const fleetOfSensor: Parameters<typeof uplinkFeatureOn>[1] = {
    sensorId: () => sensor,
    up: () => up,
    watch: (changed) => {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
    openUplink: (key) => hub.hub.connect(testSensorId(), key),
  };
  let { feature, configure } = uplinkFeatureOn(bench, fleetOfSensor);
  const change = (isUp: boolean): void => {
    up = isUp;
    for (const watcher of watchers) watcher(isUp);
  };
  const publish = (n: number) => instrument.publish('alert', { n, secret: 'of the ward', host: 'pc-7' });
  const arrived = async (count: number) => {
    await waitFor(`${String(count)} events`, 30_000, async () => {
      const { events } = await fleet.store.search(ALL, { limit: 100 });
      return events.length >= count;
    });
    return (await fleet.store.search(ALL, { limit: 100 })).events.map(({ record }) => record);
  };
  const stream = async () => {
    const state = (await bench.bus.streams()).find((one) => one.stream === 'S_suricata');
    if (state === undefined) throw new Error('the stream is not there');
    return state;
  };

  try {
    // Whether anything waits for a fleet is not known before the features are started: until then nothing goes.
    await publish(0);
    expect(feature.holdsBack?.(await stream())).toEqual({ upTo: 0, forS: WEEK_S });
    await feature.start();
    await waitFor('the first look', 10_000, async () => feature.holdsBack?.(await stream()) === undefined);
    expect(bench.bus.uplink.line).toBeUndefined();

    // Joined: what is still in the streams goes, too.
    sensor = testSensorId();
    change(true);
    expect(await arrived(1)).toMatchObject([{ n: 0, secret: 'of the ward' }]);
    await waitFor('the cursor', 10_000, async () => feature.holdsBack?.(await stream())?.upTo === 1);

    // Without its fleet it waits, and the streams are not trimmed of it for so long.
    change(false);
    await waitFor(
      'the way to be shut',
      10_000,
      async () => !(await listens(bench.bus.uplink.line?.port ?? 0)),
    );
    configure({
      uplink: {
        waitHours: 72,
        fields: [
          { action: 'drop', path: 'secret' },
          { action: 'pseudonymise', path: 'host' },
        ],
      },
    });
    await publish(1);
    expect(feature.holdsBack?.(await stream())).toEqual({ upTo: 1, forS: 72 * 3_600 });
    change(true);
    const treated = (await arrived(2)).find(({ n }) => n === 1);
    expect(treated).toEqual({ n: 1, host: expect.stringMatching(/^p-[0-9a-f]{24}$/) as string });

    // What was dropped for storage does not go either; types that were not chosen stay here.
    configure({
      events: { fieldPolicy: [{ action: 'drop', path: 'host', at: 'storage' }] },
      uplink: { types: ['alert'] },
    });
    await instrument.publish('dns', { n: 2 });
    await publish(3);
    const chosen = await arrived(3);
    expect(chosen.map(({ n }) => n).sort()).toEqual([0, 1, 3]);
    expect(chosen.find(({ n }) => n === 3)).toEqual({ n: 3, secret: 'of the ward' });
    expect((await fleet.store.report()).sensors).toMatchObject([{ holes: 0 }]);

    // While sensord ends, others look after the streams for some moments more; the next one finds where it was.
    await feature.stop();
    expect(feature.holdsBack?.(await stream())).toMatchObject({ forS: WEEK_S });
    ({ feature, configure } = uplinkFeatureOn(bench, fleetOfSensor));
    expect(feature.holdsBack?.(await stream())).toMatchObject({ forS: WEEK_S });
    await feature.start();
    await waitFor('the cursor', 10_000, async () => (feature.holdsBack?.(await stream())?.upTo ?? 0) > 1);

    // Switched off, or gone from the fleet: bound to nothing, and nothing is held back.
    sensor = undefined;
    await waitFor('the end', 10_000, () => bench.bus.uplink.line === undefined);
    expect(feature.holdsBack?.(await stream())).toBeUndefined();
    expect(feature.attention?.()).toEqual([]);
  } finally {
    await feature.stop();
    await bench.dispose();
    await ingest.dispose();
    await hub.dispose();
    await fleet.dispose();
  }
});

async function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
