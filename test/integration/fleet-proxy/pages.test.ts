import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { closing, startProxy, type TestProxy } from '../../support/fleet/ui-proxy.ts';

/** Neither text nor anything else in particular. */
const EVERY_BYTE = Buffer.from(Array.from({ length: 1_024 }, (_, n) => n % 256));

let at: TestProxy;
/** What the page was asked last. */
let seen: IncomingMessage | undefined;
let seenBody = '';
let endless = 0;

beforeAll(async () => {
  at = await startProxy({ wrap: asTunnel });
  await at.instrument('rules', (request, response) => {
    seen = request;
    seenBody = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => (seenBody += part));
    const path = request.url ?? '';
    if (path === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n');
      const timer = setInterval(() => response.write('data: more\n\n'), 50);
      response.on('close', () => clearInterval(timer));
    } else if (path === '/endless') {
      response.on('close', () => (endless = -1));
      const more = () => {
        do endless += 65_536;
        while (response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    } else if (path === '/breaks') {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half', () => response.destroy());
    } else if (path === '/bytes') {
      response.end(EVERY_BYTE);
    } else if (path === '/never') {
      // Nothing is ever answered.
    } else {
      request.on('end', () => response.writeHead(200, { 'content-type': 'text/plain' }).end(`page ${path}`));
    }
  });
});

afterAll(async () => {
  await at.close();
});

/** A tunnel is no socket: only what every Duplex has. */
function asTunnel(socket: Duplex): Duplex {
  const tunnel = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (chunk: Buffer) => {
    if (!tunnel.push(chunk)) socket.pause();
  });
  socket.on('end', () => tunnel.push(null));
  socket.on('error', (error: Error) => tunnel.destroy(error));
  socket.on('close', () => tunnel.destroy());
  return tunnel;
}

test.each([{ through: 'a socket' }, { through: 'a tunnel' }])(
  'a page is reached through $through: the instrument learns who asks; changes and bodies arrive whole',
  async ({ through }) => {
    at.tunnels.isUsed = through === 'a tunnel';
    const person = at.people.signIn(at.origin('rules'), { name: 'anna', roles: ['viewer', 'analyst'] });
    const page = await at.get('rules', '/rules?sid=1', person);
    expect([page.status, page.body]).toEqual([200, 'page /rules?sid=1']);
    expect(seen?.headers).toMatchObject({
      host: at.host('rules'),
      'x-bulkhead-user': 'anna',
      'x-bulkhead-roles': 'viewer,analyst',
    });
    const body = 'é'.repeat(200_000);
    const changed = await at.get('rules', '/api/change', person, 'POST', body);
    expect([changed.status, seen?.method, seenBody.length]).toEqual([200, 'POST', 200_000]);
    // Without a stated length.
    const chunked = await at.get(
      'rules',
      '/api/chunked',
      { ...person, 'transfer-encoding': 'chunked' },
      'PUT',
      body,
    );
    expect([chunked.status, seenBody.length, seen?.headers['transfer-encoding']]).toEqual([
      200,
      200_000,
      'chunked',
    ]);
    expect(at.audit.filter(({ action }) => action === 'instrument.change').at(-1)).toMatchObject({
      target: 'rules@lab',
      outcome: 'done',
      facts: { method: 'PUT', path: '/api/chunked', status: 200 },
    });
    if (at.tunnels.isUsed) {
      expect(at.tunnels.opened[0]).toEqual({
        instrument: 'rules',
        user: 'anna',
        roles: ['viewer', 'analyst'],
      });
      // Kept open, for this person; another one gets one of their own.
      const before = at.tunnels.opened.length;
      for (let n = 0; n < 5; n += 1) await at.get('rules', '/', person);
      expect(at.tunnels.opened.length).toBe(before);
      await at.get('rules', '/', at.people.signIn(at.origin('rules'), { name: 'ben' }));
      expect(at.tunnels.opened.at(-1)).toMatchObject({ user: 'ben', roles: ['viewer'] });
    }
    at.tunnels.isUsed = false;
  },
);

test('people enter by a form of the fleet with a code, once; the session is of that origin alone', async () => {
  const enter = (code: string, headers: Record<string, string> = {}) =>
    at.get(
      'rules',
      '/.bulkhead/enter',
      {
        origin: `http://localhost:${at.port}`,
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        ...headers,
      },
      'POST',
      new URLSearchParams({ code, path: '/rules?sid=7' }).toString(),
    );
  const code = at.people.code(at.origin('rules'), { name: 'carla' });
  const entered = await enter(code);
  expect([entered.status, entered.headers.location]).toEqual([303, '/rules?sid=7']);
  const [cookie = ''] = entered.headers['set-cookie'] ?? [];
  expect(cookie).toMatch(
    /^__Host-bulkhead-ui=[\w-]{43}; Path=\/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax$/,
  );
  const inside = { cookie: cookie.split(';', 1)[0]! };
  expect((await at.get('rules', '/', inside)).status).toBe(200);
  expect(seen?.headers['x-bulkhead-user']).toBe('carla');
  expect(at.audit.find(({ action }) => action === 'instrument.open')).toMatchObject({
    target: 'rules@lab',
    outcome: 'done',
  });
  // A second time, for another page, from a stranger's page.
  expect(await codeOf(enter(code))).toBe('FLEET_PROXY_CODE_REFUSED');
  expect(await codeOf(enter(at.people.code(at.origin('other'))))).toBe('FLEET_PROXY_CODE_REFUSED');
  const mine = at.people.code(at.origin('rules'));
  expect(await codeOf(enter(mine, { origin: 'https://evil.example' }))).toBe('FLEET_PROXY_ORIGIN_REFUSED');
  expect(await codeOf(enter(mine, { origin: at.origin('other') }))).toBe('FLEET_PROXY_ORIGIN_REFUSED');
  expect(await codeOf(enter(mine, { origin: `https://localhost:${at.port}` }))).toBe(
    'FLEET_PROXY_ORIGIN_REFUSED',
  );
  // The cookie means nothing on another origin.
  at.states.set('other', 'served');
  expect(await codeOf(at.get('other', '/', inside))).toBe('FLEET_PROXY_SIGNED_OUT');
});

test('a token is good for the API without a browser; its roles are those that apply there', async () => {
  const token = at.people.token({ name: 'robot', roles: ['operator'] });
  expect((await at.get('rules', '/api/change', token, 'POST', '{}')).status).toBe(200);
  expect(seen?.headers).toMatchObject({ 'x-bulkhead-user': 'robot', 'x-bulkhead-roles': 'operator' });
  expect(seen?.headers.authorization).toBeUndefined();
  const elsewhere = at.people.token({ instruments: ['passive-dns'] });
  expect(await codeOf(at.get('rules', '/', elsewhere))).toBe('FLEET_PROXY_DENIED');
  expect(await codeOf(at.get('rules', '/', { authorization: 'Bearer bh_aaaaaaaaaaaaaaaaaaaaaaaa' }))).toBe(
    'FLEET_PROXY_SIGNED_OUT',
  );
  // Whoever sends a token that is not good does not get in by a cookie.
  const both = { ...at.people.signIn(at.origin('rules')), authorization: 'Basic YTpi' };
  expect(await codeOf(at.get('rules', '/', both))).toBe('FLEET_PROXY_SIGNED_OUT');
});

test('what is not there is said clearly: a page for people, JSON for programs, nothing for strangers', async () => {
  const cases = [
    ['opening', 'FLEET_PROXY_NOT_RUNNING', 503, 'is being opened'],
    ['not-running', 'FLEET_PROXY_NOT_RUNNING', 503, 'dns@lab is not running'],
    ['not-granted', 'FLEET_PROXY_PAGE_NOT_GRANTED', 404, 'was not given the right'],
    ['unknown', 'FLEET_PROXY_SENSOR_UNKNOWN', 404, 'There is no instrument dns on lab'],
    // The fleet believes that it is served, and nobody is there.
    ['served', 'FLEET_PROXY_NOT_RUNNING', 503, 'is not being served'],
  ] as const;
  const person = at.people.signIn(at.origin('dns'));
  for (const [state, code, status, words] of cases) {
    at.states.set('dns', state);
    await waitFor('a new look', 5_000, async () => (await codeOf(at.get('dns', '/', person))) === code);
    const shown = await at.get('dns', '/', { ...person, accept: 'text/html,*/*' });
    expect([shown.status, shown.headers['content-type']]).toEqual([status, 'text/html; charset=utf-8']);
    expect(shown.body).toContain(words);
    expect(shown.body).not.toContain('<script');
    expect(shown.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
  }
  const ward = `dns.s-bbbbbbbbbbbbbbbb.localhost:${at.port}`;
  const there = at.people.signIn(`http://${ward}`);
  const offline = await at.get('dns', '/', { ...there, host: ward });
  expect([offline.status, JSON.parse(offline.body)]).toMatchObject([
    503,
    { code: 'FLEET_PROXY_SENSOR_OFFLINE' },
  ]);
  // A stranger is told the same of everything.
  for (const host of [ward, at.host('rules'), at.host('none'), at.host('rules', 'nowhere')]) {
    expect(await codeOf(at.get('rules', '/', { host }))).toBe('FLEET_PROXY_SIGNED_OUT');
  }
});

test('a stream of events passes at once; its end comes with the end of the right, and so does that of a download', async () => {
  const person = at.people.signIn(at.origin('rules'), { name: 'dora' });
  const stream = await at.dial();
  const lines = Object.entries({ host: at.host('rules'), ...person }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  stream.write(`GET /events HTTP/1.1\r\n${lines.join('')}\r\n`);
  let text = '';
  stream.on('data', (part: Buffer) => (text += part.toString()));
  await waitFor('events', 5_000, () => text.includes('data: one') && text.includes('data: more'));
  const download = await at.dial();
  download.write(`GET /endless HTTP/1.1\r\n${lines.join('')}\r\n`);
  await waitFor('a download', 5_000, () => endless > 0);
  const both = Promise.all([closing(stream), closing(download.resume())]);
  at.people.end('dora');
  await both;
  await waitFor('the page to be left alone', 5_000, () => endless === -1);
  await waitFor('nothing under way', 5_000, () => at.proxy.counts().live === 0);
  expect(await codeOf(at.get('rules', '/', person))).toBe('FLEET_PROXY_SIGNED_OUT');
});

test('bytes arrive as they were sent', async () => {
  const lines = Object.entries({ host: at.host('rules'), ...at.people.signIn(at.origin('rules')) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const answer = Buffer.from(
    await at.raw(`GET /bytes HTTP/1.1\r\n${head}connection: close\r\n\r\n`),
    'latin1',
  );
  expect(answer.includes(EVERY_BYTE)).toBe(true);
});

test('an answer that breaks off is seen to break off; a client that goes away frees the page', async () => {
  const person = at.people.signIn(at.origin('rules'));
  await expect(at.get('rules', '/breaks', person)).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  const socket = await at.dial();
  const lines = Object.entries({ host: at.host('rules'), ...person }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.write(`GET /never HTTP/1.1\r\n${lines.join('')}\r\n`);
  await waitFor('the request', 5_000, () => seen?.url === '/never');
  const gone = closing(seen!.socket);
  socket.destroy();
  await gone;
  await waitFor('nothing under way', 5_000, () => at.proxy.counts().live === 0);
});

test('a yes is asked for once while a page loads, and anew after every change', async () => {
  const person = at.people.signIn(at.origin('rules'), { name: 'emil' });
  const before = at.people.asked;
  const beganMs = performance.now();
  await Promise.all(Array.from({ length: 30 }, () => at.get('rules', '/', person)));
  // A yes is good for a second at most: one of them may begin meanwhile, and as many more as this takes.
  expect(at.people.asked - before).toBeLessThanOrEqual(2 + (performance.now() - beganMs) / 1_000);
  at.people.end('somebody else');
  const then = at.people.asked;
  await at.get('rules', '/', person);
  expect(at.people.asked).toBe(then + 1);
});

async function codeOf(answer: Promise<{ body: string }>): Promise<unknown> {
  return (JSON.parse((await answer).body) as { code: string }).code;
}
