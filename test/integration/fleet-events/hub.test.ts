import { expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { uplinkSubject } from '@bulkhead/platform/contracts';
import { openHubBench, openSensorBus } from '../../support/fleet/hub-bench.ts';

test('what a sensor publishes through its leaf link is acknowledged by the hub, and by nobody when the link is gone', async () => {
  const bench = await openHubBench();
  const { manager } = await bench.hub.clients(AbortSignal.timeout(10_000));
  await manager.streams.add({ name: 'UP', subjects: ['up.>'] });
  const sensor = await openSensorBus(() => bench.hub);
  try {
    const message = {
      subject: uplinkSubject(sensor.id, 'suricata', 'alert'),
      headers: { a: 'b' },
      body: Buffer.from('{}\n'),
    };
    const publish = () => sensor.bench.bus.uplink.publish(message, 2_000);
    await waitFor('the link', 20_000, () =>
      publish().then(
        () => true,
        () => false,
      ),
    );
    expect((await manager.streams.info('UP')).state.messages).toBe(1);
    sensor.forwarder.cut();
    await expect(publish()).rejects.toMatchObject({ code: 'BUS_UPLINK_UNANSWERED' });
  } finally {
    await sensor.dispose();
    await bench.dispose();
  }
});
