import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { jobOf, openDownloadBench, type DownloadBench } from '../../support/download-bench.ts';
import { openSource, type Source } from '../../support/download-source.ts';

const BODY = Buffer.from('alert ip any any -> any any (sid:1;)\n'.repeat(3_000));
const SHA256 = createHash('sha256').update(BODY).digest('hex');
const OLD = 'Mon, 02 Mar 2026 08:00:00 GMT';

let bench: DownloadBench;
let source: Source;
const url = (path = '/rules.txt') => `http://source.example.test:${String(source.port)}${path}`;

beforeEach(async () => {
  bench = await openDownloadBench();
  bench.names.set('source.example.test', ['127.0.0.1']);
  source = await openSource((_, response) => response.end(BODY));
});

afterEach(async () => {
  await source.close();
  await bench.dispose();
});

test('a file arrives whole, is delivered under its digest, and leaves nothing behind', async () => {
  source.answer = (_, response) => response.writeHead(200, { 'content-length': BODY.length }).end(BODY);
  expect(await bench.try(jobOf(url('/rules.txt?key=secret')))).toEqual({ kind: 'done' });
  expect(bench.delivered).toEqual([
    { sha256: SHA256, bytes: BODY.length, download: 'rules/feed', content: BODY },
  ]);
  expect(bench.files('outbox')).toEqual([]);
  expect(bench.files('partial')).toEqual([]);
  expect(bench.asked).toEqual(['source.example.test']);
  expect(source.requests[0]?.headers).toMatchObject({ 'accept-encoding': 'identity' });
  expect(bench.events).toHaveLength(1);
  expect(bench.events[0]).toMatchObject({
    type: 'download.finished',
    record: { id: 'rules/feed', for: 'rules', status: 200, bytes: BODY.length, sha256: SHA256, url: url() },
  });
});

test('what did not change is not fetched again, also after a restart; when it is asked for again, it is', async () => {
  source.answer = (request, response) => {
    if (request.headers['if-none-match'] === '"v1"') return response.writeHead(304).end();
    return response.writeHead(200, { etag: '"v1"', 'last-modified': OLD }).end(BODY);
  };
  const job = jobOf(url());
  await bench.try(job);
  await bench.restart();
  expect(await bench.try(job)).toEqual({ kind: 'done' });
  expect(source.requests[1]?.headers).toMatchObject({ 'if-none-match': '"v1"', 'if-modified-since': OLD });
  expect(bench.delivered).toHaveLength(1);
  await bench.try(job, { again: true });
  expect(source.requests[2]?.headers).not.toHaveProperty('if-none-match');
  expect(bench.delivered).toHaveLength(2);
});

test('a source without validators is fetched again, and delivered only when it changed', async () => {
  await bench.try(jobOf(url()));
  await bench.try(jobOf(url()));
  expect(source.requests).toHaveLength(2);
  expect(bench.delivered).toHaveLength(1);
  source.answer = (_, response) => response.end('other');
  await bench.try(jobOf(url()));
  expect(bench.delivered.map(({ content }) => content.length)).toEqual([BODY.length, 5]);
});

function partSize(): number {
  const [name] = bench.files('partial').filter((file) => !file.includes('.'));
  return name === undefined ? 0 : statSync(join(bench.folder, 'partial', name)).size;
}

/** Serves ranges; breaks the first transfer off in the middle. */
function breakOnce(headers: Record<string, string>, ranges = true): void {
  let broken = false;
  source.answer = (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? -1);
    const fits = request.headers['if-range'] === (headers['etag'] ?? headers['last-modified']);
    if (ranges && from >= 0 && fits) {
      response.writeHead(206, {
        ...headers,
        'content-length': BODY.length - from,
        'content-range': `bytes ${String(from)}-${String(BODY.length - 1)}/${String(BODY.length)}`,
      });
      return response.end(BODY.subarray(from));
    }
    response.writeHead(200, { ...headers, 'content-length': BODY.length });
    if (broken) return response.end(BODY);
    broken = true;
    response.write(BODY.subarray(0, 50_000));
    // What the receiver has not read yet when a connection breaks is lost to it.
    void waitFor('the first part to be written', 20_000, () => partSize() === 50_000).finally(() =>
      response.destroy(),
    );
    return response;
  };
}

test.each([
  ['a strong entity tag', { etag: '"v1"' }],
  ['a date', { 'last-modified': OLD }],
])('a broken transfer goes on where it broke off, by %s, also after a restart', async (_, headers) => {
  breakOnce(headers);
  const job = jobOf(url());
  expect(await bench.try(job)).toMatchObject({ kind: 'failed', failures: 1 });
  expect(bench.codeOf(job.id)).toBe('DOWNLOADER_BROKEN_OFF');
  expect(bench.events[0]).toMatchObject({
    type: 'download.failed',
    record: { code: 'DOWNLOADER_BROKEN_OFF' },
  });
  await bench.restart();
  expect(await bench.try(job)).toEqual({ kind: 'done' });
  expect(source.requests[1]?.headers.range).toBe('bytes=50000-');
  expect(bench.delivered[0]?.content.equals(BODY)).toBe(true);
  expect(bench.delivered[0]?.sha256).toBe(SHA256);
  expect(bench.files('partial')).toEqual([]);
});

test('a source that knows no ranges is fetched from the start', async () => {
  breakOnce({ etag: '"v1"' }, false);
  await bench.try(jobOf(url()));
  expect(await bench.try(jobOf(url()))).toEqual({ kind: 'done' });
  expect(source.requests[1]?.headers.range).toBe('bytes=50000-');
  expect(bench.delivered[0]?.content.equals(BODY)).toBe(true);
});

test('a weak entity tag resumes nothing', async () => {
  breakOnce({ etag: 'W/"v1"' });
  await bench.try(jobOf(url()));
  expect(await bench.try(jobOf(url()))).toEqual({ kind: 'done' });
  expect(source.requests[1]?.headers).not.toHaveProperty('range');
});

test('a rest that is not of the same file is not glued to the part', async () => {
  breakOnce({ etag: '"v1"' });
  await bench.try(jobOf(url()));
  const other = Buffer.from('x'.repeat(BODY.length));
  source.answer = (request, response) => {
    if (request.headers.range === undefined) return response.writeHead(200, { etag: '"v2"' }).end(other);
    // Takes no notice of If-Range.
    const range = `bytes 50000-${String(other.length - 1)}/${String(other.length)}`;
    response.writeHead(206, {
      etag: '"v2"',
      'content-range': range,
      'content-length': other.length - 50_000,
    });
    return response.end(other.subarray(50_000));
  };
  expect(await bench.try(jobOf(url()))).toEqual({ kind: 'done' });
  expect(bench.delivered[0]?.content.equals(other)).toBe(true);
});

test('a source that is busy keeps the part, and says when to come again', async () => {
  breakOnce({ etag: '"v1"' });
  await bench.try(jobOf(url()));
  const serve = source.answer;
  source.answer = (_, response) => response.writeHead(503, { 'retry-after': '120' }).end();
  expect(await bench.try(jobOf(url()))).toEqual({ kind: 'failed', failures: 2, retryAfterS: 120 });
  source.answer = serve;
  await bench.try(jobOf(url()));
  expect(source.requests.at(-1)?.headers.range).toBe('bytes=50000-');
  expect(bench.delivered).toHaveLength(1);
});

test('what the platform does not take is handed over again, and not fetched again', async () => {
  bench.refusal = new Error('DELIVERY_REFUSED');
  expect(await bench.try(jobOf(url()))).toMatchObject({ kind: 'failed' });
  expect(bench.files('outbox')).toEqual([SHA256]);
  await bench.restart();
  bench.refusal = undefined;
  expect(await bench.try(jobOf(url()))).toEqual({ kind: 'done' });
  expect(source.requests).toHaveLength(1);
  expect(bench.delivered).toHaveLength(1);
  expect(bench.files('outbox')).toEqual([]);
});

test('two downloads of the same content do not take the file from each other', async () => {
  bench.refusal = new Error('busy');
  await bench.try(jobOf(url(), { id: 'rules/one' }));
  await bench.try(jobOf(url(), { id: 'rules/two' }));
  bench.refusal = undefined;
  await bench.restart();
  await bench.try(jobOf(url(), { id: 'rules/one' }));
  await bench.try(jobOf(url(), { id: 'rules/two' }));
  expect(bench.delivered.map(({ download }) => download)).toEqual(['rules/one', 'rules/two']);
  expect(bench.files('outbox')).toEqual([]);
});

test('a body that is packed for the way is unpacked, but a packed file stays as its name says', async () => {
  source.answer = (_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(BODY));
  await bench.try(jobOf(url('/rules.txt')));
  await bench.try(jobOf(url('/rules.tar.gz')));
  expect(bench.delivered.map(({ content }) => content.length)).toEqual([BODY.length, gzipSync(BODY).length]);
});

test('another address, pin or authority of a download begins anew', async () => {
  source.answer = (_, response) => response.writeHead(200, { etag: '"v1"' }).end(BODY);
  await bench.try(jobOf(url('/a')));
  const downloads = await bench.downloads();
  await downloads.setJobs({ jobs: [jobOf(url('/b'))] });
  downloads.fetchNow('rules/feed', false);
  await expect.poll(() => bench.delivered.length, { timeout: 20_000 }).toBe(2);
  expect(source.requests.at(-1)).toMatchObject({ url: '/b' });
  expect(source.requests.at(-1)?.headers).not.toHaveProperty('if-none-match');
});
