import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DataReport, Found, Hold, PurgeOutcome, SignedReport } from '@bulkhead/platform/data';
import { run, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { startLabSensor, type LabSensor } from '../support/lab-sensor.ts';

const BULKHEAD = fileURLToPath(new URL('../../build/bulkhead.mjs', import.meta.url));

let world: LabSensor;
let dir: string;
/** Source of an alert in the lab. */
let address: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'data-report-'));
  world = await startLabSensor('b9d');
  address = await waitFor(
    'an alert',
    120_000,
    async () => {
      await world.lab.attack('path-traversal');
      const [alert] = await world.sensor.stored({ type: 'alert' });
      return alert?.record['src_ip'] as string | undefined;
    },
    { intervalMs: 1_000 },
  );
  await waitFor('the alert in the event store', 60_000, async () => {
    const { matches } = (await world.sensor.client.get('/data/find', { subject: address })) as Found;
    return matches.some(({ copy, records }) => copy === 'event-store' && records > 0);
  });
}, 360_000);

afterAll(async () => {
  await world.remove();
  await rm(dir, { recursive: true, force: true });
}, 120_000);

async function bulkhead(...args: string[]): Promise<{ code: number; out: string }> {
  const socket = sitePaths(world.sensor.site).sensordSocket;
  const done = await run(process.execPath, [BULKHEAD, '--socket', socket, ...args], {
    allowFailure: true,
    timeoutMs: 150_000,
  });
  return { code: done.exitCode, out: done.stdout + done.stderr };
}

test('the data report of a running sensor has every copy, is signed, and is checked without a sensor', async () => {
  const file = join(dir, 'report.json');
  const written = await bulkhead('--json', 'data', 'report', '--output', file);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const { report } = JSON.parse(await readFile(file, 'utf8')) as SignedReport<DataReport>;
  expect(report.attention, written.out).toEqual([]);
  expect(written.code).toBe(0);
  const copies = new Map(report.copies.map((copy) => [copy.copy, copy]));
  expect([...copies.keys()]).toEqual(
    expect.arrayContaining([
      'event-store',
      'event-store/alert',
      'instrument/passive-dns/dns-records',
      'stream/suricata',
      'stream/platform',
      'volume/suricata',
      'volume/capture-engine',
      'instrument/suricata/last-good-ruleset',
      'log/sensord',
      'journal/data',
      'journal/configuration',
    ]),
  );
  expect(copies.get('stream/suricata')?.age?.basis).toBe('measured');
  expect(copies.get('volume/suricata')).toMatchObject({ findings: [], declared: { records: 1 } });
  expect(report.unanswered).toEqual([]);

  const { publicKey } = JSON.parse((await bulkhead('--json', 'data', 'key')).out) as { publicKey: string };
  const verified = await run(process.execPath, [BULKHEAD, 'data', 'verify', file, '--key', publicKey], {});
  expect(verified.stdout).toMatch(/whole and signed: sensor lab/);
  await writeFile(file, (await readFile(file, 'utf8')).replace('"sensor":"lab"', '"sensor":"bal"'));
  expect(await bulkhead('data', 'verify', file)).toMatchObject({
    code: 1,
    out: expect.stringContaining('DATA_REPORT_FORGED') as string,
  });
  expect((await bulkhead('data', 'report')).out).toMatch(/STREAMS OF THE BUS[\s\S]*policy: [\s\S]*goes to: /);
});

test('find, hold and purge reach what a running sensor keeps; a hold outlives sensord', async () => {
  const found = JSON.parse((await bulkhead('--json', 'data', 'find', address)).out) as Found;
  const inStream = found.matches.find(({ copy }) => copy === 'stream/suricata');
  expect(inStream).toMatchObject({ basis: 'measured', complete: true });
  expect(inStream?.records).toBeGreaterThan(0);

  expect((await bulkhead('data', 'hold', address, '--reason', 'evidence')).code).toBe(0);
  expect(await bulkhead('data', 'purge', address, '--reason', 'asked')).toMatchObject({
    code: 2,
    out: expect.stringContaining('--yes') as string,
  });
  await world.sensor.endSensord('SIGKILL');
  await world.sensor.startSensord();
  await world.sensor.healthy();
  const holds = JSON.parse((await bulkhead('--json', 'data', 'holds')).out) as Hold[];
  expect(holds).toMatchObject([{ subject: { address }, reason: 'evidence' }]);
  expect(await bulkhead('data', 'purge', address, '--reason', 'asked', '--yes')).toMatchObject({
    code: 1,
    out: expect.stringContaining('DATA_HELD') as string,
  });

  expect((await bulkhead('data', 'hold', address, '--release', '--reason', 'over')).code).toBe(0);
  expect((await bulkhead('data', 'hold', address, '--release', '--reason', 'over')).code).toBe(4);
  const purged = await bulkhead('--json', 'data', 'purge', address, '--reason', 'asked', '--yes');
  const outcome = JSON.parse(purged.out) as PurgeOutcome;
  expect(outcome, purged.out).toMatchObject({ finished: true, waiting: [] });
  expect(outcome.results.find(({ copy }) => copy === 'event-store')?.deleted).toBeGreaterThan(0);
  expect(outcome.results).toContainEqual(
    expect.objectContaining({
      copy: 'stream/suricata',
      deleted: 0,
      note: expect.stringMatching(/records stay/) as string,
    }),
  );
  expect((await bulkhead('data', 'purges')).out).toBe('no deletion is unfinished\n');
  expect(await bulkhead('data', 'find', 'a b')).toMatchObject({ code: 1 });
});
