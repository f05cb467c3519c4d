import { constants } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { run, waitFor } from '@bulkhead/platform/kernel';
import { SuricataBench } from '../../integration/suricata/bench.ts';
import { checkFrame, dnsQueries, writeCapture } from '../../integration/suricata/frames.ts';

let bench: SuricataBench;

beforeAll(async () => {
  bench = await SuricataBench.open('b75a');
});
afterAll(async () => {
  await bench.close();
});
afterEach(async () => {
  bench.tunnel.open();
  await bench.stop();
});

const HEAD = '{"timestamp":"2026-01-01T00:00:00.000000+0000","flow_id":1,"in_iface":"mon0",';

/** Writes into the pipe what a taken-over Suricata could. */
async function inject(...parts: (string | Buffer)[]): Promise<void> {
  const pipe = join(bench.root, 'var/lib/instrument/transient/run/eve.pipe');
  const file = await open(pipe, constants.O_WRONLY);
  for (const part of parts) await file.writeFile(part);
  await file.close();
}

test('hostile lines of EVE are dropped, counted and said; the rest goes on', async () => {
  await bench.start();
  await inject(
    `${HEAD}"event_type":"dns","dns":{"rrname":"${'x'.repeat(2_000_000)}"}}\n`,
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    Buffer.from([0, 255, 254, 10, 10, 10]),
    `${HEAD}"event_type":"control.suricata.stop"}\n`,
    `${HEAD}"event_type":"dns","dns":{"rrname":"cut o\n`,
    `${HEAD}"event_type":"drop","x":1}\n`,
    `${HEAD}"event_type":"dns","dns":{"rrname":"after-the-storm.example"}}\n`,
  );
  const health = await bench.until('the good line', ({ counters }) => (counters['eve.published'] ?? 0) > 0);
  expect(health.counters).toMatchObject({ 'eve.oversize': 1, 'eve.refused': 1, 'eve.malformed': 6 });
  expect(health.state).toBe('degraded');
  expect(health.detail).toMatch(/longer than an event may be.*not a record.*not granted/);
  const nonce = 'a'.repeat(32);
  await bench.replay(await writeCapture(bench.folder, 'after', [checkFrame(nonce)]));
  await bench.until('the check', ({ counters }) => counters['eve.checks'] === 1);
  const events = await bench.events();
  expect(JSON.stringify(events)).toContain('after-the-storm.example');
  expect(events.every((event) => ['dns', 'check', 'stats', 'flow'].includes(event.type))).toBe(true);
});

test('a type that the operator did not grant is not published', async () => {
  const before = (await bench.events()).length;
  await bench.start({}, ['alert', 'check', 'flow']);
  await bench.replay(await writeCapture(bench.folder, 'few', dnsQueries(20)));
  await bench.until('the refusals', ({ counters }) => (counters['eve.refused'] ?? 0) >= 20);
  await bench.stop();
  const types = new Set((await bench.events()).slice(before).map((event) => event.type));
  expect(types).toEqual(new Set(['flow']));
});

test('the taken-over engine reads neither the bus key nor what persists', async () => {
  await bench.start();
  const pid = await bench.suricataPid();
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  expect(status).toMatch(/^Uid:\s+1000\s+1000\s+1000\s+1000$/m);
  expect(status).toMatch(/^CapEff:\s+0000000000002000$/m); // CAP_NET_RAW
  expect(status).toMatch(/^CapBnd:\s+0000000000002000$/m);
  expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  // The same user may read both; only Landlock stands between. Suricata itself is made to try, by its own reload.
  const config = join(bench.root, 'var/lib/instrument/transient/config/suricata.yaml');
  const text = await readFile(config, 'utf8');
  const files = ['/run/bulkhead/bus.nk', '/var/lib/instrument/persistent/last-good-ruleset.json'];
  await writeFile(config, text.replace(/^rule-files: .*$/m, `rule-files: ${JSON.stringify(files)}`));
  const ask = `
    const socket = require('node:net').connect(process.argv[1]);
    socket.on('data', (part) => {
      if (String(part).includes('done')) process.exit(0);
      socket.write('{"command":"ruleset-reload-rules","arguments":{}}\\n');
    });
    socket.write('{"version":"0.2"}\\n');
  `;
  await run(process.execPath, ['-e', ask, join(bench.root, 'var/lib/instrument/transient/run/command.sock')]);
  await waitFor('both refusals', 10_000, () =>
    files.every((file) =>
      bench.log.some((line) => /Permission denied/.test(line) && line.includes(file.split('/').at(-1) ?? '')),
    ),
  );
  // And a Suricata without rules is not taken for a healthy one.
  await bench.until(
    'the alarm',
    ({ state, detail }) => state === 'failed' && /0 of \d+ rules/.test(detail ?? ''),
  );
});

test('a bus that is away for a while costs no event', async () => {
  const before = (await bench.events()).filter((event) => event.type === 'dns').length;
  await bench.start();
  bench.tunnel.cut();
  await bench.replay(await writeCapture(bench.folder, 'away', dnsQueries(5000)), '--topspeed');
  await new Promise((done) => setTimeout(done, 3_000));
  bench.tunnel.open();
  await bench.until('all to be stored', ({ counters }) => (counters['eve.published'] ?? 0) >= 5000);
  const dns = (await bench.events()).filter((event) => event.type === 'dns').length;
  expect(dns - before).toBe(5000);
});

test('a bus that is stuck sheds and counts; alerts are kept, and Suricata goes on', async () => {
  const seen = async (type: string) => (await bench.events()).filter((event) => event.type === type).length;
  const before = { dns: await seen('dns'), check: await seen('check') };
  await bench.start();
  bench.tunnel.cut();
  await bench.replay(await writeCapture(bench.folder, 'flood', dnsQueries(120_000)), '--topspeed');
  await waitFor('shedding', 30_000, () => bench.log.some((line) => line.includes('The bus takes no events')));
  const nonces = Array.from({ length: 20 }, (_, index) => index.toString(16).padStart(32, '0'));
  await bench.replay(await writeCapture(bench.folder, 'checks', nonces.map(checkFrame)));
  await new Promise((done) => setTimeout(done, 1_000));
  bench.tunnel.open();
  const { counters } = await bench.until(
    'everything to be stored or shed',
    (health) => health.counters['bus.waiting'] === 0 && (health.counters['eve.checks'] ?? 0) >= 20,
    90_000,
  );
  expect(counters['eve.shed']).toBeGreaterThan(0);
  expect(counters['eve.lost']).toBe(0);
  expect((await seen('check')) - before.check).toBe(20);
  const count = (name: string) => counters[`eve.${name}`] ?? 0;
  expect(count('lines')).toBe(count('published') + count('shed') + count('check_flows'));
  expect((await seen('dns')) - before.dns).toBeLessThanOrEqual(count('published'));
});
