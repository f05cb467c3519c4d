import { afterEach, beforeEach, expect, test } from 'vitest';
import { linkName, run } from '@bulkhead/platform/kernel';
import { openNetwork, type GuardState } from '@bulkhead/platform/network';
import { Rig } from '../../integration/network/fixture.ts';
import { OTHER } from '../../integration/network/frames.ts';

let rig: Rig;
let stopGuard: (() => Promise<void>) | undefined;
beforeEach(async () => {
  rig = await Rig.open('b76');
});
afterEach(async () => {
  await stopGuard?.();
  stopGuard = undefined;
  await run('nft', ['delete', 'table', 'netdev', PROOF], { allowFailure: true });
  await rig.close();
});

const PROOF = 'b76proof';

interface Lost extends GuardState {
  /** Whether the link was up when the callback ran. */
  upThen: boolean;
}

/** Starts the guard and collects what it reports. */
function startGuard(): Lost[] {
  const lost: Lost[] = [];
  const controller = new AbortController();
  const watching = rig.network.guard(controller.signal, async (state) => {
    lost.push({ ...state, upThen: await isUp(state.device) });
  });
  stopGuard = async () => {
    controller.abort();
    await watching;
  };
  return lost;
}

async function isUp(device: string): Promise<boolean> {
  const { stdout } = await run('ip', ['-j', 'link', 'show', 'dev', device]);
  return (JSON.parse(stdout) as { flags: string[] }[])[0]?.flags.includes('UP') ?? false;
}

/** What `nft flush ruleset` does to us, without doing it to others on this machine. */
async function flushOurTables(): Promise<void> {
  const { stdout } = await run('nft', ['list', 'tables', 'netdev']);
  const ours = stdout.split('\n').filter((line) => line.includes(` ${rig.site.prefix}_`));
  expect(ours.length).toBeGreaterThan(3);
  await run('nft', ['-f', '-'], { input: ours.map((line) => `delete ${line}\n`).join('') });
}

test('ABUSE 24: a flushed rule takes the link down first, then says which; the rule stands again before the link is up', async () => {
  await rig.openPath();
  const port = await rig.addPort('ids');
  await rig.network.setFanout('mon', [{ hostEnd: port, filter: 'all' }]);
  const lost = startGuard();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(lost).toEqual([]);
  const wire = await rig.listen('wire', rig.farEnd);

  await flushOurTables();
  const expected = [
    rig.device,
    port,
    ...(['i', 'o', 'j', 'k'] as const).map((role) => linkName(rig.site, role, 'mon')),
  ];
  await expect.poll(() => lost.map((one) => one.device).sort(), { timeout: 10_000 }).toEqual(expected.sort());
  expect(lost.filter((one) => one.upThen)).toEqual([]);
  for (const device of expected) expect(await isUp(device)).toBe(false);
  await stopGuard?.();

  // A container that floods while everything comes back: not one frame gets past, not one reaches the wire.
  const text = [port, linkName(rig.site, 'i', 'mon')].map(
    (device, at) =>
      `chain c${String(at)} {\ntype filter hook ingress device "${device}" priority 500;\ncounter name "past"\n}\n`,
  );
  await run('nft', ['-f', '-'], { input: `table netdev ${PROOF} {\ncounter past {\n}\n${text.join('')}}\n` });
  const flood = Promise.all([
    rig.send('ids', 'mon0', [OTHER], { count: 2_000_000, bypass: true }),
    rig.send('capture', 'in0', [OTHER], { count: 2_000_000, bypass: true }),
  ]);
  const second = openNetwork({ site: rig.site }); // the sensor starts again
  await second.attachMonitor({ name: 'mon', device: rig.device });
  await second.captureLinks('mon');
  await second.mirrorPort({ instrument: 'ids', port: 'mon0', monitor: 'mon', filter: 'all' });
  for (const device of expected) expect(await isUp(device)).toBe(true);
  await flood;
  const { stdout } = await run('nft', ['list', 'counter', 'netdev', PROOF, 'past']);
  expect(stdout).toContain('packets 0 ');
  expect((await second.inspect()).hostEnds.flatMap((end) => end.faults)).toEqual([]);
  await wire.stop();
  expect(wire.frames).toEqual([]);
});

test('ABUSE 24: a rule that was weakened instead of removed is a lost rule', async () => {
  await rig.openPath();
  const port = await rig.addPort('ids');
  const lost = startGuard();
  const table = `${rig.site.prefix}_m_${port.slice(-8)}`;
  await run('nft', ['insert', 'rule', 'netdev', table, 'in', 'accept']);
  await expect.poll(() => lost.map((one) => one.device), { timeout: 10_000 }).toEqual([port]);
  expect(await isUp(port)).toBe(false);
  await run('nft', ['add', 'chain', 'netdev', `${rig.site.prefix}_mon_mon`, 'out', '{ policy accept; }']);
  await expect.poll(() => lost.map((one) => one.device), { timeout: 10_000 }).toEqual([port, rig.device]);
  expect(await isUp(rig.device)).toBe(false);
});

test('ABUSE 24: losing the rule of one port loses no packet for another', async () => {
  await rig.openPath();
  const [stays, goes] = [await rig.addPort('stays'), await rig.addPort('goes')];
  await rig.network.setFanout(
    'mon',
    [stays, goes].map((hostEnd) => ({ hostEnd, filter: 'all' as const })),
  );
  const lost = startGuard();
  const sending = rig.send('wire', rig.farEnd, [OTHER], { count: 600_000 });
  await run('nft', ['delete', 'table', 'netdev', `${rig.site.prefix}_m_${goes.slice(-8)}`]);
  await expect.poll(() => lost.map((one) => one.device), { timeout: 10_000 }).toEqual([goes]);
  const { sent } = await sending;
  expect(await rig.counter('stays', 'mon0', 'rx_packets')).toBe(sent);
});

test('ABUSE 105: a fan-out whose packet program is gone is reported and does not pass for a working one', async () => {
  await rig.openPath();
  const port = await rig.addPort('ids');
  await rig.network.setFanout('mon', [{ hostEnd: port, filter: 'all' }]);
  const out = linkName(rig.site, 'o', 'mon');
  const lost = startGuard();
  await run('bpftool', ['net', 'detach', 'xdpgeneric', 'dev', out]);
  await expect
    .poll(() => lost.flatMap((one) => one.faults), { timeout: 10_000 })
    .toEqual([`the packet program of ${out} is gone`]);
  expect((await rig.network.inspect()).monitors[0]?.fanout).toBeUndefined();
  expect(await rig.network.setFanout('mon', [{ hostEnd: port, filter: 'all' }])).toMatchObject({
    changed: true,
  });
  const listener = await rig.listen('ids', 'mon0');
  await rig.send('wire', rig.farEnd, [OTHER], { count: 10 });
  await listener.stop();
  expect(listener.frames).toHaveLength(10);
});
