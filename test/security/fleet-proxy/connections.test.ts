import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { closing, startProxy, type TestProxy } from '../../support/fleet/ui-proxy.ts';
import { accept, collect, frame, giantFrame, opening } from '../../support/fleet/web-sockets.ts';

let at: TestProxy;
let person: Record<string, string>;
/** Upgraded connections on the instrument's side, the newest last. */
const pages: Duplex[] = [];
const requests: string[] = [];
let bodyBytes = 0;
let aborted = 0;

beforeAll(async () => {
  at = await startProxy({ proxyLimits: { bodyBytesMost: 2 ** 20, streamsMost: 3 } });
  await serve(at);
  person = at.people.signIn(at.origin('rules'));
});

afterAll(async () => {
  for (const page of pages) page.destroy();
  await at.close();
});

/** Runs a test where little time is given: to all the others it is given as in the field, for this machine may be busy. */
async function inHaste(
  limits: Parameters<typeof startProxy>[0],
  work: (hasty: TestProxy, person: Record<string, string>) => Promise<void>,
): Promise<void> {
  const hasty = await startProxy(limits);
  try {
    await serve(hasty);
    await work(hasty, hasty.people.signIn(hasty.origin('rules')));
  } finally {
    await hasty.close();
  }
}

async function serve(on: TestProxy): Promise<void> {
  const server = await on.instrument('rules', (request, response) => {
    requests.push(request.url ?? '');
    request.on('data', (part: Buffer) => (bodyBytes += part.length));
    request.on('close', () => {
      if (!request.complete) aborted += 1;
    });
    if (request.url !== '/never') request.on('end', () => response.end('whole'));
  });
  server.on('upgrade', (request, socket: Duplex) => {
    socket.on('error', () => undefined);
    // As servers do; Node leaves it to whoever took the connection over.
    socket.on('end', () => socket.end());
    requests.push(request.url ?? '');
    pages.push(socket);
    if (request.url === '/refuses') socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
    else if (request.url !== '/never') {
      accept(request, socket, ['Set-Cookie: bulkhead=1', 'Sec-WebSocket-Protocol: events', 'Server: x']);
      if (request.url === '/greets')
        socket.write(Buffer.concat([Buffer.from([0x81, 8]), Buffer.from('greeting')]));
      if (request.url === '/echo') {
        // Unmasked, as a server sends: two bytes of head, then what came after the client's six.
        socket.on('data', (part: Buffer) =>
          socket.write(Buffer.concat([Buffer.from([0x81, part.length - 6]), part.subarray(6)])),
        );
      }
    }
  });
}

async function connect(path: string, headers: Record<string, string> = {}, to = at, by = person) {
  const socket = await to.dial();
  const got = collect(socket);
  socket.write(opening(path, { Host: to.host('rules'), ...by, ...headers }));
  return { socket, ...got };
}

/** The status with which an opening is answered. */
async function statusOf(headers: Record<string, string>): Promise<string> {
  const { socket, text } = await connect('/echo', headers);
  await waitFor('an answer', 5_000, () => text().includes('\r\n\r\n'));
  socket.destroy();
  return text().slice(9, 12);
}

test('a WebSocket passes both ways at once; only the agreement itself is passed on; it ends with the right', async () => {
  const mine = at.people.signIn(at.origin('rules'), { name: 'wanda' });
  const { socket, text, closed } = await connect('/echo', mine);
  await waitFor('the agreement', 5_000, () => text().includes('\r\n\r\n'));
  expect(text()).toMatch(/^HTTP\/1\.1 101 /);
  expect(text()).toContain('Sec-WebSocket-Protocol: events');
  expect(text()).not.toMatch(/set-cookie|server:/i);
  socket.write(frame('hello instrument'));
  await waitFor('the echo', 5_000, () => text().includes('hello instrument'));
  expect(at.audit.find(({ action }) => action === 'instrument.connect')).toMatchObject({
    target: 'rules@lab',
  });
  const page = pages.at(-1)!;
  const both = Promise.all([closed, closing(page)]);
  at.people.end('wanda');
  await both;
});

test('ABUSE 55: a WebSocket from a page of another origin, or of none, never reaches the instrument', async () => {
  const before = requests.length;
  const origins = [
    { origin: 'https://evil.example' },
    { origin: at.origin('other') },
    { origin: `http://localhost:${at.port}` },
    { origin: 'null' },
    { origin: at.origin('rules').replace('http:', 'https:') },
    { origin: `${at.origin('rules')}.evil.example` },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site' },
  ];
  for (const headers of origins) expect([headers, await statusOf(headers)]).toEqual([headers, '403']);
  expect(await statusOf({ cookie: 'a=b' })).toBe('401');
  // What is no WebSocket: h2c, no key, a body.
  expect(await statusOf({ Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAARAAAAAAAIAAAAA' })).toBe('400');
  expect(await statusOf({ 'Sec-WebSocket-Key': 'short' })).toBe('400');
  expect(await statusOf({ 'Sec-WebSocket-Version': '8' })).toBe('400');
  expect(await statusOf({ 'Content-Length': '5' })).toBe('400');
  expect(requests.length).toBe(before);
  // The same for changes by an ordinary request.
  for (const headers of origins) {
    const answer = await at.get('rules', '/change', { ...person, ...headers }, 'POST', '{}');
    expect([headers, answer.status]).toEqual([headers, 403]);
  }
  const { origin: _origin, ...noOrigin } = person;
  expect((await at.get('rules', '/change', noOrigin, 'POST', '{}')).status).toBe(403);
  const { 'sec-fetch-site': _site, ...noSite } = person;
  expect((await at.get('rules', '/change', noSite, 'POST', '{}')).status).toBe(403);
  expect(requests.length).toBe(before);
});

test('what is said in one breath with the opening or the agreement arrives', async () => {
  const { socket, text } = await connect('/greets');
  await waitFor('the greeting', 5_000, () => text().includes('greeting'));
  socket.destroy();
  const eager = await at.dial();
  const got = collect(eager);
  const bytes = opening('/echo', { Host: at.host('rules'), ...person });
  eager.write(Buffer.concat([Buffer.from(bytes), frame('sent at once')]));
  await waitFor('the echo', 5_000, () => got.text().includes('sent at once'));
  eager.destroy();
  await waitFor('nothing under way', 5_000, () => at.proxy.counts().live === 0);
});

test('what an instrument answers in place of an agreement is told as a refusal, and its silence ends', async () => {
  const refused = await connect('/refuses');
  await refused.closed;
  expect(refused.text()).toMatch(/^HTTP\/1\.1 502 /);
  const never = await connect('/never');
  at.people.end('nobody');
  await waitFor('the opening to be under way', 5_000, () => at.proxy.counts().live === 1);
  never.socket.destroy();
  await waitFor('the end', 5_000, () => at.proxy.counts().live === 0);
});

test('ABUSE 57: who trickles headers or a body is cut off, and the instrument is left alone', async () => {
  await inHaste({ limits: { headersMs: 1_000, requestMs: 2_000, checkMs: 100 } }, async (hasty, mine) => {
    const headers = await hasty.dial();
    headers.write(`GET / HTTP/1.1\r\nHost: ${hasty.host('rules')}\r\n`);
    const trickle = setInterval(() => headers.write('x: y\r\n'), 100);
    const slow = await hasty.dial();
    const lines = Object.entries({ host: hasty.host('rules'), ...mine, 'content-length': '100000' });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    slow.write(`POST /slow HTTP/1.1\r\n${head}\r\n`);
    const drip = setInterval(() => slow.write('x'), 100);
    const before = aborted;
    await Promise.all([collect(headers).closed, collect(slow).closed]);
    clearInterval(trickle);
    clearInterval(drip);
    await waitFor('the instrument to be left', 5_000, () => aborted > before);
    expect(requests).toContain('/slow');
  });
});

test('ABUSE 57: an endless body ends at a bound, stated or not', async () => {
  const stated = await at
    .get('rules', '/big', { ...person, 'content-length': String(2 ** 20 + 1) }, 'POST')
    .catch(() => undefined);
  if (stated !== undefined) expect(stated.status).toBe(413);
  expect(requests).not.toContain('/big');
  const socket = await at.dial();
  const { text, closed } = collect(socket);
  const lines = Object.entries({ host: at.host('rules'), ...person, 'transfer-encoding': 'chunked' });
  socket.write(
    `POST /endless HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  );
  const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 'x'), Buffer.from('\r\n')]);
  bodyBytes = 0;
  for (let n = 0; n < 400 && !socket.destroyed; n += 1) {
    if (!socket.write(chunk)) await Promise.race([drained(socket), closed]);
  }
  await closed;
  expect(text()).toMatch(/^HTTP\/1\.1 413 /);
  expect(bodyBytes).toBeLessThanOrEqual(2 ** 20);
});

test('ABUSE 57: a frame of any size is held back by who does not read it; silence and too many connections end', async () => {
  await inHaste({ proxyLimits: { silentMs: 1_500 } }, async (hasty, mine) => {
    const { socket, text, closed } = await connect('/deaf', {}, hasty, mine);
    await waitFor('the agreement', 5_000, () => text().includes('\r\n\r\n'));
    pages.at(-1)!.pause();
    socket.write(giantFrame(2n ** 62n));
    const part = Buffer.alloc(2 ** 20);
    for (let n = 0; n < 64; n += 1) socket.write(part);
    let [last, held] = [-1, 0];
    await waitFor('the flow to stop', 15_000, async () => {
      if (socket.destroyed) return true;
      const sent = socket.bytesWritten - socket.writableLength;
      const isStill = sent === last;
      [last, held] = [sent, socket.writableLength];
      await sleep(300);
      return isStill;
    });
    // The buffers of three sockets on the way, and nothing that grows with the frame.
    expect(last).toBeLessThan(16 * 2 ** 20);
    expect(held).toBeGreaterThan(40 * 2 ** 20);
    // Nothing goes either way any more: it is ended; so is one that never said anything.
    await closed;
    await (
      await connect('/idle', {}, hasty, mine)
    ).closed;
    await waitFor('nothing under way', 5_000, () => hasty.proxy.counts().live === 0);
  });
  const idle = await Promise.all([connect('/idle'), connect('/idle'), connect('/idle')]);
  await waitFor('three agreements', 5_000, () => idle.every(({ text }) => text().includes(' 101 ')));
  expect(await statusOf({})).toBe('503');
  for (const { socket } of idle) socket.destroy();
  await waitFor('nothing under way', 5_000, () => at.proxy.counts().live === 0);
});

test('ABUSE 57: an instrument that never answers does not hold anybody for ever', async () => {
  await inHaste({ proxyLimits: { answerMs: 1_500 } }, async (hasty, mine) => {
    const answer = await hasty.get('rules', '/never', mine);
    expect([answer.status, answer.body]).toEqual([504, expect.stringContaining('FLEET_PROXY_TIMEOUT')]);
    await waitFor('nothing under way', 5_000, () => hasty.proxy.counts().live === 0);
  });
});

function drained(socket: Duplex): Promise<void> {
  return new Promise((resolve) => socket.once('drain', () => resolve()));
}
