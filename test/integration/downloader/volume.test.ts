import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run, waitFor } from '@bulkhead/platform/kernel';
import { jobOf, openDownloadBench, type DownloadBench } from '../../support/download-bench.ts';
import { openSource, type Source } from '../../support/download-source.ts';

const MIB = 1024 * 1024;

let bench: DownloadBench;
let source: Source;
let mounted = false;

beforeEach(async () => {
  bench = await openDownloadBench({ reserveBytes: MIB, checkpointBytes: 256 * 1024 });
  bench.names.set('source.example.test', ['127.0.0.1']);
  source = await openSource((_, response) => response.end('fine'));
});

afterEach(async () => {
  await source.close();
  if (mounted) await run('umount', [bench.folder]);
  mounted = false;
  await bench.dispose();
});

const url = () => `http://source.example.test:${String(source.port)}/feed.txt`;

/** A volume of 4 MiB. */
async function small(): Promise<void> {
  await run('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', bench.folder]);
  mounted = true;
}

test('a file that would not fit is not begun; one that grows is stopped before the volume is full', async () => {
  await small();
  const body = Buffer.alloc(8 * MIB, 'x');
  let sent = 0;
  source.answer = (request, response) => {
    if (request.url?.includes('told') === true) response.writeHead(200, { 'content-length': body.length });
    for (let at = 0; at < body.length; at += 64 * 1024) response.write(body.subarray(at, at + 64 * 1024));
    response.end();
    response.on('close', () => (sent = response.socket?.bytesWritten ?? sent));
  };
  for (const path of [`${url()}?told`, url()]) {
    expect(await bench.try(jobOf(path))).toMatchObject({ kind: 'failed' });
    expect(bench.codeOf('rules/feed')).toBe('DOWNLOADER_NO_ROOM');
    expect(bench.files('partial')).toEqual([]);
  }
  const { stdout } = await run('df', ['--output=avail', '--block-size=1', bench.folder]);
  expect(Number(stdout.split('\n')[1])).toBeGreaterThan(3 * MIB);
  source.answer = (_, response) => response.end('fine');
  expect(await bench.try(jobOf(url()))).toEqual({ kind: 'done' });
});

test('a volume that is full already fails the download and not the downloader', async () => {
  await small();
  writeFileSync(join(bench.folder, 'filler'), Buffer.alloc(4 * MIB - 4096));
  expect(await bench.try(jobOf(url()))).toMatchObject({ kind: 'failed' });
  expect(bench.codeOf('rules/feed')).toBe('DOWNLOADER_NO_ROOM');
  truncateSync(join(bench.folder, 'filler'), 0);
  expect(await bench.try(jobOf(url()))).toEqual({ kind: 'done' });
});

test('what a crash left in the outbox is removed, a damaged memory is set aside, and everything is fetched once more', async () => {
  source.answer = (request, response) => {
    if (request.headers['if-none-match'] !== undefined) return response.writeHead(304).end();
    return response.writeHead(200, { etag: '"v1"' }).end('fine');
  };
  await bench.try(jobOf(url()));
  mkdirSync(join(bench.folder, 'outbox', 'f'.repeat(64)));
  writeFileSync(join(bench.folder, 'outbox', 'e'.repeat(64)), 'left');
  writeFileSync(join(bench.folder, 'state.json'), '{"version":1,"downloads":{"rules/feed":{"failures":-1}}}');
  await bench.restart();
  expect(bench.files('outbox')).toEqual([]);
  expect(readdirSync(bench.folder)).toContain('state.json.damaged');
  expect(await bench.try(jobOf(url()))).toEqual({ kind: 'done' });
  expect(source.requests[1]?.headers).not.toHaveProperty('if-none-match');
  expect(bench.delivered).toHaveLength(2);
});

test('of a part only what its note says is believed, and a part of a download that is no more is removed', async () => {
  const body = Buffer.from('0123456789'.repeat(100_000));
  source.answer = (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? -1);
    if (from < 0) {
      response
        .writeHead(200, { etag: '"v1"', 'content-length': body.length })
        .write(body.subarray(0, 600_000));
      void waitFor('the part', 20_000, () => bench.files('partial').length === 2).finally(() =>
        response.destroy(),
      );
      return;
    }
    const range = `bytes ${String(from)}-${String(body.length - 1)}/${String(body.length)}`;
    response.writeHead(206, { 'content-range': range, 'content-length': body.length - from });
    response.end(body.subarray(from));
  };
  await bench.try(jobOf(url()));
  const [part = ''] = bench.files('partial').filter((name) => !name.includes('.'));
  // As after a loss of power: blocks behind the last checkpoint are there, and hold nothing.
  truncateSync(join(bench.folder, 'partial', part), 700_000);
  await bench.restart();
  expect(await bench.try(jobOf(url()))).toEqual({ kind: 'done' });
  expect(bench.delivered[0]?.content.equals(body)).toBe(true);
  writeFileSync(join(bench.folder, 'partial', 'a'.repeat(32)), 'left');
  const downloads = await bench.downloads();
  await downloads.setJobs({ jobs: [] });
  await waitFor('the part to go', 20_000, () => bench.files('partial').length === 0);
});
