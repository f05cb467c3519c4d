import { connect } from 'node:net';
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApi } from '../../../instruments/passive-dns/src/api.ts';
import { lookUp } from '../../../instruments/passive-dns/src/lookup.ts';
import { answersMessage, dnsFolder } from '../../support/dns-store.ts';

const folder = dnsFolder();
let api: Awaited<ReturnType<typeof openApi>>;

beforeAll(async () => {
  const store = await folder.open();
  const hostile = [
    'a\r\nSet-Cookie: x=1.example',
    '<script>alert(1)</script>.example',
    'a\u202egpj.example',
    'ok.example',
  ];
  await store.take(answersMessage('m', hostile));
  await store.settle();
  api = await openApi({ port: 0, lookUp: (lookup) => store.query((db) => lookUp(db, lookup)) });
});
afterAll(async () => {
  await api.close();
  await folder.dispose();
});

/** One request, with whatever headers. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      const call = request(
        { host: '127.0.0.1', port: api.port, path, method, headers, agent: false },
        (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (body += chunk));
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
          });
        },
      );
      call.on('error', reject);
      call.end();
    },
  );
}

test('records in the common output format, one per line; hostile names stay inside of theirs', async () => {
  const { status, headers, body } = await ask('/query/*.example?limit=10');
  expect(status).toBe(200);
  expect(headers['content-type']).toContain('ndjson');
  expect(headers['set-cookie']).toBeUndefined();
  const lines = body.trimEnd().split('\n');
  expect(lines).toHaveLength(4);
  for (const line of lines) {
    expect(Object.keys(JSON.parse(line) as object).sort()).toEqual([
      'count',
      'rdata',
      'rrname',
      'rrtype',
      'time_first',
      'time_last',
    ]);
  }
  expect(body).toContain('a\\\\013\\\\010set-cookie');
  expect((await ask('/query/192.0.2.1?limit=2')).headers['bulkhead-more']).toBe('true');
  expect((await ask('/query/nobody.example')).body).toBe('');
});

test.each([
  ['another host (a rebound name)', '/query/ok.example', { host: 'evil.example' }, 'GET', 403],
  ['a page of another origin', '/query/ok.example', { origin: 'https://evil.example' }, 'GET', 403],
  ['a page of another site', '/query/ok.example', { 'sec-fetch-site': 'cross-site' }, 'GET', 403],
  ['another method', '/query/ok.example', {}, 'POST', 405],
  ['a path out of it', '/query/../../etc/passwd', {}, 'GET', 404],
  ['an encoded path', '/query/..%2f..%2fetc', {}, 'GET', 200],
  ['what is not UTF-8', '/query/%ff', {}, 'GET', 400],
  ['SQL', `/query/${encodeURIComponent("x' OR 1=1 --")}`, {}, 'GET', 200],
  ['a parameter that is not there', '/query/ok.example?file=x', {}, 'GET', 400],
  ['a limit beyond the bound', '/query/ok.example?limit=1001', {}, 'GET', 400],
  ['a name beyond the bound', `/query/${'a'.repeat(1_021)}`, {}, 'GET', 400],
  ['an address beyond the bound', `/query/${'a'.repeat(5_000)}`, {}, 'GET', 414],
] as [string, string, Record<string, string>, string, number][])(
  '%s',
  async (_, path, headers, method, expected) => {
    const { status, body, headers: sent } = await ask(path, headers, method);
    expect(status).toBe(expected);
    expect(sent['access-control-allow-origin']).toBeUndefined();
    if (expected === 200) expect(body).toBe('');
  },
);

test('garbage and half a request do not end it', async () => {
  const socket = connect(api.port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  socket.write('\0\xff garbage\r\n\r\n');
  await new Promise((resolve) => socket.once('close', resolve));
  const half = connect(api.port, '127.0.0.1');
  half.on('error', () => undefined);
  half.write('GET /query/ok.example HTTP/1.1\r\nHost: ');
  expect((await ask('/query/ok.example')).status).toBe(200);
  half.destroy();
});
