import { expect, test } from 'vitest';
import { kindOf, mayReach, reachable } from '../../../instruments/downloader/src/address-rules.ts';
import { digestIn, fileNameOf, signatureUrl } from '../../../instruments/downloader/src/integrity.ts';
import { nextUrl, readUrl, redirectRules, shownUrl } from '../../../instruments/downloader/src/redirects.ts';
import {
  afterFailureMs,
  afterRestartMs,
  afterSuccessMs,
  soonMs,
} from '../../../instruments/downloader/src/schedule.ts';
import { judgeHealth, stateOf } from '../../../instruments/downloader/src/status.ts';

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'accepted';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test.each([
  ['93.184.216.34', 'public'],
  ['100.63.255.255', 'public'],
  ['172.32.0.1', 'public'],
  ['2606:2800:220:1::1', 'public'],
  ['2001:4860:4860::8888', 'public'],
  ['10.1.2.3', 'private'],
  ['100.64.0.1', 'private'],
  ['127.255.255.254', 'private'],
  ['169.254.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.0.1', 'private'],
  ['198.19.0.1', 'private'],
  ['203.0.113.7', 'private'],
  ['240.0.0.1', 'private'],
  ['::1', 'private'],
  ['::ffff:93.184.216.34', 'private'],
  ['::ffff:0:7f00:1', 'private'],
  ['64:ff9b::5db8:d822', 'private'],
  ['2002:7f00:1::', 'private'],
  ['2001:0:1::1', 'private'],
  ['2001:db8::1', 'private'],
  ['fc00::1', 'private'],
  ['fe80::1', 'private'],
  ['fec0::1', 'private'],
  ['4000::1', 'private'],
  ['169.254.169.254', 'metadata'],
  ['::ffff:169.254.169.254', 'metadata'],
  ['168.63.129.16', 'metadata'],
  ['fd00:ec2::254', 'metadata'],
  ['0.0.0.0', 'never'],
  ['0.1.2.3', 'never'],
  ['::', 'never'],
  ['::ffff:0:0', 'never'],
  ['224.0.0.251', 'never'],
  ['255.255.255.255', 'never'],
  ['ff02::1', 'never'],
  ['fe80::1%eth0', 'never'],
  ['127.1', 'never'],
  ['localhost', 'never'],
  ['', 'never'],
])('%j is %s', (address, kind) => {
  expect(kindOf(address)).toBe(kind);
});

test('what is approved decides over private addresses, and over metadata only when it was written', () => {
  const reach = (address: string, privateAddresses: boolean, written: boolean) =>
    mayReach(address, { privateAddresses, written });
  expect(reach('93.184.216.34', false, false)).toBe(true);
  expect([reach('10.0.0.1', false, true), reach('10.0.0.1', true, false)]).toEqual([false, true]);
  expect([
    reach('169.254.169.254', true, false),
    reach('169.254.169.254', false, true),
    reach('169.254.169.254', true, true),
  ]).toEqual([false, false, true]);
  expect(reach('224.0.0.1', true, true)).toBe(false);
});

test('of several addresses those that may be reached are left, IPv4 first, four at most', () => {
  const approval = { privateAddresses: false, written: false };
  const found = ['2606:2800:220:1::1', '10.0.0.1', '93.184.216.34', '93.184.216.34'];
  expect(reachable('a.test', found, approval)).toEqual(['93.184.216.34', '2606:2800:220:1::1']);
  const many = Array.from({ length: 9 }, (_, n) => `93.184.216.${String(n)}`);
  expect(reachable('a.test', many, approval)).toHaveLength(4);
  expect(codeOf(() => reachable('a.test', [], approval))).toBe('DOWNLOADER_ADDRESS_REFUSED');
});

test('a redirect keeps to hosts, ports and https', () => {
  const start = readUrl('https://a.example.test:8443/rules');
  const rules = redirectRules(start, ['cdn.example.test', '192.0.2.1']);
  const to = (location: string | undefined) => {
    let url: URL | undefined;
    const code = codeOf(() => (url = nextUrl(start, location, rules)));
    return url?.href ?? code;
  };
  expect(to('../x?y')).toBe('https://a.example.test:8443/x?y');
  expect(to('https://CDN.example.test/y')).toBe('https://cdn.example.test/y');
  expect(to('//192.0.2.1/y')).toBe('https://192.0.2.1/y');
  expect(to('https://a.example.test:22/')).toBe('DOWNLOADER_REDIRECT_REFUSED');
  expect(to('http://a.example.test/')).toBe('DOWNLOADER_REDIRECT_REFUSED');
  expect(to('https://b.example.test/')).toBe('DOWNLOADER_REDIRECT_REFUSED');
  expect(to('https://a.example.test@b.example.test/')).toBe('DOWNLOADER_URL_REFUSED');
  expect(to('https://a.example.test./')).toBe('DOWNLOADER_HOST_REFUSED');
  expect(to('file:///etc/passwd')).toBe('DOWNLOADER_URL_REFUSED');
  expect(to(`/${'x'.repeat(5_000)}`)).toBe('DOWNLOADER_URL_REFUSED');
  expect(to(undefined)).toBe('DOWNLOADER_REDIRECT_REFUSED');
});

test('an address is shown without what may be a key', () => {
  expect(shownUrl('https://a.example.test:8443/r%0a/x?oinkcode=secret')).toBe(
    'https://a.example.test:8443/r%0a/x',
  );
});

test('the wait after a success is the period, ±10 %, and once is once', () => {
  expect([0, 0.5, 0.999_999].map((r) => afterSuccessMs(1_000, () => r))).toEqual([
    900_000, 1_000_000, 1_100_000,
  ]);
  expect(afterSuccessMs(0, () => 0.5)).toBeUndefined();
  expect(soonMs(() => 0.999)).toBeLessThanOrEqual(5_000);
});

test('the wait after failures doubles up to an hour or the period; Retry-After is honoured up to a day', () => {
  const wait = (everyS: number, failures: number, after?: number) =>
    afterFailureMs(everyS, failures, after, () => 0) / 1000;
  expect([1, 2, 3, 7, 8, 400].map((n) => wait(86_400, n))).toEqual([30, 60, 120, 1_920, 3_600, 3_600]);
  expect([wait(60, 9), wait(10, 1), wait(0, 9)]).toEqual([60, 10, 3_600]);
  expect([wait(86_400, 1, 900), wait(86_400, 9, 5), wait(86_400, 1, 1e9)]).toEqual([900, 3_600, 86_400]);
});

test('after a restart the rest of the period is waited for, whatever the clock says meanwhile', () => {
  const wait = (sinceS: number, everyS = 3_600) => afterRestartMs(everyS, 0, sinceS * 1000, () => 0);
  expect([wait(600), wait(3_600), wait(1e9), wait(-1e9)]).toEqual([3_000_000, 0, 0, 3_960_000]);
  expect(wait(600, 0)).toBeUndefined();
});

test('digests are found in each form, of the right name, and in nothing else', () => {
  const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
  expect(digestIn(`${a.toUpperCase()}\r\n`, ['x'])).toBe(a);
  expect(digestIn(`# comment\n\n${b}  y\n${a}  some/folder/x\n`, ['x'])).toBe(a);
  expect(digestIn(`${b} *y\n${a} *x`, ['z', 'x'])).toBe(a);
  expect(digestIn(`SHA256 (x) = ${a}`, ['x'])).toBe(a);
  for (const text of ['', `${a}\n${b}`, `${a}  xx`, `${a}x`, 'a'.repeat(40), `MD5 (x) = ${a}`]) {
    expect(codeOf(() => digestIn(text, ['x']))).toBe('DOWNLOADER_CHECKSUM_MISSING');
  }
});

test('a signature lies beside its file, whatever the query', () => {
  expect(signatureUrl(new URL('https://a.test/x/rules.tar.gz?k=v')).href).toBe(
    'https://a.test/x/rules.tar.gz.sig?k=v',
  );
  expect(fileNameOf(new URL('https://a.test/x/my%20rules'))).toBe('my rules');
  expect(fileNameOf(new URL('https://a.test/%ff'))).toBe('%ff');
});

test('health names what fails and never asks to be started again', () => {
  const record = { fingerprint: 'f', failures: 3, code: 'DOWNLOADER_STATUS', message: 'x'.repeat(300) };
  const failing = Array.from({ length: 6 }, (_, n) =>
    stateOf(`rules/${String(n)}`, record, undefined, undefined),
  );
  expect(failing[0]).toMatchObject({ state: 'failed', failures: 3, code: 'DOWNLOADER_STATUS' });
  const facts = { told: true, trouble: undefined, counters: {} };
  const health = judgeHealth({ ...facts, downloads: failing });
  expect(health).toMatchObject({ state: 'degraded', counters: { downloads: 6, failing: 6, fresh: 0 } });
  expect(health.detail).toContain('rules/0 (DOWNLOADER_STATUS, 3 in a row)');
  expect(health.detail).toContain('and 2 more');
  expect(judgeHealth({ ...facts, downloads: [] }).state).toBe('ok');
  expect(judgeHealth({ ...facts, trouble: 'full', downloads: [] }).state).toBe('degraded');
});
