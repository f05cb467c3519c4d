import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lookUp, oldestOf } from '../../../instruments/passive-dns/src/lookup.ts';
import type { LoopbackServer } from '../../../instruments/passive-dns/src/loopback-server.ts';
import { PAGE_RECORDS, type PageAnswer } from '../../../instruments/passive-dns/src/page-types.ts';
import { openPage } from '../../../instruments/passive-dns/src/page.ts';
import type { DnsStore } from '../../../instruments/passive-dns/src/store.ts';
import { answersMessage, dnsFolder } from '../../support/dns-store.ts';

/** What runs into one when it is shown or sent as it came. */
const HOSTILE = [
  'a\r\nSet-Cookie: x=1.bad.example',
  '<script>alert(1)</script>.bad.example',
  'a\u202egpj.bad.example',
];
const MANY = Array.from({ length: PAGE_RECORDS + 50 }, (_, n) => `n${String(n)}.many.example`);
const DAY_MS = 86_400_000;

const folder = dnsFolder();
const failures: unknown[] = [];
let store: DnsStore;
let server: LoopbackServer;

beforeAll(async () => {
  store = await folder.open();
  await store.take(answersMessage('old', ['ok.example'], '192.0.2.1', Date.now() - 2 * DAY_MS));
  await store.take(answersMessage('new', ['ok.example'], '192.0.2.2'));
  await store.take(answersMessage('hostile', HOSTILE, '192.0.2.66'));
  await store.take(answersMessage('many', MANY, '198.51.100.1'));
  await store.settle();
  server = await openPage({
    port: 0,
    files: new Map([['/', { type: 'text/html; charset=utf-8', body: Buffer.from('<!doctype html>') }]]),
    lookUp: (lookup) => store.look((db) => lookUp(db, lookup)),
    state: () => ({
      sensor: 'lab',
      records: store.writer?.records ?? 0,
      observations: store.counters.observations,
      since: 0,
      oldest: store.look(oldestOf) ?? 0,
      retentionDays: 90,
      readsDns: true,
      state: 'ok',
    }),
    failed: (error) => void failures.push(error),
  });
});
afterAll(async () => {
  await server.close();
  await folder.dispose();
  expect(failures).toEqual([]);
});

interface Reply {
  status: number;
  headers: Record<string, unknown>;
  text: string;
  body: { ok?: boolean; code?: string; result?: PageAnswer };
}

/** One request, with whatever headers, of a path that nothing tidies up. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port: server.port, path, method, headers, agent: false };
    const call = request(where, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        const body = text.startsWith('{') ? (JSON.parse(text) as Reply['body']) : {};
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body });
      });
    });
    call.on('error', reject);
    call.end();
  });
}

const found = async (search: string) => (await ask(`/api/lookup?${search}`)).body.result;

test('a name, the names below one, and an address are answered: newest first, bounded, and it is said when there are more', async () => {
  const records = (await found('name=OK.example.'))?.records;
  expect(records).toMatchObject([
    { rrname: 'ok.example', rrtype: 'A', rdata: '192.0.2.2', count: 1 },
    { rrname: 'ok.example', rrtype: 'A', rdata: '192.0.2.1', count: 1 },
  ]);
  expect(await found('address=192.0.2.1')).toMatchObject({
    records: [{ rrname: 'ok.example' }],
    more: false,
  });
  expect(await found('name=nobody.example')).toEqual({ records: [], more: false });
  for (const search of ['name=*.many.example', 'address=198.51.100.1']) {
    const many = await found(search);
    expect([many?.records.length, many?.more]).toEqual([PAGE_RECORDS, true]);
  }
});

test('hostile names stay text in their field, and can be asked for as they are shown', async () => {
  const { headers, text } = await ask('/api/lookup?name=*.bad.example');
  expect(headers['content-type']).toContain('application/json');
  expect(headers['set-cookie']).toBeUndefined();
  const names = (JSON.parse(text) as { result: PageAnswer }).result.records.map(({ rrname }) => rrname);
  expect(names.sort()).toEqual([
    '<script>alert(1)</script>.bad.example',
    String.raw`a\013\010set-cookie:\032x=1.bad.example`,
    'a\u202egpj.bad.example',
  ]);
  for (const name of names) {
    expect((await found(`name=${encodeURIComponent(name)}`))?.records).toMatchObject([{ rrname: name }]);
  }
});

test('what the instrument is doing, and who looks, is said; the oldest record is that which is known for longest', async () => {
  const { body } = await ask('/api/state');
  expect(body).toMatchObject({ ok: true, result: { sensor: 'lab', records: 255, observations: 255 } });
  const { oldest } = body.result as unknown as { oldest: number };
  expect(Math.abs(oldest * 1_000 - (Date.now() - 2 * DAY_MS))).toBeLessThan(DAY_MS / 2);
  const person = { 'x-bulkhead-user': 'vera', 'x-bulkhead-roles': 'viewer' };
  expect((await ask('/api/me', person)).body).toEqual({ user: 'vera', roles: ['viewer'] });
  expect((await ask('/api/me', { 'x-bulkhead-roles': 'admin' })).body).toEqual({
    user: null,
    roles: ['admin'],
  });
  // Who may only look sees what an administrator sees.
  expect((await ask('/api/lookup?name=ok.example', person)).body.result?.records).toHaveLength(2);
});

test.each([
  ['nothing asked', '/api/lookup', {}, 'GET', 400],
  ['an empty name', '/api/lookup?name=', {}, 'GET', 400],
  ['a name and an address', '/api/lookup?name=a&address=192.0.2.1', {}, 'GET', 400],
  ['a name twice', '/api/lookup?name=a&name=b', {}, 'GET', 400],
  ['another parameter', '/api/lookup?limit=100000', {}, 'GET', 400],
  ['a further parameter', '/api/lookup?name=a&limit=100000', {}, 'GET', 400],
  ['no address', '/api/lookup?address=ok.example', {}, 'GET', 400],
  ['an address with a zone', '/api/lookup?address=fe80::1%25eth0', {}, 'GET', 400],
  ['a network', '/api/lookup?address=192.0.2.0/24', {}, 'GET', 400],
  ['what is not UTF-8', '/api/lookup?name=%ff', {}, 'GET', 400],
  ['half an escape', '/api/lookup?name=%4', {}, 'GET', 400],
  ['a line end', '/api/lookup?name=a%0d%0ab', {}, 'GET', 400],
  ['a NUL', '/api/lookup?name=a%00', {}, 'GET', 400],
  ['a name beyond the bound', `/api/lookup?name=${'a'.repeat(1_021)}`, {}, 'GET', 400],
  ['an address of a request beyond the bound', `/api/lookup?name=${'a'.repeat(5_000)}`, {}, 'GET', 414],
  ['a page of another site', '/api/lookup?name=ok.example', { 'sec-fetch-site': 'cross-site' }, 'GET', 403],
  ['a page of a neighbour', '/api/state', { 'sec-fetch-site': 'same-site' }, 'GET', 403],
  ['a change', '/api/lookup?name=ok.example', { 'x-bulkhead-roles': 'admin' }, 'POST', 405],
  ['a deletion', '/api/lookup?name=ok.example', { 'x-bulkhead-roles': 'admin' }, 'DELETE', 405],
  ['a path out of the page', '/../../etc/passwd', {}, 'GET', 404],
  ['an encoded path', '/%2e%2e/%2e%2e/etc/passwd', {}, 'GET', 404],
  ['the database', '/dns.sqlite', {}, 'GET', 404],
  ['an operation that is not there', '/api/__proto__', {}, 'GET', 404],
] as [string, string, Record<string, string>, string, number][])(
  'refused: %s',
  async (_, path, headers, method, expected) => {
    const { status, body, headers: sent } = await ask(path, headers, method);
    expect([status, body.ok, typeof body.code]).toEqual([expected, false, 'string']);
    expect(sent['access-control-allow-origin']).toBeUndefined();
  },
);

test('a question in SQL finds nothing and harms nothing', async () => {
  const search = `name=${encodeURIComponent("x' OR 1=1; DROP TABLE rrsets --")}`;
  expect(await found(search)).toEqual({ records: [], more: false });
  expect((await found('name=ok.example'))?.records).toHaveLength(2);
});

test('the page runs no script but its own, and says nothing to HEAD but that it is there', async () => {
  for (const path of ['/', '/api/state', '/api/lookup?name=ok.example', '/nothing']) {
    const { headers } = await ask(path);
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self';");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect([headers['x-content-type-options'], headers['cache-control']]).toEqual(['nosniff', 'no-store']);
  }
  const { status, text } = await ask('/', {}, 'HEAD');
  expect([status, text]).toEqual([200, '']);
});

test('garbage and half a request do not end it; a database that cannot be opened is said, and nothing else', async () => {
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  socket.write('\0\xff garbage\r\n\r\n');
  await new Promise((resolve) => socket.once('close', resolve));
  const half = connect(server.port, '127.0.0.1');
  half.on('error', () => undefined);
  half.write('GET /api/state HTTP/1.1\r\nHost: ');
  expect((await ask('/api/state')).status).toBe(200);
  half.destroy();
  await store.close();
  expect(await ask('/api/lookup?name=ok.example')).toMatchObject({
    status: 503,
    body: { ok: false, code: 'PASSIVE_DNS_UNAVAILABLE' },
  });
});
