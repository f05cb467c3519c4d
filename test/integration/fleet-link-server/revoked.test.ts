import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { openLinkBench } from '../../support/fleet/link-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const A = testSensorId(1);

test('who is revoked while it is being judged does not attach when the other has left', async () => {
  const revoked = new Set<string>();
  let asked = 0;
  const bench = await openLinkBench({
    authorise: ({ sensor }) => {
      asked += 1;
      return revoked.has(sensor) ? { code: 'FLEET_SENSORS_REVOKED', message: 'It was revoked.' } : 'ok';
    },
  });
  try {
    const { links } = bench.server;
    const first = await bench.sensor(1);
    await first.attach();
    let attached = 0;
    links.events.on('attached', () => (attached += 1));
    // Another machine with the same identity: it waits until it is known whether the first one lives.
    const second = await bench.sensor(1);
    const entering = second.attach();
    entering.catch(() => undefined);
    await waitFor('the second to be judged', 10_000, () => asked === 2);
    revoked.add(A);
    links.revoke(A);
    await expect(entering).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    expect(attached).toBe(0);
    expect(links.attached(A)).toBe(false);
  } finally {
    await bench.dispose();
  }
});
