import { expect, test } from 'vitest';
import { fleetMessage, openFleetStore } from '../../support/fleet/event-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const [A, B] = [testSensorId(1), testSensorId(2)];
const NOW = Date.now();

test('what a signature says is told only to who may read a sensor that saw it', async () => {
  const bench = await openFleetStore();
  try {
    const alert = {
      ...{ event_type: 'alert', src_ip: '10.0.0.7', dest_ip: '10.0.0.1' },
      alert: { severity: 1, signature_id: 7, signature: 'ward 3: pump' },
    };
    await bench.store.insert([fleetMessage({ sensor: B, sequence: 1, timeMs: NOW, records: [alert] })]);
    const seen = async (sensors: string[] | undefined) =>
      bench.store.occurrences({ signature: '7', sensors, sinceMs: NOW - 86_400_000, nowMs: NOW });
    expect(await seen(undefined)).toMatchObject({ total: 1, text: 'ward 3: pump' });
    expect(await seen([A, B])).toMatchObject({ total: 1, text: 'ward 3: pump' });
    for (const sensors of [[A], []]) {
      const answer = await seen(sensors);
      expect(answer).toMatchObject({ total: 0, sensors: [] });
      expect(answer).not.toHaveProperty('text');
    }
  } finally {
    await bench.dispose();
  }
});
