import { afterEach, beforeEach, expect, test } from 'vitest';
import { run, waitFor } from '@bulkhead/platform/kernel';
import type { Destination, GuardState } from '@bulkhead/platform/network';
import { ActiveRig, OUTSIDE } from './active-fixture.ts';

let rig: ActiveRig;
beforeEach(async () => {
  rig = await ActiveRig.open('b61');
});
afterEach(async () => {
  await rig.close();
});

const to = (target: string, ports: number[], more: Partial<Destination> = {}): Destination => ({
  to: target,
  protocol: 'tcp',
  ports,
  privateAddresses: false,
  ...more,
});

async function portOf(instrument: string) {
  const found = (await rig.network.activePorts()).find((port) => port.instrument === instrument);
  if (found === undefined) throw new Error(`no active interface of ${instrument}`);
  return found;
}

test('dedicated: what is allowed is reached through the interface, everything else is counted and refused', async () => {
  const port = await rig.addBox('one', 'dedicated', '10.77.0.10/24', [
    to(OUTSIDE.web, [443]),
    to(OUTSIDE.gateway, [4500], { protocol: 'udp' }),
  ]);
  expect(await rig.connect('one', OUTSIDE.web, 443, 5_000)).toBe(`${OUTSIDE.web} 443`);
  expect(await rig.ask('one', OUTSIDE.gateway, 4500, 5_000)).toBe('udp 4500');
  expect(await rig.connect('one', OUTSIDE.web, 80)).toBeUndefined();
  expect(await rig.connect('one', OUTSIDE.other, 443)).toBeUndefined();
  expect(await rig.ask('one', OUTSIDE.gateway, 53)).toBeUndefined();

  // It speaks with the address of the interface that it stands behind.
  const { stdout } = await run('ip', ['-br', 'link', 'show', 'dev', rig.nic]);
  expect(stdout).toContain(port.mac);
  const state = await portOf('one');
  expect(state).toMatchObject({ up: true, faults: [], kind: 'dedicated', addresses: ['10.77.0.10'] });
  expect(state.counts.sent.packets).toBeGreaterThan(3);
  expect(state.counts.received.packets).toBeGreaterThan(3);
  expect(state.counts.refused.packets).toBeGreaterThanOrEqual(3);
  expect(
    state.refusedDestinations.map(({ address, protocol, port }) => `${protocol} ${address}:${String(port)}`),
  ).toEqual(
    expect.arrayContaining([
      `tcp ${OUTSIDE.web}:80`,
      `tcp ${OUTSIDE.other}:443`,
      `udp ${OUTSIDE.gateway}:53`,
    ]),
  );
});

test('bridged: two instruments reach what each may, and the bridge keeps its own address', async () => {
  await rig.useBridge();
  const mac = async (): Promise<string> =>
    (await run('cat', [`/sys/class/net/${rig.bridge}/address`])).stdout;
  const before = await mac();
  await rig.addBox('one', 'bridged', '10.77.0.10/24', [to(OUTSIDE.web, [443])]);
  await rig.addBox('two', 'bridged', '10.77.0.11/24', [to(OUTSIDE.other, [80])]);
  expect(await rig.connect('one', OUTSIDE.web, 443, 5_000)).toBe(`${OUTSIDE.web} 443`);
  expect(await rig.connect('two', OUTSIDE.other, 80, 5_000)).toBe(`${OUTSIDE.other} 80`);
  expect(await rig.connect('one', OUTSIDE.other, 80)).toBeUndefined();
  expect(await rig.connect('two', OUTSIDE.web, 443)).toBeUndefined();
  expect(await mac()).toBe(before);
});

test('a network is allowed as a whole, `any` only where it is public, and names as they resolve', async () => {
  await rig.addBox('one', 'dedicated', '10.77.0.10/24', [to('10.77.0.0/24', [80]), to('any', [443])]);
  expect(await rig.connect('one', OUTSIDE.neighbour, 80, 5_000)).toBe(`${OUTSIDE.neighbour} 80`);
  expect(await rig.connect('one', OUTSIDE.web, 443, 5_000)).toBe(`${OUTSIDE.web} 443`);
  expect(await rig.connect('one', OUTSIDE.neighbour, 443)).toBeUndefined();
  expect(await rig.connect('one', OUTSIDE.metadata, 443)).toBeUndefined();
  await rig.allow('one', [to('site.example', [8080])], () => [OUTSIDE.other, OUTSIDE.metadata]);
  expect(await rig.connect('one', OUTSIDE.other, 8080, 5_000)).toBe(`${OUTSIDE.other} 8080`);
  expect(await rig.connect('one', OUTSIDE.metadata, 8080)).toBeUndefined();
  expect(await rig.connect('one', OUTSIDE.web, 443)).toBeUndefined();
});

test('a destination that is taken away ends a connection that stands; others go on, also over a restart', async () => {
  await rig.addBox('one', 'dedicated', '10.77.0.10/24', [to(OUTSIDE.web, [443]), to(OUTSIDE.other, [80])]);
  const kept = await rig.hold('one', OUTSIDE.other, 80);
  const ended = await rig.hold('one', OUTSIDE.web, 443);
  expect(await ended.echo('first', 5_000)).toBe(true);
  rig.network = rig.reopened();
  const again = await rig.network.activePort({
    instrument: 'one',
    port: 'net0',
    kind: 'dedicated',
    device: rig.nic,
    address: '10.77.0.10/24',
  });
  expect(again.created).toBe(false);
  expect(await ended.echo('second', 5_000)).toBe(true);
  await rig.allow('one', [to(OUTSIDE.other, [80])]);
  expect(await ended.echo('third', 1_000)).toBe(false);
  expect(await kept.echo('still here', 5_000)).toBe(true);
});

test('a lost rule, or a setting of the bridge port: the link goes down first, then somebody is told', async () => {
  await rig.useBridge();
  const port = await rig.addBox('one', 'bridged', '10.77.0.10/24', [to(OUTSIDE.web, [443])]);
  const watching = new AbortController();
  const lost: GuardState[] = [];
  const isUp = async (): Promise<boolean> =>
    (await run('ip', ['-br', 'link', 'show', 'dev', port.hostEnd])).stdout.includes('LOWER_UP');
  const watch = rig.network.guard(watching.signal, (state) => void lost.push(state));
  const mend = () =>
    rig.network.activePort({
      instrument: 'one',
      port: 'net0',
      kind: 'bridged',
      device: rig.bridge,
      address: '10.77.0.10/24',
    });
  try {
    for (const [program, ...harm] of [
      ['bridge', 'link', 'set', 'dev', port.hostEnd, 'isolated', 'off'],
      ['nft', 'delete', 'table', 'netdev', `${rig.site.prefix}_a_${port.hostEnd.slice(-8)}`],
      ['ip', 'address', 'add', '10.77.0.99/24', 'dev', rig.bridge],
    ] as const) {
      expect(await isUp()).toBe(true);
      const known = lost.length;
      await run(program, harm);
      await waitFor('the loss to be told', 15_000, () => lost.length > known);
      expect(await isUp()).toBe(false);
      if (program === 'ip') {
        await expect(mend()).rejects.toMatchObject({ code: 'NETWORK_ACTIVE_REFUSED' });
      } else {
        await mend();
        await rig.allow('one', [to(OUTSIDE.web, [443])]);
        expect(await rig.connect('one', OUTSIDE.web, 443, 5_000)).toBe(`${OUTSIDE.web} 443`);
      }
    }
  } finally {
    watching.abort();
    await watch;
  }
});

test('removed: no link, no rule stays, and the interface is down', async () => {
  await rig.addBox('one', 'dedicated', '10.77.0.10/24', [to(OUTSIDE.web, [443])]);
  await rig.network.removeActivePorts('one');
  const { stdout: tables } = await run('nft', ['list', 'tables', 'netdev']);
  const { stdout: links } = await run('ip', ['-br', 'link']);
  expect(tables).not.toContain(`${rig.site.prefix}_`);
  expect(links).not.toContain(`${rig.site.prefix}a-`);
  expect(/^b61n0\S*\s+(\S+)/m.exec(links)?.[1]).toBe('DOWN');

  await rig.useBridge();
  await rig.addBox('two', 'bridged', '10.77.0.11/24', [to(OUTSIDE.web, [443])]);
  await rig.network.removeAll();
  const after = (await run('ip', ['-br', 'link'])).stdout;
  expect((await run('nft', ['list', 'tables', 'netdev'])).stdout).not.toContain(`${rig.site.prefix}_`);
  expect(after).not.toContain(`${rig.site.prefix}a-`);
  // The bridge is the operator's.
  expect(/^b61br\s+(\S+)/m.exec(after)?.[1]).toBe('UP');
});

test('a VLAN where the kernel has none is refused by name, and nothing is left', async () => {
  const has = await run('ip', ['link', 'add', 'link', rig.nic, 'name', 'b61v', 'type', 'vlan', 'id', '7'], {
    allowFailure: true,
  });
  if (has.exitCode === 0) await run('ip', ['link', 'delete', 'b61v']);
  const asked = rig.network.activePort({
    instrument: 'one',
    port: 'net0',
    kind: 'dedicated',
    device: rig.nic,
    vlan: 7,
    address: '10.77.0.10/24',
  });
  if (has.exitCode === 0) expect((await asked).created).toBe(true);
  else await expect(asked).rejects.toMatchObject({ code: 'NETWORK_VLAN_MISSING' });
});
