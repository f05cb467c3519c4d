import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HardwareSchema } from '@bulkhead/platform/contracts';
import { machineFacts } from '@bulkhead/platform/fleet-link';

test('what a machine says of itself is what a fleet reads, without the devices of our own making', async () => {
  const sys = await mkdtemp(join(tmpdir(), 'bulkhead-sys-'));
  try {
    for (const [device, files] of Object.entries({
      lo: {},
      'bhm-12345678': {},
      eth0: { address: '02:00:00:00:00:01\n', speed: '10000\n', carrier: '1\n' },
      eth1: { address: '02:00:00:00:00:02\n', speed: '-1\n' },
    })) {
      await mkdir(join(sys, 'class/net', device, 'device'), { recursive: true });
      for (const [name, text] of Object.entries(files))
        await writeFile(join(sys, 'class/net', device, name), text);
    }
    await symlink('../../../../drivers/ixgbe', join(sys, 'class/net/eth0/device/driver'));
    await mkdir(join(sys, 'class/dmi/id'), { recursive: true });
    await writeFile(join(sys, 'class/dmi/id/product_name'), 'Box 9\n');
    const facts = await machineFacts({
      sysDir: sys,
      isOurs: (device) => device.startsWith('bhm-'),
      checkDevice: async (device) =>
        device === 'eth1' ? { ok: true } : { ok: false, reason: `${device} carries a default route` },
    });
    expect(HardwareSchema.parse(facts)).toEqual(facts);
    expect(facts).toMatchObject({
      product: 'Box 9',
      nics: [
        {
          ...{ device: 'eth0', mac: '02:00:00:00:00:01', driver: 'ixgbe', speedMbps: 10_000, link: true },
          ...{ monitorCapable: false, why: 'eth0 carries a default route' },
        },
        { device: 'eth1', mac: '02:00:00:00:00:02', monitorCapable: true },
      ],
    });
  } finally {
    await rm(sys, { recursive: true, force: true });
  }
});
