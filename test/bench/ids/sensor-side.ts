import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog, waitFor } from '@bulkhead/platform/kernel';
import { loadPackage } from '@bulkhead/platform/packages';
import { labConfig } from '@bulkhead/scripts';
import { openReplay } from '@bulkhead/scripts/replay';
import { startTestSensor, testSite, type TestSensor } from '../../support/sensor.ts';
import { findProcess, processorNs } from './processor-time.ts';
import { SETTLE_MS, type Counts, type Side } from './side.ts';

const PREFIX = 'b77';

/** The whole sensor: monitor interface, capture engine, fan-out, mirror port, Suricata in its container, bus. */
export async function openSensorSide(root: string, capture: string): Promise<Side> {
  const at = testSite(PREFIX);
  const replay = await openReplay({ site: at, log: openLog('ids', 'error'), file: capture });
  let sensor: TestSensor | undefined;
  const remove = async (): Promise<void> => {
    await sensor?.remove();
    await replay.stop();
  };
  try {
    const apps = join(root, 'build', 'apps');
    const packages = await Promise.all(
      (await readdir(apps)).sort().map((name) => loadPackage(join(apps, name))),
    );
    const config = labConfig(
      'ids',
      replay.monitorDevice,
      packages.map(({ manifest }) => manifest),
    );
    // No packet but those of the traffic during the rounds.
    const started = await startTestSensor(PREFIX, { ...config, detectionCheck: { enabled: false } });
    sensor = started;
    await started.healthy();
    const pid = await findProcess(
      /^\/usr\/bin\/suricata -c \/var\/lib\/instrument/,
      `${at.lxdProject}_${at.prefix}-suricata`,
    );
    let sent = 0;
    const first = await decodedPackets(started);
    return {
      name: 'sensor',
      round: async (next, pps) => {
        await replay.load(next);
        const before = await processorNs(pid);
        const played = await replay.play({ pps });
        await sleep(SETTLE_MS);
        sent += played.sent + played.failed;
        return { packets: played.sent, suricataNs: (await processorNs(pid)) - before };
      },
      finish: async () => {
        // Suricata refreshes its counters every 8 s.
        const decoded = await waitFor('the sensor to count every packet', 20_000, async () => {
          const now = await decodedPackets(started);
          return now - first >= sent ? now : undefined;
        }).catch(() => decodedPackets(started));
        await started.client.restart('suricata');
        await started.healthy();
        return { lost: Math.max(0, sent - (decoded - first)), events: await countStored(started) };
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Packets that the decoder saw, as Suricata says through the instrument's health. */
async function decodedPackets(sensor: TestSensor): Promise<number> {
  const status = await sensor.status();
  return status.instruments.find(({ name }) => name === 'suricata')?.counters['decoder.pkts'] ?? 0;
}

async function countStored(sensor: TestSensor): Promise<Counts> {
  const counts: Counts = {};
  const query = { since: new Date(0).toISOString(), follow: '0', instrument: 'suricata' };
  for await (const event of sensor.client.events(query)) counts[event.type] = (counts[event.type] ?? 0) + 1;
  return counts;
}
