import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { devicesTowards, refuseCutOff } from '../../../platform/fleet-link/cut-off.ts';

test('the way to a fleet is what the kernel routes, with everything below it', async () => {
  expect([...(await devicesTowards({ host: '127.0.0.1', port: 9 }))]).toEqual(['lo']);
  const sys = await mkdtemp(join(tmpdir(), 'bulkhead-sys-'));
  try {
    for (const [device, lower] of [
      ['lo', 'bond0.7'],
      ['bond0.7', 'bond0'],
      ['bond0', 'eth1'],
      ['eth1', 'lo'],
    ] as const) {
      await mkdir(join(sys, device), { recursive: true });
      await symlink(`../${lower}`, join(sys, device, `lower_${lower}`));
    }
    const found = await devicesTowards({ host: '127.0.0.1', port: 9 }, sys);
    expect([...found]).toEqual(['lo', 'bond0.7', 'bond0', 'eth1']);
    expect(() => refuseCutOff(['eth0', 'eth1'], found)).toThrow(/take eth1, through which/);
    expect(() => refuseCutOff(['eth0'], found)).not.toThrow();
  } finally {
    await rm(sys, { recursive: true, force: true });
  }
});

test('no way at all cuts nothing off', async () => {
  expect((await devicesTowards({ host: 'name.that.is.none.invalid', port: 9 })).size).toBe(0);
  expect(() => refuseCutOff(['eth0'], new Set())).not.toThrow();
});
