import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { devicesTowards, refuseCutOff, refuseFiles } from '../../../platform/fleet-link/cut-off.ts';
import { claimsOf } from '../../../platform/sensord/fleet-feature.ts';

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

test('a fleet names no file of a sensor that the sensor did not name itself, and gives none to another instrument', () => {
  const of = (instrument: string, path: string) =>
    claimsOf(
      `version: 1\nsensor: { name: lab }\ninstruments: [{ name: ${instrument}, package: p, resources: { a.rules: ${path} } }]\n`,
    );
  const present = of('suricata', '/srv/a.rules');
  expect(present.files).toEqual(['/srv/a.rules for suricata']);
  expect(() => refuseFiles(of('suricata', '/srv/a.rules'), present)).not.toThrow();
  for (const next of [of('suricata', '/etc/shadow'), of('recorder', '/srv/a.rules')]) {
    expect(() => refuseFiles(next, present)).toThrow(
      /names a file of the sensor that it did not name before/,
    );
  }
  expect(() => refuseFiles(present, undefined)).toThrow(/srv/);
  const metrics =
    'version: 1\nsensor: { name: lab }\nmetrics: { listen: "127.0.0.1:9", tokenFile: /etc/shadow }\n';
  expect(claimsOf(metrics).files).toEqual(['/etc/shadow for metrics']);
});
