import { afterAll, beforeAll, expect, test } from 'vitest';
import { LedgerSettingsSchema } from '@bulkhead/platform/contracts';
import { LossWatch, packetLines } from '@bulkhead/platform/network';
import { Rig } from './fixture.ts';
import { OTHER } from './frames.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.open('b74');
  await rig.openPath();
});
afterAll(async () => {
  await rig.close();
});

test('packets that a stage swallows are shown there, told when they pass the threshold, and told when it is over', async () => {
  const port = await rig.addPort('one');
  await rig.network.setFanout('mon', [{ hostEnd: port, filter: 'all' }]);
  const owners = new Map([[port, { instrument: 'one', port: 'mon0', filter: undefined }]]);
  const watch = new LossWatch();
  let atMs = 0;
  /** A minute's worth of traffic in a moment: the clock is the test's. */
  const minute = async (count: number) => {
    await rig.send('wire', rig.farEnd, [OTHER], { count });
    const [ledger] = (await rig.network.ledger()).monitors;
    if (ledger === undefined) throw new Error('no ledger');
    const lines = packetLines(ledger, owners);
    for (const line of lines) expect(line).toMatchObject({ unaccounted: 0 });
    atMs += 30_000;
    const changes = watch.look({ atMs, lines }, () => LedgerSettingsSchema.parse({}));
    return { lines, told: changes.map(({ type, alarm }) => `${type} ${alarm.stage} ${String(alarm.lost)}`) };
  };
  await minute(1000);
  expect((await minute(1000)).told).toEqual([]);

  // Something between in0 and out0 swallows one in four.
  const swallow = 'insert rule netdev forward in numgen inc mod 4 0 drop\n';
  await rig.inNamespace('capture', ['nft', '-f', '-'], swallow);
  const lossy = await minute(4000);
  expect(lossy.told).toEqual(['loss.threshold capture-engine 1000']);
  expect(lossy.lines.map(({ stage, lost }) => [stage, lost])).toEqual([
    ['nic', {}],
    ['guard', {}],
    ['capture-link', {}],
    ['capture-engine', { 'not forwarded': 1000 }],
    ['fan-out', {}],
    ['mirror-port', {}],
  ]);
  await rig.inNamespace('capture', ['nft', 'flush', 'chain', 'netdev', 'forward', 'in']);
  await rig.inNamespace('capture', ['nft', 'add', 'rule', 'netdev', 'forward', 'in', 'dup', 'to', '"out0"']);
  const after: string[] = [];
  for (let n = 0; n < 6; n += 1) after.push(...(await minute(1000)).told);
  expect(after).toEqual(['loss.ended capture-engine 1000']);
  expect(watch.alarms).toEqual([]);
});
