import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLog } from '@bulkhead/platform/kernel';
import { loadPackage } from '@bulkhead/platform/packages';
import { ATTACKS, openLab, removeLab, type AttackName, type Lab } from '@bulkhead/scripts/lab';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { labConfig } from '../../scripts/src/start/lab-config.ts';
import { startTestSensor, testSite, type TestSensor } from '../support/sensor.ts';

const PREFIX = 'b75';
const APPS = fileURLToPath(new URL('../../build/apps', import.meta.url));

/** Signature that each attack must raise (instruments/suricata/files/rules/starter.rules), and at which address of the lab. */
const SIGNATURES: Record<AttackName, { id: number; address: string }> = {
  'port-scan': { id: 2_900_001, address: '203.0.113.66' },
  'path-traversal': { id: 2_900_010, address: '203.0.113.66' },
  'path-traversal-ipv6': { id: 2_900_010, address: '2001:0db8:0066:0000:0000:0000:0000:0066' },
  'sql-injection': { id: 2_900_011, address: '203.0.113.66' },
  log4shell: { id: 2_900_012, address: '203.0.113.66' },
  shellshock: { id: 2_900_015, address: '203.0.113.66' },
  'web-shell': { id: 2_900_016, address: '203.0.113.66' },
  'reverse-shell': { id: 2_900_030, address: '10.66.0.10' },
  'ssh-brute-force': { id: 2_900_040, address: '203.0.113.66' },
  'telnet-login': { id: 2_900_041, address: '203.0.113.66' },
  'cleartext-credentials': { id: 2_900_043, address: '10.66.0.104' },
  'dns-tunnel': { id: 2_900_050, address: '10.66.0.104' },
  'dns-dga': { id: 2_900_051, address: '10.66.0.104' },
  'dns-bad-name': { id: 2_900_052, address: '10.66.0.104' },
  'tls-bad-sni': { id: 2_900_053, address: '10.66.0.104' },
  'eicar-download': { id: 2_900_055, address: '10.66.0.104' },
};

let started: TestSensor | undefined;
let sensor: TestSensor;
let lab: Lab;
const people = new AbortController();

beforeAll(async () => {
  const site = testSite(PREFIX);
  lab = await openLab({ site, log: openLog('test', 'error') });
  const packages = await Promise.all(
    (await readdir(APPS)).sort().map((name) => loadPackage(join(APPS, name))),
  );
  const manifests = packages.map(({ manifest }) => manifest);
  started = await startTestSensor(PREFIX, labConfig('attacks', lab.monitorDevice, manifests));
  sensor = started;
  await sensor.healthy();
  lab.startClients(people.signal);
});

afterAll(async () => {
  people.abort();
  await started?.remove();
  await removeLab(testSite(PREFIX));
});

test.each(ATTACKS.map((attack) => attack.kind))('attack %s becomes a durable alert', async (kind) => {
  await lab.attack(kind);
  const { id, address } = SIGNATURES[kind];
  const alert = await sensor.event(
    `alert ${String(id)} of ${address}`,
    { instrument: 'suricata', type: 'alert' },
    ({ record }) =>
      (record['alert'] as { signature_id?: number } | undefined)?.signature_id === id &&
      (record['src_ip'] === address || record['dest_ip'] === address),
    30_000,
  );
  expect(alert.type).toBe('alert');
});

test('people who only work raise no alert', async () => {
  const alerts = await sensor.stored({ instrument: 'suricata', type: 'alert' });
  const innocent = alerts.filter(({ record }) =>
    [record['src_ip'], record['dest_ip']].some((address) => /^10\.66\.0\.10[123]$/.test(String(address))),
  );
  expect(innocent.map(({ record }) => record['alert'])).toEqual([]);
  expect((await lab.stats()).clients['failures']).toBe(0);
});
