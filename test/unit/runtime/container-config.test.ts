import { expect, test } from 'vitest';
import { site } from '@bulkhead/platform/kernel';
import { siteSources, type ContainerSpec } from '@bulkhead/platform/runtime';
import { instanceOf } from '../../../platform/runtime/container-config.ts';
import { isBelow } from '../../../platform/runtime/disk-sources.ts';
import { projectConfig } from '../../../platform/runtime/project.ts';

const at = site();
const spec: ContainerSpec = {
  name: 'suricata',
  image: 'f'.repeat(64),
  limits: { memoryMib: 512, cpuCores: 1.5, processes: 64, openFiles: 1024 },
  disks: [
    { name: 'run', source: '/run/bulkhead/instruments/suricata', path: '/run/bulkhead', readonly: true },
  ],
  links: [{ name: 'mon0', parent: 'bhc-1f0c9a3e' }],
  busPort: 4333,
  labels: { digest: 'abc' },
  allowedSources: siteSources(at),
};

test('an instrument becomes an unprivileged, limited, read-only instance without profiles', () => {
  const { config, devices, profiles } = instanceOf(spec, at);
  expect(profiles).toEqual([]);
  expect(config).toMatchObject({
    'limits.memory': '512MiB',
    'limits.memory.enforce': 'hard',
    'limits.memory.swap': 'false',
    'limits.cpu.allowance': '150ms/100ms',
    'limits.processes': '64',
    'limits.kernel.nofile': '1024',
    'limits.kernel.core': '0',
    'security.privileged': 'false',
    'security.nesting': 'false',
    'security.devlxd': 'false',
    'security.idmap.isolated': 'true',
    'security.syscalls.deny_compat': 'true',
    'boot.autostart': 'false',
    'user.bulkhead.digest': 'abc',
  });
  expect(devices).toEqual({
    root: { type: 'disk', path: '/', pool: 'bulkhead', readonly: 'true', size: '4096MiB' },
    bus: { type: 'proxy', bind: 'container', listen: 'tcp:127.0.0.1:4222', connect: 'tcp:127.0.0.1:4333' },
    run: {
      type: 'disk',
      source: '/run/bulkhead/instruments/suricata',
      path: '/run/bulkhead',
      readonly: 'true',
    },
    mon0: { type: 'nic', nictype: 'physical', parent: 'bhc-1f0c9a3e', name: 'mon0' },
  });
});

test('a writable disk has no readonly key; a twentieth of a core is five ms in a hundred', () => {
  const volume = {
    name: 'volume',
    source: '/var/lib/bulkhead/mounts/x',
    path: '/var/lib/instrument',
    readonly: false,
  };
  const made = instanceOf({ ...spec, disks: [volume], limits: { ...spec.limits, cpuCores: 0.05 } }, at);
  expect(made.devices['volume']).not.toHaveProperty('readonly');
  expect(made.config['limits.cpu.allowance']).toBe('5ms/100ms');
});

test('system calls are denied one per line, in the form that liblxc reads', () => {
  const lines = instanceOf(spec, at).config['security.syscalls.deny']?.split('\n') ?? [];
  expect(lines).toContain('bpf errno 1');
  expect(lines).toContain('clone3 errno 38');
  expect(lines).toContain('unshare errno 1 [0,0x10000000,SCMP_CMP_MASKED_EQ,0x10000000]');
  expect(new Set(lines).size).toBe(lines.length);
  for (const line of lines) expect(line).toMatch(/^[a-z0-9_]+ errno \d+(?: \[[0-9a-zA-Zx_,]+\])?$/);
});

test.each([
  'eth0',
  'lo',
  'bhm-1f0c9a3e',
  'bhi-1f0c9a3e',
  'xyc-1f0c9a3e',
  'bhc-1f0c9a3',
  'bhc-1f0c9a3e; x',
  '',
])('the link %j is not taken from the host', (parent) => {
  expect(() => instanceOf({ ...spec, links: [{ name: 'mon0', parent }] }, at)).toThrow(
    expect.objectContaining({ code: 'RUNTIME_LINK_REFUSED' }) as Error,
  );
});

test.each(['bhc-1f0c9a3e', 'bhI-00000000', 'bhO-ffffffff'])('the container end %s is', (parent) => {
  expect(instanceOf({ ...spec, links: [{ name: 'in0', parent }] }, at).devices['in0']?.['parent']).toBe(
    parent,
  );
});

test('a path is below a folder by whole segments only', () => {
  expect(isBelow('/a/b', '/a/b')).toBe(true);
  expect(isBelow('/a/b/c', '/a/b')).toBe(true);
  expect(isBelow('/a/bc', '/a/b')).toBe(false);
  expect(isBelow('/a/b/../c', '/a/b')).toBe(false);
  expect(isBelow('/', '/a')).toBe(false);
});

test('the project blocks everything but disks below the site’s folders, links and proxies', () => {
  const config = projectConfig(at);
  const open = Object.entries(config).filter(
    ([key, value]) => key.startsWith('restricted.') && value !== 'block',
  );
  expect(Object.fromEntries(open)).toEqual({
    'restricted.containers.privilege': 'isolated',
    'restricted.devices.disk': 'allow',
    'restricted.devices.disk.paths':
      '/run/bulkhead/instruments,/var/lib/bulkhead/mounts,/var/lib/bulkhead/resources,/var/cache/bulkhead/apps',
    'restricted.devices.nic': 'allow',
    'restricted.devices.proxy': 'allow',
  });
  expect(config['restricted']).toBe('true');
});
