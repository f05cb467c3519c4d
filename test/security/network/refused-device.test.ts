import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';
import { Rig } from '../../integration/network/fixture.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.open('b78');
});
afterEach(async () => {
  await run('ip', ['link', 'delete', 'b78br'], { allowFailure: true });
  await rig.close();
});

/** What the kernel shows of the machine's devices, addresses and rules. */
async function host(): Promise<string> {
  const outputs = await Promise.all([
    run('ip', ['-br', 'link', 'show', 'dev', rig.device]),
    run('ip', ['-br', 'address', 'show', 'dev', rig.device]),
    run('nft', ['list', 'tables', 'netdev']).then((result) => ({
      stdout: result.stdout.includes(rig.site.prefix) ? 'ours' : '',
    })),
  ]);
  return outputs.map((output) => output.stdout).join('\n');
}

async function refused(): Promise<string> {
  const before = await host();
  const verdict = await rig.network.checkDevice(rig.device);
  if (verdict.ok) throw new Error('the device was not refused');
  await expect(rig.network.attachMonitor({ name: 'mon', device: rig.device })).rejects.toMatchObject({
    code: 'NETWORK_DEVICE_REFUSED',
    message: expect.stringContaining(verdict.reason) as string,
  });
  expect(await host()).toBe(before);
  return verdict.reason;
}

test('ABUSE 116: a device with an address is refused, and nothing is changed', async () => {
  await run('ip', ['address', 'add', '192.0.2.1/32', 'dev', rig.device]);
  expect(await refused()).toBe(`${rig.device} has the address 192.0.2.1; a monitor interface has none`);
});

test('ABUSE 116: a device that carries a default route of any table is refused', async () => {
  await run('ip', ['link', 'set', 'dev', rig.device, 'addrgenmode', 'none']);
  await run('ip', ['link', 'set', 'dev', rig.device, 'up']);
  await run('ip', ['route', 'add', 'default', 'dev', rig.device, 'table', '4242']);
  expect(await refused()).toBe(`${rig.device} carries a default route`);
});

test('ABUSE 116: a bridge port is refused, and so is the address that the bridge has', async () => {
  await run('ip', ['link', 'add', 'b78br', 'type', 'bridge']);
  await run('ip', ['link', 'set', 'dev', rig.device, 'master', 'b78br']);
  expect(await refused()).toBe(`${rig.device} is a port of b78br`);
  await run('ip', ['address', 'add', '192.0.2.1/32', 'dev', 'b78br']);
  expect(await refused()).toBe(
    `${rig.device} has the address 192.0.2.1 through b78br, which runs over it; a monitor interface has none`,
  );
});

test('ABUSE 116: the device of the operator’s own session is refused', async () => {
  const saved = process.env['SSH_CONNECTION'];
  await run('ip', ['link', 'set', 'dev', rig.device, 'addrgenmode', 'none']);
  await run('ip', ['link', 'set', 'dev', rig.device, 'up']);
  await run('ip', ['route', 'add', '203.0.113.0/24', 'dev', rig.device]);
  process.env['SSH_CONNECTION'] = '203.0.113.7 50000 198.51.100.1 22';
  try {
    expect(await refused()).toContain('carries a remote session (203.0.113.7 is connected to 198.51.100.1)');
  } finally {
    if (saved === undefined) delete process.env['SSH_CONNECTION'];
    else process.env['SSH_CONNECTION'] = saved;
  }
});

test('ABUSE 116: what is not a device to listen on is refused in words', async () => {
  expect(await rig.network.checkDevice('lo')).toEqual({ ok: false, reason: 'lo is the loopback device' });
  expect(await rig.network.checkDevice('b78none')).toEqual({ ok: false, reason: 'b78none does not exist' });
  expect(await rig.network.checkDevice(rig.device)).toEqual({ ok: true });
});
