import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StoredEvent } from '@bulkhead/platform/contracts';
import { run, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { buildFileInstruments, FEED_URL } from '../support/file-instruments.ts';
import { startTestSensor, type TestSensor } from '../support/sensor.ts';

const BULKHEAD = fileURLToPath(new URL('../../build/bulkhead.mjs', import.meta.url));
const digest = (content: string) => createHash('sha256').update(content).digest('hex');

/** What is expected of a step of the courier's plan. */
interface Outcome {
  id: string;
  ok: boolean;
  code?: string;
  result?: Record<string, unknown>;
}

const CONFIG = {
  version: 1,
  sensor: { name: 'lab' },
  instruments: [
    {
      name: 'courier',
      package: 'courier',
      grants: { deliver: [{ to: 'shelf' }], fetch: true, publish: ['result'] },
    },
    { name: 'shelf', package: 'shelf', enabled: true, grants: { publish: ['seen'] } },
  ],
};

let sensor: TestSensor;
let dir: string;
let steps = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bh-deliveries-'));
  await chmod(dir, 0o755);
  await buildFileInstruments(join(dir, 'apps'));
  sensor = await startTestSensor('b7d', CONFIG, join(dir, 'apps'));
  await sensor.healthy();
}, 240_000);

afterAll(async () => {
  await sensor.remove();
  await rm(dir, { recursive: true, force: true });
}, 120_000);

/** The command as an operator runs it. */
async function bulkhead(...args: string[]) {
  const socket = sitePaths(sensor.site).sensordSocket;
  return run(process.execPath, [BULKHEAD, '--socket', socket, ...args], {
    allowFailure: true,
    timeoutMs: 180_000,
  });
}

async function json<T>(...args: string[]): Promise<T> {
  return JSON.parse((await bulkhead('--json', ...args)).stdout) as T;
}

async function imported(name: string, content: string, to: string, ...more: string[]) {
  const file = join(dir, name);
  await writeFile(file, content);
  return bulkhead('resources', 'import', file, '--for', to, '--author', 'ada', ...more);
}

/** Has the courier do something, without waiting for its end. @returns its number */
async function begun(step: Record<string, unknown>): Promise<string> {
  const id = `step-${String((steps += 1))}`;
  const { exitCode, stderr } = await imported('plan.json', JSON.stringify([{ id, ...step }]), 'courier');
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  return id;
}

async function done(step: Record<string, unknown>): Promise<Outcome> {
  const id = await begun(step);
  const event = await sensor.event(
    `the end of ${id}`,
    { instrument: 'courier', type: 'result' },
    ({ record }) => record['id'] === id && record['begun'] !== true,
  );
  return event.record as unknown as Outcome;
}

const deliver = (content: string, as: string, more: Record<string, unknown> = {}) =>
  done({ service: 'deliver', content, to: 'shelf', as, ...more });

/** What the shelf told last of its files, once it fits. */
async function seen(what: string, fits: (files: Record<string, string>) => boolean): Promise<StoredEvent> {
  return waitFor(`the shelf to see ${what}`, 60_000, async () => {
    const last = (await sensor.stored({ instrument: 'shelf', type: 'seen' })).at(-1);
    return last !== undefined && fits(last.record['files'] as Record<string, string>) ? last : undefined;
  });
}

interface Placed {
  as: string;
  from: string;
  by?: string;
  sha256: string;
  bytes: number;
  revoked: boolean;
}
const placed = async () => (await json<{ files: Placed[] }>('resources', 'list', 'shelf')).files;

async function pids(): Promise<Record<string, number | undefined>> {
  return Object.fromEntries((await sensor.status()).instruments.map(({ name, pid }) => [name, pid]));
}

test('a file goes from one instrument to another, which is told, can read it and cannot change it', async () => {
  expect(await deliver('first', 'hello.txt')).toMatchObject({
    ok: true,
    result: {
      as: 'hello.txt',
      bytes: 5,
      sha256: digest('first'),
      changed: true,
      announced: { ok: true, detail: '1 files' },
    },
  });
  const { record } = await seen('the file', (files) => files['hello.txt'] === 'first');
  expect(record['changed']).toBe(0);
  expect(await placed()).toMatchObject([
    { as: 'hello.txt', from: 'courier', sha256: digest('first'), bytes: 5, revoked: false },
  ]);
  const told = await sensor.event(
    'the event of it',
    { type: 'file.delivered' },
    (event) => event.record['to'] === 'shelf',
  );
  expect(told).toMatchObject({
    instrument: 'platform',
    record: { from: 'courier', as: 'hello.txt', sha256: digest('first'), bytes: 5, outcome: 'delivered' },
  });
});

test('what is not granted, or not as it was said, is refused with a code', async () => {
  const to = (name: string) => ({ service: 'deliver', content: 'x', to: name, as: 'x.txt' });
  expect(await done(to('courier'))).toMatchObject({ ok: false, code: 'SENSORD_DELIVERY_NOT_GRANTED' });
  expect(await done(to('nobody'))).toMatchObject({ ok: false, code: 'SENSORD_DELIVERY_NOT_GRANTED' });
  expect(await deliver('x', '../x')).toMatchObject({ ok: false, code: 'SENSORD_REQUEST_INVALID' });
  expect(await deliver('x', 'x.txt', { sha256: digest('y') })).toMatchObject({
    ok: false,
    code: 'STORAGE_FILE_REFUSED',
  });
  expect(await deliver('x', 'x.txt', { bytes: 2 })).toMatchObject({
    ok: false,
    code: 'STORAGE_DELIVERY_MISMATCH',
  });
  expect(await done({ service: 'deliver', content: 'x', download: 'shelf/feed' })).toMatchObject({
    ok: false,
    code: 'SENSORD_DELIVERY_NOT_GRANTED',
  });
  expect((await placed()).map(({ as }) => as)).toEqual(['hello.txt']);
});

test('a person imports a file without any network; it is checked, bounded, recorded and removed', async () => {
  const wrong = await imported('stick.rules', 'rules', 'shelf', '--sha256', digest('other'));
  expect(wrong.exitCode).toBe(1);
  expect(wrong.stderr).toContain('STORAGE_DELIVERY_MISMATCH');
  const good = await imported('stick.rules', 'rules', 'shelf', '--sha256', digest('rules'));
  expect(good.stdout).toContain(`shelf has stick.rules (5 B, SHA-256 ${digest('rules')})`);
  expect(await placed()).toMatchObject([
    { as: 'hello.txt', from: 'courier' },
    { as: 'stick.rules', from: 'operator', by: 'ada', sha256: digest('rules') },
  ]);
  await seen('both', (files) => files['stick.rules'] === 'rules' && 'hello.txt' in files);
  expect(await deliver('mine', 'stick.rules')).toMatchObject({
    ok: false,
    code: 'STORAGE_DELIVERY_NAME_TAKEN',
  });
  expect(await deliver('mine', 'other.txt', { remove: ['stick.rules'] })).toMatchObject({
    ok: false,
    code: 'STORAGE_DELIVERY_FOREIGN',
  });
  expect((await imported('Odd Name', 'x', 'shelf')).exitCode).toBe(2);
  expect((await imported('x', 'x', 'nobody')).exitCode).toBe(4);
  expect((await bulkhead('resources', 'import', '/dev/zero', '--for', 'shelf')).exitCode).toBe(1);
  expect((await bulkhead('resources', 'remove', 'shelf', 'stick.rules')).exitCode).toBe(0);
  expect((await bulkhead('resources', 'remove', 'shelf', 'stick.rules')).exitCode).toBe(4);
  await seen('the first one alone', (files) => Object.keys(files).join() === 'hello.txt');
});

test('files stay over a restart of the sensor and of the receiver, and wait for a receiver that does not run', async () => {
  await sensor.endSensord('SIGTERM');
  await sensor.startSensord();
  await sensor.healthy();
  expect(await placed()).toMatchObject([{ as: 'hello.txt', sha256: digest('first') }]);
  expect(await deliver('second', 'second.txt')).toMatchObject({
    ok: true,
    result: { announced: { ok: true } },
  });

  const without = CONFIG.instruments.map((one) => (one.name === 'shelf' ? { ...one, enabled: false } : one));
  await sensor.configure({ ...CONFIG, instruments: without });
  await sensor.client.reload();
  await waitFor('the shelf to be off', 60_000, async () => (await pids())['shelf'] === undefined);
  const waiting = await deliver('third', 'hello.txt', { remove: ['second.txt'] });
  expect(waiting).toMatchObject({ ok: true, result: { changed: true } });
  expect(waiting.result).not.toHaveProperty('announced');
  await sensor.configure(CONFIG);
  await sensor.client.reload();
  await sensor.healthy();
  await seen('what waited', (files) => files['hello.txt'] === 'third' && !('second.txt' in files));

  const report = await bulkhead('data', 'report');
  expect(report.stdout).toContain('delivered/shelf');
  expect(report.stdout).toContain('hello.txt (from courier)');
});

test('a sensor that is killed while it copies leaves nothing half, and the file can be delivered again', async () => {
  const incoming = join(sensor.site.stateDir, 'resources', '.incoming');
  const step = {
    service: 'deliver',
    content: 'many bytes\n',
    repeat: 4_000_000,
    to: 'shelf',
    as: 'large.txt',
  };
  // Nobody will answer this one.
  await begun({ ...step, timeoutMs: 5_000 });
  const place = join(sensor.site.stateDir, 'resources/shelf');
  // On a fast machine it may have ended before anybody could look.
  await waitFor(
    'the copy to begin',
    60_000,
    async () =>
      (await readdir(incoming).catch(() => [])).length > 0 || (await readdir(place)).includes('large.txt'),
    { intervalMs: 5 },
  );
  await sensor.endSensord('SIGKILL');
  await sensor.startSensord();
  await sensor.healthy();
  expect(await readdir(incoming).catch(() => [])).toEqual([]);
  const before = await placed();
  const listed = before.map(({ as }) => as);
  // The copy may just have ended: then it is whole, and on record.
  if (listed.includes('large.txt')) expect(before.at(-1)).toMatchObject({ bytes: 44_000_000 });
  expect((await readdir(place)).sort()).toEqual(listed);
  expect(await done(step)).toMatchObject({ ok: true, result: { bytes: 44_000_000 } });
  expect((await placed()).map(({ as }) => as)).toEqual(['hello.txt', 'large.txt']);
});

interface Download {
  id: string;
  approval: string;
  approved?: Record<string, unknown>;
  status?: Record<string, unknown>;
}
const downloads = async () => (await json<{ downloads: Download[] }>('downloads', 'list')).downloads;

test('a download waits for a person, is then fetched and delivered within what was approved, and ends when it is revoked', async () => {
  const before = await pids();
  expect(await downloads()).toMatchObject([{ id: 'shelf/feed', approval: 'waiting' }]);
  expect((await sensor.status()).attention.join()).toContain('shelf/feed');
  expect((await bulkhead('downloads', 'list')).stdout).toMatch(
    /shelf\/feed +waits for approval since .*feed\.example\.org/,
  );
  expect((await bulkhead('downloads', 'approve', 'shelf/other')).exitCode).toBe(4);
  const approved = await bulkhead(
    ...['downloads', 'approve', 'shelf/feed', '--redirect-host', 'cdn.example.org'],
    ...['--sha256', digest('the feed'), '--every', '1h', '--author', 'ada', '--reason', 'feeds the shelf'],
  );
  expect(approved.stderr).toBe('');
  expect(approved.stdout).toMatch(/^shelf\/feed is approved: revision \d+ is in force$/m);
  const listed = await sensor.event('the list', { instrument: 'courier', type: 'result' }, ({ record }) =>
    JSON.stringify(record['jobs'] ?? []).includes('shelf/feed'),
  );
  expect(listed.record['jobs']).toEqual([
    {
      id: 'shelf/feed',
      for: 'shelf',
      url: FEED_URL,
      redirectHosts: ['cdn.example.org'],
      everyS: 3600,
      maxBytes: 64 << 20,
      sha256: digest('the feed'),
      privateAddresses: false,
    },
  ]);
  expect(await downloads()).toMatchObject([
    { id: 'shelf/feed', approval: 'approved', status: { state: 'fetching', bytes: 512, totalBytes: 1024 } },
  ]);
  expect((await bulkhead('downloads', 'show', 'shelf/feed')).stdout).toContain(
    'fetching: 512 B of 1.0 KiB, 50 %',
  );
  expect((await bulkhead('downloads', 'now', 'shelf/feed')).stdout).toContain('is being fetched');

  // The platform holds the downloader to what was approved.
  const fetched = (content: string) => done({ service: 'deliver', content, download: 'shelf/feed' });
  expect(await fetched('another feed')).toMatchObject({ ok: false, code: 'SENSORD_DELIVERY_DIGEST' });
  expect(await fetched('the feed')).toMatchObject({
    ok: true,
    result: { as: 'feed.txt', announced: { ok: true } },
  });
  await seen('the feed', (files) => files['feed.txt'] === 'the feed');

  const revoked = await bulkhead('downloads', 'revoke', 'shelf/feed', '--author', 'ada');
  expect(revoked.exitCode).toBe(0);
  expect(await fetched('the feed')).toMatchObject({ ok: false, code: 'SENSORD_DELIVERY_NOT_GRANTED' });
  expect((await placed()).find(({ as }) => as === 'feed.txt')).toMatchObject({
    from: 'courier',
    revoked: true,
  });
  expect((await bulkhead('resources', 'list', 'shelf')).stdout).toContain(
    'courier, download shelf/feed (may deliver no more)',
  );
  const history = await bulkhead('config', 'history');
  expect(history.stdout).toContain('feeds the shelf');
  expect(await pids(), 'nobody was restarted').toEqual(before);
});

test('an instrument asks for a download while it runs; a refusal holds until it asks for something else', async () => {
  const ask = (url: string) =>
    done({
      service: 'download.request',
      name: 'extra',
      url,
      as: 'extra.txt',
      everyS: 0,
      maxMib: 1,
      why: 'to try it',
    });
  expect(await ask('https://one.example.org/')).toMatchObject({ ok: true, result: { state: 'waiting' } });
  const told = await sensor.event('the request', { type: 'download.requested' }, () => true);
  expect(told.record).toMatchObject({
    instrument: 'courier',
    name: 'extra',
    url: 'https://one.example.org/',
  });
  expect((await bulkhead('downloads', 'refuse', 'courier/extra', '--reason', 'not now')).exitCode).toBe(0);
  expect(await ask('https://one.example.org/')).toMatchObject({ result: { state: 'refused' } });
  await sensor.endSensord('SIGKILL');
  await sensor.startSensord();
  await sensor.healthy();
  expect(await ask('https://one.example.org/')).toMatchObject({ result: { state: 'refused' } });
  expect(await ask('https://two.example.org/')).toMatchObject({ result: { state: 'waiting' } });
  expect((await bulkhead('downloads', 'approve', 'courier/extra')).exitCode).toBe(0);
  expect(await ask('https://two.example.org/')).toMatchObject({ result: { state: 'approved' } });
  expect(await ask('file:///etc/passwd')).toMatchObject({ ok: false, code: 'SENSORD_REQUEST_INVALID' });
});
