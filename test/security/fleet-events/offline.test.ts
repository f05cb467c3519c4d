import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openFleetStore } from '../../support/fleet/event-bench.ts';
import { openHubBench } from '../../support/fleet/hub-bench.ts';
import { openUplinkSensor, runIngest, storedNumbers, waitForAll } from '../../support/fleet/uplink-bench.ts';
import { killNow } from '../../support/kill.ts';

/** One message of packed records every five minutes, for three days, and more with BULKHEAD_LONG=1. */
const MESSAGES = process.env['BULKHEAD_LONG'] === '1' ? 60_000 : 864;
const AWAY_MS = 72 * 3_600_000;

test('ABUSE 74: 72 hours offline, then everything arrives once, whatever is killed on the way', async () => {
  const fleet = await openFleetStore();
  const bench = await openHubBench();
  let ingest = runIngest(bench.hub, fleet.store);
  const sensor = await openUplinkSensor(() => bench.hub);
  try {
    await sensor.start();
    await sensor.publish(20);
    await waitForAll(fleet.store, sensor);

    // The fleet is away; the sensor records on, and its server dies twice meanwhile.
    // Time does not pass here: what was recorded meanwhile is dated as if it had.
    const leftMs = Date.now() - AWAY_MS;
    const happened = (n: number) => leftMs + ((n - 20) * AWAY_MS) / MESSAGES;
    sensor.forwarder.cut();
    for (let part = 0; part < 3; part += 1) {
      await sensor.publish(MESSAGES / 3, () => ({}), happened);
      if (part === 2) break;
      const back = new Promise<void>((resolve) => sensor.bench.bus.onRestarted(resolve));
      killNow(sensor.bench.bus.serverPid());
      await back;
    }
    expect((await fleet.store.report()).sensors).toMatchObject([{ records: 20 }]);

    // It is back; while it catches up the sensor's sender ends and begins again, the hub is killed, and ingestion ends and begins again.
    sensor.forwarder.up = true;
    await arrived(fleet, 100);
    await sensor.stop();
    await sensor.start();
    await arrived(fleet, 300);
    killNow(bench.hub.pid);
    await arrived(fleet, 600);
    await ingest.dispose();
    ingest = runIngest(bench.hub, fleet.store);
    await sensor.publish(20);
    await waitForAll(fleet.store, sensor, 90_000);

    expect(await storedNumbers(fleet.store, sensor.id)).toEqual(
      Array.from({ length: MESSAGES + 40 }, (_, n) => n),
    );
    const report = await fleet.store.report();
    expect(report.sensors).toMatchObject([{ records: MESSAGES + 40, holes: 0, droppedBySensor: 0 }]);
    expect(sensor.gaps).toEqual([]);
    // And each stands at its time: three days ago, and not when the link came back.
    const since = (ms: number) => new Date(ms).toISOString();
    const filter = {
      instruments: ['suricata'],
      since: since(leftMs - 1_000),
      until: since(leftMs + AWAY_MS / 2),
    };
    const half = await fleet.store.histogram({ filter, sensors: undefined }, { buckets: 50, by: 'severity' });
    expect(Math.abs(half.total - MESSAGES / 2)).toBeLessThanOrEqual(MESSAGES / 50);

    // And with the cursor of before, as from a backup, everything is sent once more and changes nothing.
    await sensor.stop();
    const cursor = JSON.parse(await readFile(sensor.cursorFile, 'utf8')) as { streams: object };
    expect(cursor.streams).toMatchObject({ S_suricata: { sequence: MESSAGES + 40, sent: MESSAGES + 40 } });
    await writeFile(sensor.cursorFile, '{}');
    await sensor.start();
    await sensor.publish(1);
    await waitForAll(fleet.store, sensor, 90_000);
    expect((await fleet.store.report()).sensors).toMatchObject([{ records: MESSAGES + 41, holes: 0 }]);
  } finally {
    await sensor.dispose();
    await ingest.dispose();
    await bench.dispose();
    await fleet.dispose();
  }
});

/** Waits until the store has so many, or everything. */
async function arrived(fleet: Awaited<ReturnType<typeof openFleetStore>>, records: number): Promise<void> {
  const until = performance.now() + 60_000;
  while (((await fleet.store.report()).sensors[0]?.records ?? 0) < records) {
    if (performance.now() > until) throw new Error(`fewer than ${String(records)} arrived`);
    await sleep(10);
  }
}
