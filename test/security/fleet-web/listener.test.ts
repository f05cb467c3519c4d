import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWeb, type FleetFeature, type Web } from '@bulkhead/fleet-server/web';
import { openLog } from '@bulkhead/platform/kernel';
import type { ServerLimits } from '../../../fleet-ui/server/web/server.ts';

// Far below the usual ones, so that the test need not wait for those: what is proved is that each is in force.
const LIMITS = { keepAliveMs: 300, connectionsMost: 40, headerBytesMost: 8 * 1024 };
/** Of a listener of its own: an honest client of a busy machine may need longer. */
const SHORT = { ...LIMITS, headersMs: 1_200, requestMs: 1_800, silenceMs: 2_500, checkMs: 100 };
const seen: string[] = [];
const opened: Web[] = [];
let port: number;
let hasty: number;

beforeAll(async () => {
  const feature: FleetFeature = {
    name: 'echo',
    start: async () => undefined,
    stop: async () => undefined,
    routes: (app) => {
      const config = { right: 'public' } as const;
      app.get('/api/v1/free', { config }, async (request) => {
        seen.push(request.url);
        return { free: true };
      });
      app.post('/api/v1/body', { config }, async () => {
        seen.push('body');
        return { read: true };
      });
    },
  };
  const listen = async (limits: Partial<ServerLimits>) => {
    const web = await openWeb({
      log: openLog('test', 'silent'),
      version: '0.0.0',
      tls: undefined,
      knowsHost: (host) => host === 'localhost',
      instrumentHosts: '*.localhost:*',
      features: [feature],
      pagesDir: undefined,
      limits,
    });
    opened.push(web);
    return web.listen('127.0.0.1', 0);
  };
  [port, hasty] = [await listen(LIMITS), await listen(SHORT)];
});
afterAll(async () => {
  for (const web of opened) await web.close();
});

/** A connection of a client that says what it likes; `answer` is all that comes back until the fleet ends it. */
function client(to = port): { socket: Socket; answer: Promise<string> } {
  const socket = connect(to, '127.0.0.1');
  const answer = new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
  return { socket, answer };
}

const ask = async (to: number, target: string, ...headers: string[]) => {
  const { socket, answer } = client(to);
  socket.write(
    [`GET ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n'),
  );
  return answer;
};
const get = (target: string, ...headers: string[]) => ask(port, target, ...headers);

const answers = async (of = port) => (await ask(of, '/api/v1/free')).startsWith('HTTP/1.1 200');

test('ABUSE 57: who trickles headers or a body is cut off, and others are answered meanwhile', async () => {
  const drip = (start: string) => {
    const { socket, answer } = client(hasty);
    socket.write(start);
    const timer = setInterval(() => socket.write('x'), 50);
    socket.on('close', () => clearInterval(timer));
    return answer;
  };
  const slow = [
    ...Array.from({ length: 10 }, () => drip('GET /api/v1/free HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')),
    ...Array.from({ length: 10 }, () =>
      drip(
        'POST /api/v1/body HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"',
      ),
    ),
  ];
  expect(await answers(hasty)).toBe(true);
  for (const answer of await Promise.all(slow)) expect(answer).toMatch(/^HTTP\/1\.1 408|^$/);
  expect(seen).not.toContain('body');
});

test('ABUSE 57: who says nothing at all is let go, and more connections than there may be are not held', async () => {
  const crowd = Array.from({ length: 120 }, () => client(hasty));
  const ended = await Promise.all(crowd.map(({ answer }) => answer));
  expect(ended).toHaveLength(120);
  expect(await answers(hasty)).toBe(true);
});

test('ABUSE 57: endless headers and an endless body end at a bound', async () => {
  expect(await get('/api/v1/free', `X-Long: ${'x'.repeat(20_000)}`)).toMatch(/^HTTP\/1\.1 431/);
  // It is read to its end, as far as that comes soon, so that the answer arrives; and it signs nobody out of anything.
  const bomb = await get('/', `Cookie: ${'a=b; '.repeat(200_000)}`);
  expect(bomb).toMatch(/^HTTP\/1\.1 431 [^]*Delete the cookies of this domain/);
  expect(bomb).not.toMatch(/clear-site-data/i);
  expect(await get(`/api/v1/${'x'.repeat(20_000)}`)).toMatch(/^HTTP\/1\.1 431/);
  const { socket, answer } = client();
  socket.write(
    'POST /api/v1/body HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  let sent = 0;
  const send = () => {
    while (!socket.destroyed && socket.write(chunk)) sent += chunk.length;
  };
  socket.on('drain', send);
  send();
  expect(await answer).toMatch(/^HTTP\/1\.1 413|^$/);
  expect(sent).toBeLessThan(64 * 1024 * 1024);
  expect(await answers()).toBe(true);
});

test('ABUSE 58: a token or a password in an address is refused, whatever it is called and however it is written', async () => {
  const targets = [
    '/api/v1/free?token=abc',
    '/api/v1/free?a=1&access_token=abc',
    '/api/v1/free?API_KEY=abc',
    '/api/v1/free?pass%77ord=abc',
    '/api/v1/free?session=abc',
    '/api/v1/free?x=bh_0123456789abcdefABCDEF',
    '/api/v1/free?x=%62h_0123456789abcdefABCDEF',
    '/api/v1/free?x=%2562h_0123456789abcdefABCDEF',
    '/api/v1/bh_0123456789abcdefABCDEF/free',
  ];
  const before = seen.length;
  for (const target of targets) {
    const answer = await get(target, 'Authorization: Bearer bh_0123456789abcdefABCDEF');
    expect([target, answer]).toEqual([
      target,
      expect.stringMatching(/^HTTP\/1\.1 400[^]*FLEET_WEB_TOKEN_IN_URL/),
    ]);
  }
  expect(seen.slice(before)).toEqual([]);
  expect(await get('/api/v1/free?q=broken+tokens')).toMatch(/^HTTP\/1\.1 200/);
});

test('ABUSE 48: a path that two readers could read differently is refused by the fleet’s own addresses', async () => {
  const targets = [
    '/api/v1/../free',
    '/api/v1/x/%2e%2e/free',
    '/api/v1/x/%252e%252e/free',
    '/api//v1/free',
    '/api/v1%2ffree',
    '/api\\v1\\free',
    '/api/v1%5cfree',
    '/api/v1/free%00',
    'http://localhost/api/v1/free',
    '//localhost/api/v1/free',
  ];
  for (const target of targets) {
    const answer = await get(target);
    expect([target, answer]).toEqual([
      target,
      expect.stringMatching(/^HTTP\/1\.1 400[^]*FLEET_WEB_PATH_REFUSED/),
    ]);
  }
});

test('ABUSE 50: a request whose end can be read in two ways is refused and nothing after it is read', async () => {
  const smuggled = 'GET /api/v1/free?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const head = 'POST /api/v1/body HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  const attempts = [
    `${head}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}${smuggled}`,
    `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}Content-Length: +2\r\n\r\n{}${smuggled}`,
    `GET /api/v1/free HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n${smuggled}`,
  ];
  for (const attempt of attempts) {
    const { socket, answer } = client();
    socket.write(attempt);
    expect([attempt, await answer]).toEqual([attempt, expect.stringMatching(/^HTTP\/1\.1 4\d\d/)]);
  }
  expect(seen.filter((url) => url.includes('smuggled'))).toEqual([]);
});

test('ABUSE 49: a name that is not the fleet’s is answered with nothing but that', async () => {
  const askAs = async (host: string, ...more: string[]) => {
    const { socket, answer } = client();
    socket.write(
      ['GET /api/v1/free HTTP/1.1', `Host: ${host}`, 'Connection: close', ...more, '', ''].join('\r\n'),
    );
    return answer;
  };
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    'evil.example:8443',
    '',
    'localhost, evil.example',
  ]) {
    expect([host, await askAs(host, 'X-Forwarded-Host: localhost')]).toEqual([
      host,
      expect.stringMatching(/^HTTP\/1\.1 421[^]*FLEET_WEB_HOST_REFUSED/),
    ]);
  }
  expect(await askAs('localhost', 'X-Forwarded-Host: evil.example')).toMatch(/^HTTP\/1\.1 200/);
});
