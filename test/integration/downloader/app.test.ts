import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { BulkheadError, waitFor } from '@bulkhead/platform/kernel';
import {
  DownloadStatusReplySchema,
  type DownloadJob,
  type Instrument,
  type ReceivedEvent,
} from '@bulkhead/sdk';
import { DownloaderApp } from '../../../instruments/downloader/src/app.ts';
import { jobOf } from '../../support/download-bench.ts';
import { openSource, type Source } from '../../support/download-source.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const BODY = 'a feed\n'.repeat(100_000);
const model = busModel([
  busInstrument('downloader', {
    publish: ['download.finished', 'download.failed'],
    accept: ['download.jobs', 'download.status', 'download.now'],
    services: ['deliver', 'resolve'],
  }),
  busInstrument('portal', {
    read: [
      { from: 'downloader', type: 'download.finished' },
      { from: 'downloader', type: 'download.failed' },
    ],
  }),
]);

let folder: string;
let bench: BusBench;
let source: Source;
let app: DownloaderApp | undefined;
let own: Instrument | undefined;
const events: ReceivedEvent[] = [];
const delivered: { download: string; content: string }[] = [];
let refusal: Error | undefined;

async function startApp(): Promise<void> {
  own = await bench.instrument(model, 'downloader', { dataDir: folder });
  app = new DownloaderApp(own);
  await app.start();
}

beforeAll(async () => {
  bench = await openBusBench('bdl');
  bench.bus.serve('resolve', (_, payload) => {
    const { name } = payload as { name: string };
    if (name !== 'source.example.test')
      throw new BulkheadError({
        code: 'NETWORK_NAME_REFUSED',
        message: `${name} is no allowed destination.`,
      });
    return Promise.resolve({ addresses: [{ address: '127.0.0.1', ttlS: 60 }] });
  });
  bench.bus.serve('deliver', (_, payload) => {
    if (refusal !== undefined) throw refusal;
    const { sha256, download } = payload as { sha256: string; download: string };
    const content = readFileSync(join(folder, 'persistent/outbox', sha256), 'utf8');
    delivered.push({ download, content });
    return Promise.resolve({ as: 'feed.txt', sha256 });
  });
  await bench.bus.ensure(model);
  const portal = await bench.instrument(model, 'portal');
  for (const type of ['download.finished', 'download.failed']) {
    portal.subscribe('downloader', type, (event) => {
      events.push(event);
    });
  }
});
afterAll(() => bench.dispose());

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bdl-app-'));
  mkdirSync(join(folder, 'persistent'));
  source = await openSource((_, response) => response.writeHead(200, { etag: '"v1"' }).end(BODY));
  events.length = 0;
  delivered.length = 0;
  refusal = undefined;
  await startApp();
});
afterEach(async () => {
  await own?.close();
  await source.close();
  rmSync(folder, { recursive: true, force: true });
});

const job = (more: Partial<DownloadJob> = {}): DownloadJob =>
  jobOf(`http://source.example.test:${String(source.port)}/feed.txt?key=secret`, more);

async function tell(jobs: DownloadJob[]): Promise<unknown> {
  return bench.bus.send('downloader', 'download.jobs', { jobs }, 10_000);
}

/** Tells what to fetch, and does not wait for its turn. */
async function fetchNow(...jobs: DownloadJob[]): Promise<void> {
  expect(await tell(jobs)).toEqual({ ok: true, result: { accepted: jobs.length } });
  for (const { id } of jobs) await bench.bus.send('downloader', 'download.now', { id }, 10_000);
}

async function states() {
  const reply = await bench.bus.send('downloader', 'download.status', {}, 10_000);
  return reply.ok ? DownloadStatusReplySchema.parse(reply.result).jobs : [];
}

const partial = (): string[] => {
  const at = join(folder, 'persistent/partial');
  return existsSync(at) ? readdirSync(at) : [];
};

test('what the platform names is fetched, delivered, told, and shown', async () => {
  await fetchNow(job());
  await waitFor('the delivery', 20_000, () => delivered.length > 0);
  expect(delivered).toEqual([{ download: 'rules/feed', content: BODY }]);
  await waitFor('the event', 20_000, () => events.length > 0);
  expect(events[0]).toMatchObject({ from: 'downloader', type: 'download.finished' });
  expect(events[0]?.record).toMatchObject({ id: 'rules/feed', bytes: BODY.length });
  expect(JSON.stringify(events[0]?.record)).not.toContain('secret');
  await waitFor('it to be fresh', 20_000, async () => (await states())[0]?.state === 'fresh');
  const [state] = await states();
  expect(state).toMatchObject({ id: 'rules/feed', failures: 0, bytes: BODY.length, etag: '"v1"' });
  const waitMs = Date.parse(state?.nextTry ?? '') - Date.parse(state?.lastSuccess ?? '');
  expect(waitMs).toBeGreaterThan(3_200_000);
  expect(waitMs).toBeLessThan(4_000_000);
  expect(app?.health()).toMatchObject({ state: 'ok', counters: { downloads: 1, fresh: 1, delivered: 1 } });
  expect(readdirSync(join(folder, 'persistent/outbox'))).toEqual([]);
});

test('what the platform does not resolve or take is told by name', async () => {
  refusal = new BulkheadError({ code: 'STORAGE_VOLUME_FULL', message: 'The volume of rules is full.' });
  await fetchNow(job(), jobOf('http://other.example.test/', { id: 'rules/other' }));
  await waitFor('both to fail', 20_000, async () =>
    (await states()).every(({ state }) => state === 'failed'),
  );
  const [one, other] = await states();
  expect(one).toMatchObject({ code: 'DOWNLOADER_DELIVERY_FAILED', failures: 1 });
  expect(one?.message).toContain('The volume of rules is full.');
  expect(other).toMatchObject({ code: 'DOWNLOADER_NOT_RESOLVED' });
  expect(app?.health().state).toBe('degraded');
  expect(app?.health().detail).toContain('rules/other (DOWNLOADER_NOT_RESOLVED, 1 in a row)');
  await waitFor('the events', 20_000, () => events.length === 2);
  refusal = undefined;
  await bench.bus.send('downloader', 'download.now', { id: 'rules/feed' }, 10_000);
  await waitFor('the delivery', 20_000, () => delivered.length === 1);
  expect(source.requests).toHaveLength(1);
});

test('a download that is removed is aborted, and nothing of it is left', async () => {
  let closed = false;
  source.answer = (_, response) => {
    response.writeHead(200, { etag: '"v1"', 'content-length': 1_000_000 }).write(BODY.slice(0, 300_000));
    response.on('close', () => (closed = true));
  };
  await fetchNow(job());
  await waitFor('the part', 20_000, async () => ((await states())[0]?.bytes ?? 0) > 100_000);
  expect((await states())[0]).toMatchObject({ state: 'fetching', totalBytes: 1_000_000 });
  await tell([]);
  await waitFor('the connection to end', 20_000, () => closed);
  await waitFor('the part to go', 20_000, () => partial().length === 0);
  expect(await states()).toEqual([]);
  expect(await bench.bus.send('downloader', 'download.now', { id: 'rules/feed' }, 10_000)).toMatchObject({
    ok: false,
    code: 'DOWNLOADER_UNKNOWN',
  });
});

test('after a restart it goes on where it was; what is fresh is not asked for again', async () => {
  let ranges = 0;
  source.answer = (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const headers = { etag: '"v1"', 'content-length': BODY.length - from };
    if (from === 0) return response.writeHead(200, headers).write(BODY.slice(0, 400_000));
    ranges += 1;
    const range = `bytes ${String(from)}-${String(BODY.length - 1)}/${String(BODY.length)}`;
    return response.writeHead(206, { ...headers, 'content-range': range }).end(BODY.slice(from));
  };
  await fetchNow(job());
  await waitFor('the part', 20_000, async () => ((await states())[0]?.bytes ?? 0) > 100_000);
  await own?.close();
  await startApp();
  await fetchNow(job());
  await waitFor('the delivery', 20_000, () => delivered.length === 1);
  expect(delivered[0]?.content).toBe(BODY);
  expect(ranges).toBe(1);
  await waitFor('it to be fresh', 20_000, async () => (await states())[0]?.state === 'fresh');
  await own?.close();
  await startApp();
  await tell([job()]);
  const [state] = await states();
  expect(state).toMatchObject({ state: 'fresh' });
  expect(Date.parse(state?.nextTry ?? '') - Date.now()).toBeGreaterThan(3_000_000);
});

test('a list that does not fit is refused with its place, and the one before goes on', async () => {
  await tell([job()]);
  expect(await tell([job(), { ...job(), id: 'rules/other', url: 'file:///etc/passwd' }])).toMatchObject({
    ok: false,
    code: 'BUS_PAYLOAD_INVALID',
    message: expect.stringContaining('/jobs/1/url') as string,
  });
  expect(await tell([job(), job()])).toMatchObject({ ok: false, code: 'BUS_PAYLOAD_INVALID' });
  expect((await states()).map(({ id }) => id)).toEqual(['rules/feed']);
});

test('an unchanged list disturbs nothing, a changed bound begins the transfer anew', async () => {
  let requests = 0;
  source.answer = (_, response) => {
    requests += 1;
    response.writeHead(200, { etag: '"v1"', 'content-length': 1_000_000 }).write(BODY.slice(0, 300_000));
  };
  await fetchNow(job());
  await waitFor('the transfer', 20_000, async () => ((await states())[0]?.bytes ?? 0) > 0);
  await tell([job()]);
  expect((await states())[0]?.state).toBe('fetching');
  expect(requests).toBe(1);
  await fetchNow(job({ maxBytes: 500_000 }));
  await waitFor('the refusal', 20_000, async () => (await states())[0]?.code === 'DOWNLOADER_TOO_LARGE');
  expect(requests).toBe(2);
});
