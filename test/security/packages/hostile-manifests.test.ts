import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadPackage, parseManifest } from '@bulkhead/platform/packages';

const GOOD = `
apiVersion: bulkhead/1
name: probe
version: 1.0.0
title: Probe
description: A probe.
image: base
command: [/usr/bin/node, /opt/instrument/main.mjs]
asks: {}
volume: { sizeMib: 64 }
limits: { memoryMib: 64, cpuCores: 1, processes: 32, openFiles: 256 }
`;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-manifests-'));
});
afterAll(async () => rm(dir, { recursive: true, force: true }));

test('a manifest without anything unusual is accepted', () => {
  expect(parseManifest(GOOD, 'x')).toMatchObject({ name: 'probe', asks: { publish: [] } });
});

describe('ABUSE 70: a hostile manifest is refused with its place', () => {
  const cases: [string, string, Record<string, unknown>][] = [
    ['__proto__ at the top', `${GOOD}__proto__: { admin: true }\n`, { pointer: '/__proto__' }],
    [
      '__proto__ below',
      GOOD.replace('asks: {}', 'asks: { __proto__: { publish: [alert] } }'),
      { pointer: '/asks/__proto__' },
    ],
    ['quoted __proto__', `${GOOD}"__proto__": 1\n`, { pointer: '/__proto__' }],
    ['constructor', `${GOOD}constructor: { prototype: 1 }\n`, { pointer: '/constructor' }],
    ['an unknown key', `${GOOD}privileged: true\n`, { pointer: '/privileged' }],
    ['a key twice', `${GOOD}name: other\n`, { line: 12 }],
    ['an alias', GOOD.replace('title: Probe', 'title: &a Probe').replace('A probe.', '*a'), {}],
    ['a merge key', `${GOOD}<<: { privileged: true }\n`, { pointer: '/<<' }],
    ['a tag', GOOD.replace('title: Probe', 'title: !!js/function "x"'), {}],
    ['a complex key', `${GOOD}? [a, b]\n: c\n`, {}],
    ['a name with a Cyrillic letter', GOOD.replace('name: probe', 'name: prоbe'), { pointer: '/name' }],
    [
      'a name with an invisible character',
      GOOD.replace('name: probe', 'name: "probe\\u200b"'),
      { pointer: '/name' },
    ],
    ['a name with a path', GOOD.replace('name: probe', 'name: ../probe'), { pointer: '/name' }],
    [
      'a line break in an argument',
      GOOD.replace('[/usr/bin/node', '[/usr/bin/node, "a\\nuid=0"'),
      { pointer: '/command/1' },
    ],
    ['a relative program', GOOD.replace('/usr/bin/node', 'node'), { pointer: '/command/0' }],
    [
      'a capability that none may have',
      GOOD.replace('asks: {}', 'asks: { capabilities: [sys_admin] }'),
      {
        pointer: '/asks/capabilities/0',
      },
    ],
    [
      'an interface twice',
      GOOD.replace(
        'asks: {}',
        'asks: { interfaces: [{name: mon0, kind: mirror}, {name: mon0, kind: mirror}] }',
      ),
      {
        pointer: '/asks/interfaces/1',
      },
    ],
    ['brackets without end', `${GOOD}x: ${'['.repeat(100_000)}`, {}],
    ['sequences without end', `${GOOD}x:\n  ${'- '.repeat(50_000)}a\n`, {}],
    ['not YAML', 'a: b: c: [', {}],
    ['nothing', '', { pointer: '/' }],
  ];
  test.each(cases)('ABUSE 70: %s', (_what, text, fields) => {
    const started = performance.now();
    let thrown: unknown;
    try {
      parseManifest(text, 'instrument.yaml');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'PACKAGES_MANIFEST_INVALID', fields });
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });

  test('ABUSE 70: entities that grow (a billion laughs)', () => {
    const laughs = Array.from(
      { length: 20 },
      (_, n) => `l${String(n + 1)}: &l${String(n + 1)} [*l${String(n)}, *l${String(n)}]`,
    );
    const text = `l0: &l0 ha\n${laughs.join('\n')}\n`;
    expect(() => parseManifest(text, 'x')).toThrow(
      expect.objectContaining({ code: 'PACKAGES_MANIFEST_INVALID' }) as Error,
    );
  });

  test('ABUSE 70: 100 MB of JSON, and a device in its place, are not even read', async () => {
    const large = join(dir, 'large');
    await mkdir(large);
    await writeFile(join(large, 'instrument.yaml'), '{"name":"');
    await truncate(join(large, 'instrument.yaml'), 100 * 1024 ** 2);
    await expect(loadPackage(large)).rejects.toMatchObject({ code: 'PACKAGES_MANIFEST_TOO_LARGE' });
    const device = join(dir, 'device');
    await mkdir(device);
    await symlink('/dev/zero', join(device, 'instrument.yaml'));
    await expect(loadPackage(device)).rejects.toMatchObject({ code: 'PACKAGES_MANIFEST_UNREADABLE' });
  });

  test('ABUSE 70: a manifest that is not UTF-8', async () => {
    const at = join(dir, 'latin');
    await mkdir(at);
    await writeFile(
      join(at, 'instrument.yaml'),
      Buffer.concat([Buffer.from(GOOD), Buffer.from([0x23, 0xe4, 0x0a])]),
    );
    await expect(loadPackage(at)).rejects.toMatchObject({ code: 'PACKAGES_MANIFEST_UNREADABLE' });
  });
});
