import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '@bulkhead/fleet-server/fleetd';
import { FLEETD_VERSION } from '../../../fleet-ui/server/fleetd/version.ts';
import { ROOT } from '../house/repository.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const unit = read('scripts/src/package/files/bulkhead-fleet.service').replaceAll(/^#.*$/gm, '');

test('fleetd says the version that its package has', () => {
  const { version } = JSON.parse(read('fleet-ui/server/package.json')) as { version: string };
  expect(FLEETD_VERSION).toBe(version);
});

test('the configuration as installed is valid, and keeps its state where the unit puts it', () => {
  const config = parseConfig(
    parse(read('scripts/src/package/files/fleet.yaml')),
    '/run/credentials/bulkhead-fleet.service',
  );
  expect(config.web.plainHttp).toBe(false);
  expect(config.stateDir).toBe(`/var/lib/${/^StateDirectory=(.*)$/m.exec(unit)?.[1] ?? ''}`);
});

test('the unit runs fleetd as a user of its own without any capability, and hides from it what is not its', () => {
  for (const setting of [
    'DynamicUser=yes',
    'NoNewPrivileges=yes',
    'CapabilityBoundingSet=',
    'ProtectSystem=strict',
    'ProtectHome=yes',
    'PrivateDevices=yes',
    'ProtectProc=invisible',
    'RestrictNamespaces=yes',
    'SystemCallFilter=@system-service',
    'StateDirectoryMode=0700',
    'UMask=0077',
    'LimitCORE=0',
  ]) {
    expect(unit).toContain(`\n${setting}\n`);
  }
  expect(unit).not.toMatch(/--allow-root|^User=root/m);
});
