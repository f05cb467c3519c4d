import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ManifestSchema } from '@bulkhead/platform/contracts';
import { parseSensorConfig } from '@bulkhead/platform/sensord';
import { commandsOf } from '../../support/readme.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const FILES = join(ROOT, 'scripts/src/package/files');
const read = (name: string) => readFileSync(join(FILES, name), 'utf8');
const settings = (name: string) => read(name).replaceAll(/^#.*$/gm, '');

const manifests = new Map(
  readdirSync(join(ROOT, 'instruments'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      try {
        const text = readFileSync(join(ROOT, 'instruments', name, 'instrument.yaml'), 'utf8');
        return [[name, ManifestSchema.parse(parse(text))] as const];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    }),
);

test('the configuration as installed is valid and watches nothing', () => {
  const config = parseSensorConfig(read('sensor.yaml'), 'sensor.yaml');
  expect(config).toMatchObject({ monitorInterfaces: [], instruments: [] });
});

test('the example runs every instrument that is shipped, with all that it asks for and no more', () => {
  const config = parseSensorConfig(read('sensor.example.yaml'), 'sensor.example.yaml');
  expect(config.instruments.map(({ package: name }) => name).sort()).toEqual([...manifests.keys()].sort());
  for (const { name, package: from, grants, interfaces, active, enabled } of config.instruments) {
    const asks = manifests.get(from)?.asks;
    expect(grants, name).toMatchObject({
      capabilities: asks?.capabilities,
      publish: asks?.publish,
      read: asks?.read,
      send: asks?.send,
      deliver: asks?.deliver,
      fetch: asks?.fetch,
      ui: asks?.ui !== undefined,
    });
    const ports = [...Object.keys(interfaces), ...Object.keys(active)];
    // A network card to send through is the operator's to choose; without one such an instrument is not run.
    const wired = asks?.interfaces.filter(({ kind }) => enabled || kind !== 'active');
    expect(ports, name).toEqual(wired?.map((port) => port.name));
  }
});

test('the unit of sensord gives it no mount namespace of its own, in which volumes would be hidden from LXD', () => {
  const unit = settings('bulkhead-sensord.service');
  // systemd.exec(5): settings that imply one.
  const implied =
    /^(Protect(System|Home|Proc|KernelTunables|KernelModules|KernelLogs|ControlGroups|Clock|Hostname)|Private(Tmp|Devices|Mounts|Network|IPC|Users)|ReadOnlyPaths|ReadWritePaths|InaccessiblePaths|ExecPaths|NoExecPaths|BindPaths|BindReadOnlyPaths|TemporaryFileSystem|RootDirectory|RootImage|MountFlags|MountAPIVFS|ProcSubset|DynamicUser|LogNamespace)=/m;
  expect(unit).not.toMatch(implied);
});

test('a restart of sensord ends nothing but itself, and the sensor as a whole is taken down in order', () => {
  expect(settings('bulkhead-sensord.service')).toMatch(/^KillMode=process$/m);
  expect(settings('bulkhead-sensord.service')).toMatch(/^Requires=bulkhead\.service$/m);
  const whole = settings('bulkhead.service');
  expect(whole).toMatch(/^ExecStop=\/usr\/lib\/bulkhead\/bin\/sensord --take-down /m);
  expect(whole).toMatch(/^After=.*\blxd\.service\b.*\blxd-containers\.service\b/m);
});

test('sensord is hardened as far as its work allows', () => {
  const unit = settings('bulkhead-sensord.service');
  for (const setting of [
    'NoNewPrivileges=yes',
    'RestrictRealtime=yes',
    'LockPersonality=yes',
    'LimitCORE=0',
  ]) {
    expect(unit).toContain(`\n${setting}\n`);
  }
  const capabilities = /^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1] ?? '';
  expect(capabilities.split(' ')).toContain('CAP_NET_ADMIN');
  expect(capabilities).not.toMatch(/CAP_SYS_(MODULE|BOOT|TIME|RAWIO)|CAP_MAC_|CAP_AUDIT|CAP_SYSLOG|~/);
});

test('the chapters that a test follows have commands, and leave open only what it fills in', async () => {
  for (const [chapter, blocks] of [
    ['Install', 3],
    ['Sizing', 1],
    ['Backup', 2],
    ['Upgrade', 1],
    ['Uninstall', 2],
  ] as const) {
    const commands = await commandsOf(chapter);
    expect(commands, chapter).toHaveLength(blocks);
    const open = commands.join('').match(/<[^<>\n]+>/g) ?? [];
    expect(open.filter((name) => name !== '<version>' && name !== '<interface>')).toEqual([]);
  }
});
