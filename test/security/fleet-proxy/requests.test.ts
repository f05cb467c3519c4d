import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startProxy, type TestProxy } from '../../support/fleet/ui-proxy.ts';

let at: TestProxy;
let person: Record<string, string>;
/** Everything that reached the instrument. */
const reached: IncomingMessage[] = [];

beforeAll(async () => {
  at = await startProxy();
  await at.instrument('rules', (request, response) => {
    reached.push(request);
    request.resume();
    response.end('the page');
  });
  person = at.people.signIn(at.origin('rules'), { name: 'anna', roles: ['viewer'] });
});

afterAll(async () => {
  await at.close();
});

/** A request as bytes, with the person's session, and the status of each answer that came. */
async function send(head: string[], rest = ''): Promise<number[]> {
  const lines = [...head, ...Object.entries(person).map(([name, value]) => `${name}: ${value}`)];
  const answer = await at.raw(`${lines.join('\r\n')}\r\n\r\n${rest}`, 150);
  return [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((match) => Number(match[1]));
}

function fresh(): IncomingMessage[] {
  return reached.splice(0);
}

test('ABUSE 48: paths that another reader may take for others never reach an instrument; plain ones arrive byte for byte', async () => {
  for (const path of [
    '/..%2f..%2fetc/passwd',
    '/%2e%2e/%2e%2e/x',
    '/%252e%252e%252fx',
    '/a\\..\\b',
    '/a%5C..%5Cb',
    '/a%00.html',
    '/a/../b',
    '/..;/x',
    '/%c0%ae%c0%ae/x',
  ]) {
    expect([path, await send([`GET ${path} HTTP/1.1`, `Host: ${at.host('rules')}`])]).toEqual([path, [400]]);
  }
  expect(fresh()).toEqual([]);
  expect(await send(['GET /a%20b//c?x=../%2e HTTP/1.1', `Host: ${at.host('rules')}`])).toEqual([200]);
  expect(fresh().map(({ url }) => url)).toEqual(['/a%20b//c?x=../%2e']);
});

test('ABUSE 49: what a client says of itself, of its address or of the host counts for nothing and is not passed on', async () => {
  const lies = {
    'X-Bulkhead-User': 'root',
    'x-bulkhead-roles': 'admin',
    X_Bulkhead_User: 'root',
    'X-Forwarded-For': '127.0.0.1',
    'X-Forwarded-Host': 'evil.example',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-User': 'root',
    Forwarded: 'for=127.0.0.1;host=evil.example',
    'X-Real-IP': '127.0.0.1',
    'True-Client-IP': '127.0.0.1',
    'X-Original-URL': '/admin',
    'X-Rewrite-URL': '/admin',
    'X-HTTP-Method-Override': 'DELETE',
    'X-Remote-User': 'root',
    'Remote-User': 'root',
    Via: '1.1 x',
    'Proxy-Authorization': 'Basic YTpi',
    Referer: 'https://fleet.example.org/secret',
    TE: 'trailers',
    'X-Hop': '1',
    // Names what we add, for a proxy to drop.
    Connection: 'keep-alive, X-Hop, X-Bulkhead-User, X-Bulkhead-Roles, Host',
  };
  const { status } = await at.get('rules', '/', { ...person, ...lies, 'X-Mine': '1' });
  expect(status).toBe(200);
  const [request] = fresh();
  const names = request!.rawHeaders
    .filter((_text, index) => index % 2 === 0)
    .map((name) => name.toLowerCase());
  expect(names.filter((name) => name !== 'connection').sort()).toEqual(
    ['host', 'origin', 'sec-fetch-site', 'x-bulkhead-roles', 'x-bulkhead-user', 'x-mine'].sort(),
  );
  expect(request!.headers).toMatchObject({
    host: at.host('rules'),
    'x-bulkhead-user': 'anna',
    'x-bulkhead-roles': 'viewer',
  });
  // Other hosts: of nobody, of the fleet, two at once.
  const refused = [
    ['Host: rules.lab.localhost.evil.example'],
    [`Host: evil.rules.lab.localhost:${at.port}`],
    [`Host: rules.lab.localhost.:${at.port}`],
    [`Host: ${at.host('rules')}`, `Host: ${at.host('other')}`],
    [`Host: ${at.host('rules')}`, 'Host: localhost'],
    [`Host: ${at.host('rules')}@evil.example`],
  ];
  for (const hosts of refused) {
    const [status = 0, ...more] = await send(['GET / HTTP/1.1', ...hosts]);
    // What is no name of ours at all is the fleet's own app's to refuse; here stands one that answers everything.
    expect([hosts, [200, 400, 421].includes(status), more]).toEqual([hosts, true, []]);
  }
  expect(fresh()).toEqual([]);
});

test('ABUSE 50: requests that end in two places, and addresses of elsewhere, reach nobody', async () => {
  const host = `Host: ${at.host('rules')}`;
  const smuggled = `GET /smuggled HTTP/1.1\r\n${host}\r\n\r\n`;
  const bodies = [
    [`Content-Length: ${smuggled.length + 5}`, 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Content-Length: 4'],
    ['Content-Length: 0', `Content-Length: ${smuggled.length}`],
    ['Content-Length: 0, 5'],
    ['Content-Length: +5'],
    ['Content-Length: 0x5'],
    ['Transfer-Encoding: xchunked'],
    ['Transfer-Encoding: chunked, identity'],
    ['Transfer-Encoding: identity'],
    ['Transfer-Encoding : chunked'],
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
    ['Transfer-Encoding:\x0bchunked'],
    ['X: y\nTransfer-Encoding: chunked'],
    [' Transfer-Encoding: chunked'],
  ];
  for (const headers of bodies) {
    const statuses = await send(['POST / HTTP/1.1', host, ...headers], `0\r\n\r\n${smuggled}`);
    expect([headers, statuses.filter((status) => status < 400)]).toEqual([headers, []]);
  }
  for (const target of [
    'http://127.0.0.1:22/',
    `http://${at.host('rules')}/`,
    'https://evil.example/',
    '//evil.example/',
    '*',
    'evil.example:443',
    '/a\tb',
  ]) {
    for (const method of ['GET', 'OPTIONS', 'CONNECT']) {
      const statuses = await send([`${method} ${target} HTTP/1.1`, host]);
      expect([method, target, statuses.filter((status) => status < 400)]).toEqual([method, target, []]);
    }
  }
  for (const method of ['TRACE', 'PROPFIND', 'PURGE']) {
    expect([method, await send([`${method} / HTTP/1.1`, host])]).toEqual([method, [405]]);
  }
  expect(fresh()).toEqual([]);
  // A chunked body's own extensions and trailers end here.
  const [status] = await send(
    ['POST /api HTTP/1.1', host, 'Transfer-Encoding: chunked', 'Trailer: X-Bulkhead-User'],
    '3;a=b\r\nabc\r\n0\r\nX-Bulkhead-User: root\r\n\r\n',
  );
  expect(status).toBe(200);
  const [request] = fresh();
  expect(request!.headers['x-bulkhead-user']).toBe('anna');
  expect(request!.trailers).toEqual({});
});

test('ABUSE 58: a token or a code in an address is refused, and lets nobody in', async () => {
  const { authorization = '' } = at.people.token();
  const token = authorization.slice('Bearer '.length);
  const code = at.people.code(at.origin('rules'));
  const host = { host: at.host('rules') };
  for (const path of [
    `/?access_token=${token}`,
    `/x?t=${token}`,
    `/${token}`,
    `/?t=%62h_${token.slice(3)}`,
  ]) {
    for (const headers of [host, { ...host, ...person }, { ...host, authorization }]) {
      const answer = await at.get('rules', path, headers);
      expect([path, answer.status, answer.body]).toEqual([
        path,
        400,
        expect.stringContaining('TOKEN_IN_URL'),
      ]);
      // Not repeated to whoever reads the answer.
      expect(answer.body).not.toContain(token.slice(3));
    }
  }
  for (const method of ['GET', 'HEAD', 'PUT']) {
    const answer = await at.get('rules', `/.bulkhead/enter?code=${code}`, host, method);
    expect([method, answer.status]).toEqual([method, 405]);
  }
  expect(fresh()).toEqual([]);
  expect(at.audit.some((note) => JSON.stringify(note).includes(token))).toBe(false);
});

test("the fleet's own addresses on every origin never reach the instrument", async () => {
  for (const path of [
    '/.bulkhead/',
    '/.bulkhead/x',
    '/.Bulkhead/enter',
    '/.bulkhead;x/enter',
    '/.bulkhead',
  ]) {
    expect([path, (await at.get('rules', path, person)).status]).toEqual([path, 404]);
  }
  expect(fresh()).toEqual([]);
});
