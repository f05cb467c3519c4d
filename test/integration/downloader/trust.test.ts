import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { jobOf, openDownloadBench, type DownloadBench } from '../../support/download-bench.ts';
import {
  makeAuthority,
  openProxy,
  openSource,
  type Authority,
  type ServerIdentity,
  type Source,
} from '../../support/download-source.ts';

const HOST = 'source.example.test';
const BODY = Buffer.from('a feed of addresses\n'.repeat(500));
const SHA256 = createHash('sha256').update(BODY).digest('hex');

let folder: string;
let ours: Authority;
let theirs: Authority;
let identity: ServerIdentity;
let bench: DownloadBench;
const open: Source[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bdl-ca-'));
  [ours, theirs] = await Promise.all([makeAuthority(folder, 'ours'), makeAuthority(folder, 'theirs')]);
  identity = await ours.issue([HOST, '127.0.0.1']);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  bench = await openDownloadBench();
  bench.names.set(HOST, ['127.0.0.1']);
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((source) => source.close()));
  await bench.dispose();
});

const serve = (response: ServerResponse, content: Buffer | string, status = 200) =>
  response.writeHead(status, { 'content-length': Buffer.byteLength(content) }).end(content);

async function source(
  answer: Source['answer'] = (_, response) => serve(response, BODY),
  by?: ServerIdentity,
) {
  const made = await openSource(answer, by);
  open.push(made);
  return made;
}

const secure = (port: number, path = '/feed.txt', host = HOST) => `https://${host}:${String(port)}${path}`;
const plain = (port: number, path = '/feed.txt', host = HOST) => `http://${host}:${String(port)}${path}`;

test('the pinned authority is believed, and nobody else is', async () => {
  const { port } = await source(undefined, identity);
  expect(await bench.try(jobOf(secure(port), { ca: ours.pem }))).toEqual({ kind: 'done' });
  expect(await bench.try(jobOf(secure(port, '/feed.txt', '127.0.0.1'), { ca: ours.pem, id: 'a/b' }))).toEqual(
    {
      kind: 'done',
    },
  );
  for (const ca of [theirs.pem, undefined]) {
    const job = jobOf(secure(port), ca === undefined ? { id: 'x/y' } : { ca, id: 'x/y' });
    expect(await bench.try(job)).toMatchObject({ kind: 'failed' });
    expect(bench.codeOf('x/y')).toBe('DOWNLOADER_TLS_REFUSED');
  }
  expect(bench.delivered).toHaveLength(2);
});

test('a certificate that is out of date, or of another host, is refused', async () => {
  const [late, other] = await Promise.all([ours.issue([HOST], 0), ours.issue(['other.example.test'])]);
  const expired = await source(undefined, late);
  const foreign = await source(undefined, other);
  // It ends in the very second in which it was made.
  await waitFor('the certificate to be out of date', 30_000, async () => {
    await bench.try(jobOf(secure(expired.port), { ca: ours.pem }));
    return bench.codeOf('rules/feed') === 'DOWNLOADER_TLS_REFUSED';
  });
  await bench.try(jobOf(secure(foreign.port), { ca: ours.pem, id: 'x/y' }));
  expect(bench.codeOf('x/y')).toBe('DOWNLOADER_TLS_REFUSED');
  expect(foreign.requests).toEqual([]);
});

test('an authority that cannot be read is told before anything is sent', async () => {
  const { port, requests } = await source();
  for (const ca of ['', 'x', ours.pem.replace(/[A-Za-z0-9+/]{40}/, '')]) {
    await bench.try(jobOf(plain(port), { ca }));
    expect(bench.codeOf('rules/feed')).toBe('DOWNLOADER_CA_INVALID');
  }
  expect(requests).toEqual([]);
});

test('through a proxy: a tunnel for https with the same checks, the whole address for http', async () => {
  const upstream = await source(undefined, identity);
  const proxy = await openProxy(() => upstream.port);
  try {
    bench.names.clear();
    bench.names.set('proxy.example.test', ['127.0.0.1']);
    const through = { proxy: { host: 'proxy.example.test', port: proxy.port } };
    expect(await bench.try(jobOf(`https://${HOST}/feed.txt`, { ca: ours.pem }), through)).toEqual({
      kind: 'done',
    });
    expect(bench.delivered[0]?.content.equals(BODY)).toBe(true);
    await bench.try(jobOf(`https://${HOST}/feed.txt`, { ca: theirs.pem, id: 'x/y' }), through);
    expect(bench.codeOf('x/y')).toBe('DOWNLOADER_TLS_REFUSED');
    await bench.try(jobOf(`http://${HOST}/feed.txt?q=1`, { id: 'x/z' }), through);
    expect(bench.delivered[1]?.content.toString()).toBe('by the proxy');
    expect(proxy.seen).toEqual([
      `CONNECT ${HOST}:443`,
      `CONNECT ${HOST}:443`,
      `GET http://${HOST}/feed.txt?q=1`,
    ]);
    // Only the proxy's own name was resolved.
    expect(new Set(bench.asked)).toEqual(new Set(['proxy.example.test']));
  } finally {
    await proxy.close();
  }
});

test('a proxy that opens no tunnel is told as such', async () => {
  const { port } = await source((_, response) => serve(response, 'no', 403));
  const proxy = { host: '127.0.0.1', port };
  await bench.try(jobOf(`https://${HOST}/feed.txt`), { proxy });
  expect(bench.codeOf('rules/feed')).toBe('DOWNLOADER_PROXY_REFUSED');
});

test('redirects lead to approved hosts, relative ones too', async () => {
  const target = await source();
  const first = await source((request, response) => {
    const location =
      request.url === '/feed.txt' ? '/second' : plain(target.port, '/there', 'mirror.example.test');
    response.writeHead(302, { location }).end();
  });
  bench.names.set('mirror.example.test', ['127.0.0.1']);
  // The port is approved by being that of the URL; here it is the other one, so it is refused.
  await bench.try(jobOf(plain(first.port), { redirectHosts: ['mirror.example.test'] }));
  expect(bench.codeOf('rules/feed')).toBe('DOWNLOADER_REDIRECT_REFUSED');
  first.answer = (request, response) => {
    if (request.headers.host?.startsWith('mirror') === true) return serve(response, BODY);
    const location = plain(first.port, '/there', 'mirror.example.test');
    return response.writeHead(307, { location }).end();
  };
  expect(await bench.try(jobOf(plain(first.port), { redirectHosts: ['mirror.example.test'] }))).toEqual({
    kind: 'done',
  });
  expect(await bench.try(jobOf(plain(first.port), { id: 'x/y' }))).toMatchObject({ kind: 'failed' });
  expect(bench.codeOf('x/y')).toBe('DOWNLOADER_REDIRECT_REFUSED');
  expect(target.requests).toEqual([]);
});

test('no redirect leads from https to http', async () => {
  const other = await source();
  const first = await source((_, response) => {
    response.writeHead(301, { location: plain(other.port) }).end();
  }, identity);
  await bench.try(jobOf(secure(first.port), { ca: ours.pem }));
  expect(bench.codeOf('rules/feed')).toBe('DOWNLOADER_REDIRECT_REFUSED');
  expect(other.requests).toEqual([]);
});

test('a file is delivered with the right digest, pinned or at its source, and not with a wrong one', async () => {
  const sums: Record<string, string> = {
    '/alone': `${SHA256}\n`,
    '/list': `${'0'.repeat(64)}  other.txt\n${SHA256} *./feed.txt\n`,
    '/bsd': `SHA256 (feed.txt) = ${SHA256.toUpperCase()}\n`,
    '/wrong': `${'0'.repeat(64)}  feed.txt\n`,
    '/none': `${SHA256}  other.txt\n${SHA256}  third.txt\n`,
    '/html': '<html>not found</html>',
  };
  const { port } = await source((request, response) => serve(response, sums[request.url ?? ''] ?? BODY));
  const at = (path: string) => plain(port, path);
  expect(await bench.try(jobOf(at('/feed.txt'), { sha256: SHA256, id: 'p/n' }))).toEqual({ kind: 'done' });
  for (const good of ['/alone', '/list', '/bsd']) {
    const id = `good/${good.slice(1)}`;
    expect(await bench.try(jobOf(at('/feed.txt'), { sha256Url: at(good), id }))).toEqual({ kind: 'done' });
  }
  await bench.try(jobOf(at('/feed.txt'), { sha256: '0'.repeat(64), id: 'bad/pin' }));
  expect(bench.codeOf('bad/pin')).toBe('DOWNLOADER_CHECKSUM_WRONG');
  for (const [path, code] of [
    ['/wrong', 'DOWNLOADER_CHECKSUM_WRONG'],
    ['/none', 'DOWNLOADER_CHECKSUM_MISSING'],
    ['/html', 'DOWNLOADER_CHECKSUM_MISSING'],
  ] as const) {
    await bench.try(jobOf(at('/feed.txt'), { sha256Url: at(path), id: 'bad/sum' }));
    expect(bench.codeOf('bad/sum')).toBe(code);
  }
  expect(bench.delivered).toHaveLength(4);
  expect(bench.files('outbox')).toEqual([]);
  expect(bench.files('partial')).toEqual([]);
});

test('a file is delivered with a valid signature of the pinned key, and with no other', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const stranger = generateKeyPairSync('ed25519').privateKey;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  let signature: Buffer | string = sign(null, BODY, privateKey);
  const { port, requests } = await source((request, response) =>
    serve(response, request.url?.split('?')[0] === '/feed.txt.sig' ? signature : BODY),
  );
  const attempt = async (id: string, signatureKey = pem) => {
    await bench.try(jobOf(plain(port, '/feed.txt?a=b'), { signatureKey, id }));
    return bench.codeOf(id);
  };
  expect(await attempt('good/raw')).toBeUndefined();
  expect(requests.at(-1)?.url).toBe('/feed.txt.sig?a=b');
  signature = `${sign(null, BODY, privateKey).toString('base64')}\n`;
  expect(await attempt('good/text')).toBeUndefined();
  expect(bench.delivered).toHaveLength(2);
  signature = sign(null, BODY, stranger);
  expect(await attempt('bad/stranger')).toBe('DOWNLOADER_SIGNATURE_WRONG');
  signature = sign(null, Buffer.from('another file'), privateKey);
  expect(await attempt('bad/file')).toBe('DOWNLOADER_SIGNATURE_WRONG');
  signature = 'x'.repeat(64 * 1024);
  expect(await attempt('bad/long')).toBe('DOWNLOADER_TOO_LARGE');
  signature = 'no signature';
  expect(await attempt('bad/form')).toBe('DOWNLOADER_SIGNATURE_WRONG');
  expect(await attempt('bad/key', rsa.export({ type: 'spki', format: 'pem' }).toString())).toBe(
    'DOWNLOADER_KEY_INVALID',
  );
  expect(bench.delivered).toHaveLength(2);
});
