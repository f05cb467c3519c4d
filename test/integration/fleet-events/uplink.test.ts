import { expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { openFleetStore } from '../../support/fleet/event-bench.ts';
import { openHubBench } from '../../support/fleet/hub-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';
import { openUplinkSensor, runIngest, storedNumbers, waitForAll } from '../../support/fleet/uplink-bench.ts';

test('events of two sensors get into the search of the fleet through leaf links', async () => {
  const fleet = await openFleetStore();
  const bench = await openHubBench();
  const ingest = runIngest(bench.hub, fleet.store);
  const sensors = await Promise.all(
    [0, 1].map((n) => openUplinkSensor(() => bench.hub, { id: testSensorId(n) })),
  );
  try {
    for (const [index, sensor] of sensors.entries()) {
      await sensor.start();
      await sensor.publish(30 + index, (n) => ({ alert: { signature: `seen ${String(n)}`, severity: 2 } }));
    }
    for (const sensor of sensors) {
      await waitForAll(fleet.store, sensor);
      expect(await storedNumbers(fleet.store, sensor.id)).toEqual(
        Array.from({ length: sensor.published }, (_, n) => n),
      );
    }
    const found = await fleet.store.search({ filter: { text: 'seen 30' }, sensors: undefined }, { limit: 9 });
    expect(found.events).toMatchObject([
      {
        sensor: testSensorId(1),
        instrument: 'suricata',
        type: 'alert',
        severity: 'medium',
        sensorEventId: 'm30/0',
      },
    ]);
    expect(bench.hub.linked.sort()).toEqual([testSensorId(0), testSensorId(1)]);
  } finally {
    for (const sensor of sensors) await sensor.dispose();
    await ingest.dispose();
    await bench.dispose();
    await fleet.dispose();
  }
});

test('what a sensor dropped before the fleet had it is told as an event and counted, and is no hole', async () => {
  const fleet = await openFleetStore();
  const bench = await openHubBench();
  const ingest = runIngest(bench.hub, fleet.store);
  const sensor = await openUplinkSensor(() => bench.hub);
  try {
    await sensor.start();
    await sensor.publish(10);
    await waitForAll(fleet.store, sensor);
    await sensor.stop();
    await sensor.publish(30);
    await sensor.bench.bus.trim('S_suricata', 25);
    await sensor.start();
    await waitFor('the rest', 30_000, async () => {
      const { sensors } = await fleet.store.report();
      return sensors[0]?.droppedBySensor === 15;
    });
    await waitFor('the newest', 30_000, async () =>
      (await storedNumbers(fleet.store, sensor.id)).includes(39),
    );
    expect(await storedNumbers(fleet.store, sensor.id)).toEqual([
      ...Array.from({ length: 10 }, (_, n) => n),
      ...Array.from({ length: 15 }, (_, n) => 25 + n),
    ]);
    expect((await fleet.store.report()).sensors).toMatchObject([{ holes: 0 }]);
    expect(sensor.gaps).toEqual([
      { instrument: 'suricata', stream: 'S_suricata', messages: 15, from: 11, to: 25 },
    ]);
    const told = await fleet.store.search(
      { filter: { types: ['uplink.gap'] }, sensors: undefined },
      { limit: 5 },
    );
    expect(told.events).toMatchObject([
      { instrument: 'platform', record: { messages: 15, from: 11, to: 25 } },
    ]);
  } finally {
    await sensor.dispose();
    await ingest.dispose();
    await bench.dispose();
    await fleet.dispose();
  }
});

test('a message that is large even when packed goes, and one that no server takes is told as a gap', async () => {
  const fleet = await openFleetStore();
  const bench = await openHubBench();
  const ingest = runIngest(bench.hub, fleet.store);
  const sensor = await openUplinkSensor(() => bench.hub);
  try {
    await sensor.start();
    const filler = Array.from({ length: 40_000 }, (_, n) => n.toString(36)).join(' ');
    await sensor.publish(1, () => ({ filler }));
    await sensor.publish(1);
    await waitForAll(fleet.store, sensor);
    const { events } = await fleet.store.search({ filter: {}, sensors: undefined }, { limit: 5 });
    expect(events.map(({ record }) => record['filler'])).toContain(filler);
  } finally {
    await sensor.dispose();
    await ingest.dispose();
    await bench.dispose();
    await fleet.dispose();
  }
});
