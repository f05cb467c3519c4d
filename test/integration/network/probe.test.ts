import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';
import { probeKernel } from '@bulkhead/platform/network';
import { Rig } from './fixture.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.open('b74');
});
afterAll(async () => {
  await rig.close();
});

test('the kernel probe finds everything that the packet paths need, and changes nothing', async () => {
  const look = async () => [
    (await run('ip', ['-br', 'link'])).stdout.split('\n').filter((l) => l.startsWith('p')),
    (await run('nft', ['list', 'tables'])).stdout.includes('probe_'),
  ];
  const before = await look();
  const facts = await probeKernel(rig.site);
  expect(facts).toMatchObject({
    veth: undefined,
    nftIngress: undefined,
    nftEgress: undefined,
    nftDup: undefined,
    nftActive: undefined,
    bridge: undefined,
    tcMirred: undefined,
    bpffs: undefined,
    xdpFanout: undefined,
  });
  expect(Object.values(facts.programs)).not.toContain(undefined);
  expect(await look()).toEqual(before);
});

test('a missing packet program is named', async () => {
  const facts = await probeKernel({ ...rig.site, shippedDir: '/nonexistent' });
  expect(facts.xdpFanout).toContain('/nonexistent/bpf/fanout.o');
});
