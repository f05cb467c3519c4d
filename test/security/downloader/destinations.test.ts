import { afterEach, beforeEach, expect, test } from 'vitest';
import { DownloadJobSchema } from '@bulkhead/sdk';
import { jobOf, openDownloadBench, type DownloadBench } from '../../support/download-bench.ts';
import { openProxy, openSource, type Source } from '../../support/download-source.ts';

const HOST = 'source.example.test';

let bench: DownloadBench;
let source: Source;
/** What nobody approved; it must never see a request. */
let inner: Source;

beforeEach(async () => {
  bench = await openDownloadBench({ connectMs: 2_000 });
  bench.names.set(HOST, ['127.0.0.1']);
  source = await openSource((_, response) => response.end('fine'));
  inner = await openSource((_, response) => response.end('a secret'));
});

afterEach(async () => {
  await Promise.all([source.close(), inner.close()]);
  await bench.dispose();
});

const start = () => `http://${HOST}:${String(source.port)}/feed.txt`;

/** Nothing was taken, and who must not be reached was not. */
async function refusedBy(url: string, more: Parameters<typeof jobOf>[1] = {}): Promise<string | undefined> {
  expect(await bench.try(jobOf(url, more))).toMatchObject({ kind: 'failed' });
  expect(inner.requests).toEqual([]);
  expect(bench.delivered).toEqual([]);
  return bench.codeOf('rules/feed');
}

test.each([
  ['loopback', 'http://127.0.0.1:PORT/'],
  ['loopback in decimal', 'http://2130706433:PORT/'],
  ['loopback in hexadecimal', 'http://0x7f000001:PORT/'],
  ['loopback in octal', 'http://0177.0.0.01:PORT/'],
  ['loopback in short', 'http://127.1:PORT/'],
  ['loopback in full-width digits', 'http://１２７.0.0.1:PORT/'],
  ['loopback of IPv6', 'http://[::1]:PORT/'],
  ['loopback, IPv4-mapped', 'http://[::ffff:127.0.0.1]:PORT/'],
  ['loopback, IPv4-mapped in hexadecimal', 'http://[::ffff:7f00:1]:PORT/'],
  ['the unspecified address', 'http://0.0.0.0:PORT/'],
  ['a name of loopback', 'http://localhost:PORT/'],
  ['metadata', 'http://169.254.169.254/latest/meta-data/'],
  ['a host without a scheme', '//127.0.0.1:PORT/'],
  ['a host behind backslashes', 'http:\\\\127.0.0.1:PORT\\'],
  ['a host behind a user', `http://${HOST}@127.0.0.1:PORT/`],
  ['a file', 'file:///etc/passwd'],
  ['a file of a host', `file://${HOST}/etc/passwd`],
  ['another scheme', 'gopher://127.0.0.1:PORT/_'],
  ['data', 'data:text/plain,alert'],
  ['another port of the same host', `http://${HOST}:PORT/`],
  ['a name that only begins like the host', `http://${HOST}.evil.example.test:PORT/`],
  ['nothing', undefined],
])('ABUSE 27: a redirect to %s is refused', async (_, location) => {
  bench.names.set(`${HOST}.evil.example.test`, ['127.0.0.1']);
  source.answer = (_request, response) => {
    const to = location?.replace('PORT', String(inner.port));
    response
      .writeHead(302, to === undefined ? {} : { location: encodeURI(to).replaceAll('%5C', '\\') })
      .end();
  };
  const code = await refusedBy(start());
  expect(code).toMatch(/^DOWNLOADER_(REDIRECT|URL|HOST)_REFUSED$/);
  expect(source.requests).toHaveLength(1);
});

test.each([
  'http://127.0.0.1:PORT/',
  'http://2130706433:PORT/',
  'http://0x7f.1:PORT/',
  'http://0177.1:PORT/',
  'http://[::1]:PORT/',
  'http://[::ffff:127.0.0.1]:PORT/',
  'http://[::ffff:7f00:1]:PORT/',
  'http://[::127.0.0.1]:PORT/',
  'http://[64:ff9b::7f00:1]:PORT/',
  'http://[2002:7f00:1::]:PORT/',
  'http://0.0.0.0:PORT/',
  'http://[::]:PORT/',
  'http://169.254.169.254/',
  'http://[fd00:ec2::254]/',
  'http://[fe80::1]:PORT/',
  'http://10.0.0.1/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://localhost:PORT/',
  'http://localhost.:PORT/',
])('ABUSE 27: %s is not fetched from unless private addresses are approved', async (url) => {
  const code = await refusedBy(url.replace('PORT', String(inner.port)), { privateAddresses: false });
  expect(code).toMatch(/^DOWNLOADER_(ADDRESS|HOST)_REFUSED$/);
});

test.each([
  'http://0.0.0.0:PORT/',
  'http://[::]:PORT/',
  'http://[::ffff:0.0.0.0]:PORT/',
  'http://224.0.0.1/',
])('ABUSE 27: %s is fetched from by no approval', async (url) => {
  expect(await refusedBy(url.replace('PORT', String(inner.port)))).toBe('DOWNLOADER_ADDRESS_REFUSED');
});

test.each([
  ['loopback', ['127.0.0.1']],
  ['IPv4-mapped loopback', ['::ffff:127.0.0.1']],
  ['metadata', ['169.254.169.254']],
  ['an inner network', ['192.168.1.1', '10.0.0.1']],
  ['something that is no address', ['localhost', '127.0.0.1 ', '::1%lo', '0x7f.1']],
  ['nothing', []],
])('ABUSE 27: a name that stands for %s is not connected to', async (_, addresses) => {
  bench.names.set('inner.example.test', addresses);
  const url = `http://inner.example.test:${String(inner.port)}/`;
  expect(await refusedBy(url, { privateAddresses: false })).toBe('DOWNLOADER_ADDRESS_REFUSED');
});

test('ABUSE 27: a name that is rebound to metadata is refused even where private addresses are approved', async () => {
  source.answer = (request, response) => {
    bench.names.set(HOST, ['169.254.169.254']);
    response.writeHead(302, { location: `${start()}?${String(request.url)}` }).end();
  };
  expect(await refusedBy(start())).toBe('DOWNLOADER_ADDRESS_REFUSED');
  expect(source.requests).toHaveLength(1);
});

test('ABUSE 27: the address that was judged is the one that is connected to, whatever the name says next', async () => {
  bench.names.set(HOST, () => (bench.asked.length === 1 ? ['127.0.0.1'] : ['169.254.169.254']));
  expect(await bench.try(jobOf(start()))).toEqual({ kind: 'done' });
  expect(bench.asked).toEqual([HOST]);
});

test('ABUSE 27: a redirect of a host that is approved to an inner one that is approved, but not as private, is refused', async () => {
  const proxy = await openProxy(() => inner.port);
  try {
    const hosts = ['127.0.0.1', '169.254.169.254', '::ffff:7f00:1'];
    const job = { privateAddresses: false, redirectHosts: hosts };
    const way = { proxy: { host: '127.0.0.1', port: proxy.port } };
    for (const host of hosts) {
      const at = host.includes(':') ? `[${host}]` : host;
      expect(await bench.try(jobOf(`https://${at}/`, job), way)).toMatchObject({ kind: 'failed' });
      expect(bench.codeOf('rules/feed')).toBe('DOWNLOADER_ADDRESS_REFUSED');
    }
    expect(proxy.seen).toEqual([]);
    expect(inner.requests).toEqual([]);
  } finally {
    await proxy.close();
  }
});

test('ABUSE 27: a file with checksums is fetched by the same rules', async () => {
  const sha256Url = `http://127.0.0.1:${String(inner.port)}/`;
  const away = `http://${HOST}:${String(source.port)}/sums`;
  source.answer = (request, response) => {
    if (request.url === '/sums') response.writeHead(302, { location: sha256Url }).end();
    else response.end('fine');
  };
  expect(await refusedBy(start(), { sha256Url: away })).toBe('DOWNLOADER_REDIRECT_REFUSED');
});

test.each([
  'file:///etc/passwd',
  'ftp://a.example.test/',
  'http://user:x@a.example.test/',
  'http://a.example.test/#x',
  'x',
])('ABUSE 27: %s is no download', (url) => {
  expect(DownloadJobSchema.safeParse(jobOf('http://a.example.test/')).success).toBe(true);
  expect(DownloadJobSchema.safeParse(jobOf(url)).success).toBe(false);
  expect(DownloadJobSchema.safeParse(jobOf('http://a.example.test/', { sha256Url: url })).success).toBe(
    false,
  );
});
