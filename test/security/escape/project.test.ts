import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sitePaths } from '@bulkhead/platform/kernel';
import type { ConfigMap, DeviceMap } from '@bulkhead/node-lxd';
import type { ContainerSpec } from '@bulkhead/platform/runtime';
import { openAttacker, type Attacker } from './attacker.ts';

let evil: Attacker;

beforeAll(async () => {
  evil = await openAttacker('es8');
  await evil.launch('good', { start: false });
});

afterAll(async () => {
  await evil.at.dispose();
});

test('ABUSE 18: LXD itself refuses what would widen a container, whoever asks', async () => {
  const forbidden: { config?: ConfigMap; devices?: DeviceMap }[] = [
    { config: { 'security.privileged': 'true' } },
    { config: { 'security.nesting': 'true' } },
    { config: { 'security.idmap.isolated': 'false' } },
    { config: { 'security.idmap.base': '0' } },
    { config: { 'security.idmap.size': '1000000' } },
    { config: { 'raw.lxc': 'lxc.apparmor.profile=unconfined' } },
    { config: { 'raw.idmap': 'both 0 0' } },
    { config: { 'raw.seccomp': '2\nallowlist' } },
    { config: { 'raw.apparmor': 'capability,' } },
    { config: { 'linux.kernel_modules': 'overlay' } },
    { config: { 'security.syscalls.intercept.mknod': 'true' } },
    { config: { 'security.syscalls.intercept.mount': 'true' } },
    { config: { 'security.syscalls.intercept.bpf': 'true' } },
    { devices: { x: { type: 'disk', source: '/', path: '/mnt' } } },
    { devices: { x: { type: 'disk', source: '/etc', path: '/mnt' } } },
    { devices: { x: { type: 'disk', source: '/var/lib/lxd', path: '/mnt' } } },
    { devices: { x: { type: 'disk', source: `${sitePaths(evil.at.site).mountsDir}/../..`, path: '/mnt' } } },
    { devices: { x: { type: 'disk', source: sitePaths(evil.at.site).keysDir, path: '/mnt' } } },
    { devices: { x: { type: 'unix-char', path: '/dev/mem' } } },
    { devices: { x: { type: 'unix-block', path: '/dev/vda' } } },
    { devices: { x: { type: 'unix-hotplug', vendorid: '0000' } } },
    { devices: { x: { type: 'usb' } } },
    { devices: { x: { type: 'gpu' } } },
    { devices: { x: { type: 'pci', address: '0000:00:00.0' } } },
    { devices: { x: { type: 'infiniband', nictype: 'physical', parent: 'lo' } } },
  ];
  const before = await evil.at.project.instances.get('good');
  const accepted: unknown[] = [];
  for (const change of forbidden) {
    await evil.at.project.instances.patch('good', change).then(
      () => accepted.push(change),
      () => undefined,
    );
  }
  expect(accepted).toEqual([]);
  const after = await evil.at.project.instances.get('good');
  expect(after.config).toEqual(before.config);
  expect(after.devices).toEqual(before.devices);
});

test('ABUSE 18: a snapshot, a backup or a virtual machine is refused', async () => {
  await expect(
    evil.at.project.instances.create({
      name: 'machine',
      type: 'virtual-machine' as 'container',
      profiles: [],
      devices: {},
      config: {},
      source: { type: 'none' },
    }),
  ).rejects.toMatchObject({ name: 'LxdError' });
  expect((await evil.at.runtime.list()).map(({ name }) => name)).toEqual(['good']);
});

test('ABUSE 18: the runtime refuses specs with folders, links or values that are not its own', async () => {
  const { site } = evil.at;
  const good = await evil.at.spec('bad');
  const lead = join(sitePaths(site).mountsDir, 'lead');
  await mkdir(sitePaths(site).mountsDir, { recursive: true });
  await symlink('/etc', lead);
  const disk = (source: string): ContainerSpec['disks'] => [
    { name: 'x', source, path: '/mnt', readonly: true },
  ];
  const cases: [string, Partial<ContainerSpec>][] = [
    ['RUNTIME_SOURCE_REFUSED', { disks: disk('/etc') }],
    ['RUNTIME_SOURCE_REFUSED', { disks: disk(site.stateDir) }],
    ['RUNTIME_SOURCE_REFUSED', { disks: disk('/etc'), allowedSources: ['/etc'] }],
    ['RUNTIME_SOURCE_REFUSED', { disks: disk('/etc'), allowedSources: ['/'] }],
    ['RUNTIME_SOURCE_REFUSED', { disks: disk(lead) }],
    ['RUNTIME_SPEC_INVALID', { disks: disk(`${sitePaths(site).mountsDir}/../../..`) }],
    ['RUNTIME_SPEC_INVALID', { disks: disk('/') }],
    ['RUNTIME_SPEC_INVALID', { disks: [...good.disks, { ...evil.disk, name: 'root' }] }],
    ['RUNTIME_SPEC_INVALID', { disks: [...good.disks, { ...evil.disk, name: 'bus' }] }],
    ['RUNTIME_SOURCE_MISSING', { disks: disk(join(sitePaths(site).mountsDir, 'nothing')) }],
    ['RUNTIME_LINK_REFUSED', { links: [{ name: 'mon0', parent: 'eth0' }] }],
    ['RUNTIME_LINK_REFUSED', { links: [{ name: 'mon0', parent: 'lo' }] }],
    ['RUNTIME_LINK_REFUSED', { links: [{ name: 'mon0', parent: `${site.prefix}m-00000000` }] }],
    ['RUNTIME_SPEC_INVALID', { links: [{ name: 'lo', parent: `${site.prefix}c-00000000` }] }],
    ['RUNTIME_SPEC_INVALID', { limits: { ...good.limits, memoryMib: 0 } }],
    ['RUNTIME_SPEC_INVALID', { limits: { ...good.limits, processes: Number.NaN } }],
    ['RUNTIME_SPEC_INVALID', { limits: { ...good.limits, cpuCores: -1 } }],
    ['RUNTIME_SPEC_INVALID', { labels: { 'x\nsecurity.privileged': 'true' } }],
    ['RUNTIME_SPEC_INVALID', { busPort: 0 }],
  ];
  for (const [code, change] of cases) {
    await expect(
      evil.at.runtime.create({ ...good, ...change }),
      JSON.stringify(change),
    ).rejects.toMatchObject({ code });
  }
  await expect(evil.at.runtime.create(await evil.at.spec('good'))).rejects.toMatchObject({
    code: 'RUNTIME_EXISTS',
  });
  expect((await evil.at.runtime.list()).map(({ name }) => name)).toEqual(['good']);
});

test('ABUSE 18: restrictions of the project that somebody took away are set back', async () => {
  const name = evil.at.site.lxdProject;
  const { config, description } = await evil.at.lxd.projects.get(name);
  await evil.at.lxd.projects.put(name, {
    description,
    config: {
      ...config,
      'restricted.containers.nesting': 'allow',
      'restricted.devices.disk.paths': `${config['restricted.devices.disk.paths'] ?? ''},/etc`,
    },
  });
  const { repaired } = await evil.at.runtime.prepare();
  expect(repaired.join()).toMatch(/restricted\.containers\.nesting was allow instead of block/);
  expect(repaired).toHaveLength(2);
  expect((await evil.at.runtime.prepare()).repaired).toEqual([]);
  await expect(
    evil.at.project.instances.patch('good', { config: { 'security.nesting': 'true' } }),
  ).rejects.toThrow(/nesting is forbidden/);
});
