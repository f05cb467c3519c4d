import { expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { openRunningFleet } from '../../support/fleet/running-fleet.ts';
import { UPLINK_MODEL } from '../../support/fleet/uplink-bench.ts';
import { uplinkFeatureOn } from '../../support/fleet/uplink-feature.ts';
import { openTestSensor } from '../../support/fleet-link/test-sensor.ts';
import { channelBody, webhookTo } from '../../support/fleet-notify/channel-bodies.ts';
import { openHttpReceiver } from '../../support/fleet-notify/http-receiver.ts';
import { openBusBench } from '../../support/nats.ts';
import type { Notice } from '../../../fleet-ui/server/notify/notice.ts';

test('a high alert on a sensor reaches people, with the name of the sensor; a low one does not', async () => {
  const fleet = await openRunningFleet();
  const server = await openHttpReceiver();
  const sensor = await openTestSensor();
  const bus = await openBusBench('be5');
  await bus.bus.ensure(UPLINK_MODEL);
  const instrument = await bus.instrument(UPLINK_MODEL, 'suricata');
  const { link } = sensor;
  const { feature } = uplinkFeatureOn(bus, {
    sensorId: () => link.sensor,
    up: () => link.up,
    watch: (changed) => link.watch(changed),
    openUplink: (key) => link.openUplink(key),
  });
  try {
    const admin = await fleet.setUp();
    const target = webhookTo(`http://127.0.0.1:${String(server.port)}/`);
    const tells = { alerts: 'high' as const, topics: [] };
    const added = await admin.ask('POST', '/api/v1/notifications/channels', channelBody(target, { tells }));
    expect(added.status).toBe(201);
    await feature.start();
    const { body } = await admin.ask('POST', '/api/v1/adoption-codes', { name: 'ward-3' });
    await link.join({ token: String(body.joinToken), replace: false });
    await sensor.up();
    for (const [signature_id, severity] of [
      [1, 3],
      [2, 1],
      [2, 1],
    ]) {
      await instrument.publish('alert', {
        alert: { signature: `rule ${String(signature_id)}`, signature_id, severity },
        ...{ src_ip: '192.0.2.7', src_port: 4711, dest_ip: '192.0.2.8', dest_port: 80 },
      });
    }
    const notice = await waitFor('the notification', 60_000, () => {
      const [post] = server.posts;
      return post === undefined ? undefined : (JSON.parse(post.body) as Notice);
    });
    expect(notice.alerts).toMatchObject([
      {
        ...{ signature: 'rule 2', signatureId: '2', severity: 'high', instrument: 'suricata' },
        sensor: { id: link.sensor, name: 'ward-3' },
        example: { source: '192.0.2.7:4711', destination: '192.0.2.8:80' },
      },
    ]);
    expect(notice.subject).toMatch(/^\[Bulkhead localhost\] \d alerts?: rule 2$/);
  } finally {
    await feature.stop();
    await sensor.dispose();
    await bus.dispose();
    await fleet.dispose();
    await server.close();
  }
});
