import { expect, test } from 'vitest';
import { ManifestSchema, MirrorFilterSchema } from '@bulkhead/platform/contracts';
import { parseStrict } from '@bulkhead/platform/kernel';

const manifest = {
  apiVersion: 'bulkhead/1',
  name: 'passive-dns',
  version: '0.1.0',
  title: 'Passive DNS',
  description: 'Remembers who asked for what.',
  image: 'base',
  command: ['/usr/bin/node', '/opt/instrument/main.mjs'],
  asks: {},
  volume: { sizeMib: 64 },
  limits: { memoryMib: 128, cpuCores: 0.5, processes: 32, openFiles: 256 },
};

function faultAt(value: unknown): string {
  try {
    parseStrict(ManifestSchema, value, 'PACKAGES_TEST', 'The manifest');
    return 'accepted';
  } catch (error) {
    return (error as { fields: { pointer: string } }).fields.pointer;
  }
}

test('who asks for nothing gets nothing', () => {
  expect(ManifestSchema.parse(manifest).asks).toEqual({
    capabilities: [],
    interfaces: [],
    publish: [],
    read: [],
    accept: [],
    send: [],
    egress: [],
    downloads: [],
    requestsDownloads: false,
    deliver: [],
    fetch: false,
  });
});

test.each([
  [{ privileged: true }, '/privileged'],
  [{ apiVersion: 'bulkhead/2' }, '/apiVersion'],
  [{ version: '1.0' }, '/version'],
  [{ version: '1.0.0\n' }, '/version'],
  [{ name: 'Passive DNS' }, '/name'],
  [{ image: '../../etc' }, '/image'],
  [{ command: [] }, '/command'],
  [{ command: Array.from({ length: 17 }, () => 'x') }, '/command'],
  [{ title: '' }, '/title'],
  [{ volume: { sizeMib: 1e12 } }, '/volume/sizeMib'],
  [{ volume: { sizeMib: 64.5 } }, '/volume/sizeMib'],
  [{ limits: { ...manifest.limits, memoryMib: 0 } }, '/limits/memoryMib'],
  [{ limits: { ...manifest.limits, processes: Infinity } }, '/limits/processes'],
  [{ limits: { memoryMib: 128 } }, '/limits/cpuCores'],
  [{ asks: { capabilities: ['sys_admin'] } }, '/asks/capabilities/0'],
  [{ asks: { capabilities: ['NET_RAW'] } }, '/asks/capabilities/0'],
  [{ asks: { mounts: ['/'] } }, '/asks/mounts'],
  [{ asks: { publish: ['alert.>'] } }, '/asks/publish/0'],
  [{ asks: { publish: ['*'] } }, '/asks/publish/0'],
  [{ asks: { publish: ['a.b.c.d.e'] } }, '/asks/publish/0'],
  [{ asks: { accept: ['$JS.API'] } }, '/asks/accept/0'],
  [{ asks: { interfaces: [{ name: 'mon0', kind: 'host' }] } }, '/asks/interfaces/0/kind'],
  [{ asks: { interfaces: [{ name: '../mon', kind: 'mirror' }] } }, '/asks/interfaces/0/name'],
])('refuses %j at %s', (change, pointer) => {
  expect(faultAt({ ...manifest, ...change })).toBe(pointer);
});

test('no capability that reaches beyond the own namespaces can be asked for', () => {
  for (const capability of [
    'sys_admin',
    'sys_module',
    'sys_ptrace',
    'sys_rawio',
    'dac_override',
    'mknod',
    'bpf',
  ]) {
    expect(faultAt({ ...manifest, asks: { capabilities: [capability] } })).toBe('/asks/capabilities/0');
  }
});

test('a filter is everything, or a few ports', () => {
  const accepts = (value: unknown) => MirrorFilterSchema.safeParse(value).success;
  expect(['all', { ports: [53] }, { ports: [1, 65_535] }].map(accepts)).toEqual([true, true, true]);
  expect(
    [
      'none',
      { ports: [] },
      { ports: [0] },
      { ports: [65_536] },
      { ports: [53.5] },
      { ports: ['53'] },
      {},
    ].some(accepts),
  ).toBe(false);
  expect(accepts({ ports: Array.from({ length: 17 }, (_, n) => n + 1) })).toBe(false);
});
