import { readFileSync } from 'node:fs';
import { site } from '@bulkhead/platform/kernel';
import { ATTACKS, labLayout } from '@bulkhead/scripts/lab';
import { expect, test } from 'vitest';

const readme = readFileSync(new URL('../../../scripts/src/lab/README.md', import.meta.url), 'utf8');

test('the README says of every attack, and of no other, what is on the wire', () => {
  const described = [...readme.matchAll(/^\| `([a-z0-9-]+)` +\| [AIS]/gm)].map((match) => match[1]);
  expect(described).toEqual(ATTACKS.map((attack) => attack.kind));
});

test('labs of two sites share no name, and names fit the kernel', () => {
  const names = ['bh', 'b7zz'].map((prefix) => {
    const layout = labLayout(site({ prefix }));
    return [
      layout.switchNamespace,
      layout.monitorDevice,
      layout.dir,
      ...layout.hosts.map((host) => host.namespace),
    ];
  });
  expect(new Set(names.flat()).size).toBe(names.flat().length);
  for (const prefix of ['bh', 'b7zz']) {
    expect(labLayout(site({ prefix })).monitorDevice.length).toBeLessThanOrEqual(15);
  }
});

test('every address is private or set aside for documentation', () => {
  for (const host of labLayout(site()).hosts) {
    for (const address of host.addresses)
      expect(address).toMatch(/^(10\.66\.0\.|203\.0\.113\.|fd66:|2001:db8:)/);
  }
});
