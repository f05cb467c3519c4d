import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FeedAlarmKind, LedgerReport, MonitorStatus } from '@bulkhead/platform/contracts';
import { openLog, run, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { loadPackage } from '@bulkhead/platform/packages';
import { ATTACKS, openLab, removeLab, type AttackName, type Lab } from '@bulkhead/scripts/lab';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { labConfig } from '../../scripts/src/start/lab-config.ts';
import { startTestSensor, testSite, type TestSensor } from '../support/sensor.ts';

const PREFIX = 'b75';
const BULKHEAD = fileURLToPath(new URL('../../build/bulkhead.mjs', import.meta.url));
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
let config: ReturnType<typeof labConfig>;
const people = new AbortController();

beforeAll(async () => {
  const site = testSite(PREFIX);
  lab = await openLab({ site, log: openLog('test', 'error') });
  const packages = await Promise.all(
    (await readdir(APPS)).sort().map((name) => loadPackage(join(APPS, name))),
  );
  const manifests = packages.map(({ manifest }) => manifest);
  config = labConfig('attacks', lab.monitorDevice, manifests);
  started = await startTestSensor(PREFIX, config);
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

test('the ledger follows every packet and every event from the NIC to the stream, and balances', async () => {
  const report = await waitFor('the tool to have counted', 60_000, async () => {
    const { lines, ...rest } = (await sensor.client.get('/ledger')) as LedgerReport;
    const counted = (stage: string) => (lines.find((line) => line.stage === stage)?.out ?? 0) > 20;
    return counted('tool') && counted('publish') ? { ...rest, lines } : undefined;
  });
  const stages = report.lines.map(({ stage, name }) => `${stage} ${name}`);
  expect(stages).toEqual(
    expect.arrayContaining([
      ...['nic mon', 'guard mon', 'capture-link mon', 'capture-engine mon', 'fan-out mon'],
      ...['mirror-port suricata/mon0', 'tool suricata', 'publish suricata', 'bus suricata'],
      ...['stream suricata', 'stream platform'],
    ]),
  );
  const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, n) => sum + n, 0);
  for (const line of report.lines) {
    expect(line.out + total(line.held) + total(line.lost) + line.unaccounted).toBe(line.in);
  }
  // Packets are asked for where nothing else runs (network/loss, network/path); a busy machine may hold one up here.
  const lost = report.lines.filter(({ stage }) => ['publish', 'bus', 'store'].includes(stage));
  expect(lost.map((line) => line.lost)).toEqual(lost.map(() => ({})));
  const { status } = await bulkhead('ledger', '--monitor', 'nowhere');
  expect(status).toBe(4);
  const { text } = await bulkhead('ledger', '--last', '1h', '--monitor', 'mon');
  expect(text).toMatch(/mirror-port +suricata\/mon0/);
  expect(text).not.toContain('publish');
});

test('ABUSE 117: half of the SPAN, then all of it is lost: the feed alarm says so, though the detection check is green', async () => {
  const [first] = config.monitorInterfaces;
  await sensor.configure({
    ...config,
    monitorInterfaces: [{ ...first, feed: { silenceS: 10 } }],
    instruments: config.instruments.map((one) =>
      one.package === 'capture-engine' ? { ...one, options: { feedWindowS: 9 } } : one,
    ),
    detectionCheck: { intervalS: 5, timeoutS: 4 },
  });
  await sensor.client.reload();
  const healthy = await waitFor('conversations to be observed', 120_000, async () => {
    const status = await monitor();
    return status.feed?.oneSidedPercent === undefined ? undefined : status;
  });
  expect(healthy.feed).toMatchObject({ alarms: [], vlans: [] });

  // The switch keeps the lab's frames; only what its SPAN port copies changes.
  await mirror('p-server', false);
  const half = await alarm('one-sided', true);
  expect(half.feed?.alarms.map(({ text }) => text).join()).toMatch(/in one direction only.*SPAN/);
  await checkPassesAgain();
  const { attention } = await sensor.status();
  expect(attention.join()).toContain('in one direction only');

  for (const port of ['p-client', 'p-outside']) await mirror(port, false);
  await alarm('silence', true);
  await checkPassesAgain();
  const told = await sensor.stored({ instrument: 'platform', type: 'feed.alarm' });
  expect(told.map(({ record }) => record['kind'])).toEqual(expect.arrayContaining(['one-sided', 'silence']));

  for (const port of ['p-server', 'p-client', 'p-outside']) await mirror(port, true);
  await alarm('silence', false);
  await alarm('one-sided', false);
});

/** Whether the SPAN port copies the frames that enter the switch at a port. */
async function mirror(port: string, on: boolean): Promise<void> {
  const tc = (...args: string[]) => run('tc', ['-netns', `${PREFIX}-lab-switch`, 'filter', ...args]);
  if (on) {
    const match = `add dev ${port} ingress protocol all pref 1 u32 match u32 0 0`.split(' ');
    await tc(...match, 'action', 'mirred', 'egress', 'mirror', 'dev', 'span0');
  } else await tc('del', 'dev', port, 'ingress');
}

async function monitor(): Promise<MonitorStatus> {
  const [status] = (await sensor.status()).monitors;
  if (status === undefined) throw new Error('no monitor interface');
  return status;
}

async function alarm(kind: FeedAlarmKind, stands: boolean): Promise<MonitorStatus> {
  const what = `the alarm ${kind} to ${stands ? 'stand' : 'end'}`;
  return waitFor(
    what,
    90_000,
    async () => {
      const status = await monitor();
      return status.feed?.alarms.some((one) => one.kind === kind) === stands ? status : undefined;
    },
    { intervalMs: 500 },
  );
}

async function checkPassesAgain(): Promise<void> {
  const since = new Date().toISOString();
  await waitFor(
    'another detection check',
    60_000,
    async () => {
      const { check } = await monitor();
      return check.state === 'ok' && (check.lastOk ?? '') > since;
    },
    { intervalMs: 500 },
  );
}

async function bulkhead(...args: string[]): Promise<{ status: number; text: string }> {
  const socket = sitePaths(sensor.site).sensordSocket;
  const { exitCode, stdout } = await run(process.execPath, [BULKHEAD, '--socket', socket, ...args], {
    allowFailure: true,
  });
  return { status: exitCode, text: stdout };
}
