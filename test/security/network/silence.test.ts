import { afterEach, beforeEach, expect, test } from 'vitest';
import { linkName, run } from '@bulkhead/platform/kernel';
import { Rig } from '../../integration/network/fixture.ts';
import { DNS, ethernet, ipv4, OTHER, udp } from '../../integration/network/frames.ts';

/** Ten minutes with BULKHEAD_LONG=1; one minute otherwise. The far end counts every frame of the whole test. */
const ATTACK_MS = process.env['BULKHEAD_LONG'] === '1' ? 600_000 : 60_000;

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.open('b77');
});
afterEach(async () => {
  await rig.close();
});

test(
  'ABUSE 25: the monitor interface emits nothing: at start, under attack from inside the capture engine, at a crash and at the end',
  async () => {
    const wire = await rig.listen('wire', rig.farEnd);
    await run('sysctl', ['-qw', `net.ipv6.conf.${rig.device}.disable_ipv6=0`]);
    await rig.openPath();
    await rig.network.setFanout('mon', [{ hostEnd: await rig.addPort('ids'), filter: 'all' }]);

    const frames = [
      DNS,
      ethernet(0x0800, ipv4(17, udp(68, 67)), [[0x8100, 9]]),
      `ffffffffffff02020000000088cc${'00'.repeat(50)}`,
    ];
    const end = Date.now() + ATTACK_MS;
    let attempts = 0;
    for (let round = 0; Date.now() < end; round++) {
      const bypass = round % 2 === 0;
      // Root inside the capture engine on both of its links, root inside an instrument, and a program on the host itself.
      const results = await Promise.all([
        rig.send('capture', 'in0', frames, { count: 2_000, bypass }),
        rig.send('capture', 'out0', frames, { count: 2_000, bypass }),
        rig.send('ids', 'mon0', frames, { count: 2_000, bypass }),
        rig.send(undefined, rig.device, frames, { count: 2_000, bypass }),
        rig.send('wire', rig.farEnd, [OTHER], { count: 2_000 }),
      ]);
      attempts += results.reduce((sum, one) => sum + one.sent + one.refused, 0);
      // Root in the container also changes what it forwards, and whether its links are up.
      await rig.inNamespace('capture', ['ip', 'link', 'set', 'in0', 'down']);
      await rig.inNamespace('capture', ['ip', 'link', 'set', 'in0', 'address', '02:00:00:00:00:99', 'up']);
      if (round === 3) {
        // It points its forwarding back at its input.
        await rig.inNamespace(
          'capture',
          ['nft', '-f', '-'],
          'table netdev back {\nchain b {\ntype filter hook ingress device "in0" priority -10;\ndup to "in0"\n}\n}\n',
        );
      }
    }
    expect(attempts).toBeGreaterThan(50_000);
    const [ledger] = (await rig.network.ledger()).monitors;
    expect(ledger?.framesOnWire).toBe(0);
    expect(ledger?.egressDropped).toBeGreaterThan(1_000);

    await rig.deleteNamespace('capture'); // the capture engine dies
    await run('ip', ['link', 'delete', linkName(rig.site, 'o', 'mon')], { allowFailure: true });
    await rig.send(undefined, rig.device, frames, { count: 100, bypass: true });
    await rig.startCapture();
    await rig.network.detachMonitor('mon');
    await rig.network.removeAll();
    await wire.stop();
    expect(wire.frames).toEqual([]);
    expect(await rig.counter('wire', rig.farEnd, 'rx_packets')).toBe(0);
  },
  ATTACK_MS + 120_000,
);
