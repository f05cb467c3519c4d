import { afterEach, beforeEach, expect, test } from 'vitest';
import { Rig } from './fixture.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.open('b71');
});
afterEach(async () => {
  await rig.close();
});

const frame = `${'02'.repeat(12)}0800${'00'.repeat(50)}`;

test('a packet on the wire reaches every mirror port and every stage counts it', async () => {
  await rig.openPath();
  const ports = [await rig.addPort('one'), await rig.addPort('two')];
  await rig.network.setFanout(
    'mon',
    ports.map((hostEnd) => ({ hostEnd, filter: 'all' as const })),
  );
  const listeners = [await rig.listen('one', 'mon0'), await rig.listen('two', 'mon0')];
  await rig.send('wire', rig.farEnd, [frame], { count: 1000 });
  for (const listener of listeners) {
    expect(await listener.stop()).toBe(0);
    expect(listener.frames).toHaveLength(1000);
  }
  const ledger = await rig.network.ledger();
});
