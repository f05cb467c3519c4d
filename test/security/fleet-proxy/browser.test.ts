import { afterAll, beforeAll, expect, test } from 'vitest';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Page } from 'playwright-core';
import { openBrowser, type TestBrowser } from '../../e2e/rule-manager/browser.ts';
import { startProxy, type TestProxy } from '../../support/fleet/ui-proxy.ts';
import { accept } from '../../support/fleet/web-sockets.ts';

let at: TestProxy;
let browser: TestBrowser;
/** What each instrument was asked, with everything that came along. */
const asked = { evil: [] as IncomingMessage[], good: [] as IncomingMessage[] };
const connected: IncomingMessage[] = [];

beforeAll(async () => {
  at = await startProxy();
  // Everything that a page can say about itself, it says.
  await at.instrument(
    'evil',
    page('evil', [
      ['Set-Cookie', '__Host-bulkhead-ui=stolen; Path=/; Secure'],
      ['Set-Cookie', 'bulkhead=stolen; Path=/'],
      ['Set-Cookie', 'wide=1; Domain=lab.localhost; Path=/'],
      ['Set-Cookie', 'own=1; Path=/'],
      ['Service-Worker-Allowed', '/'],
      ['Access-Control-Allow-Origin', '*'],
      ['Content-Security-Policy', 'frame-ancestors *'],
    ]),
  );
  const good = await at.instrument(
    'good',
    page('good', [
      ['Access-Control-Allow-Origin', '*'],
      ['X-Frame-Options', 'ALLOWALL'],
    ]),
  );
  good.on('upgrade', (request, socket: Duplex) => {
    connected.push(request);
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end()).resume();
    accept(request, socket);
    // One text frame.
    socket.write(Buffer.concat([Buffer.from([0x81, 5]), Buffer.from('hello')]));
  });
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
  await at.close();
});

function page(name: 'evil' | 'good', headers: (readonly [string, string])[]): RequestListener {
  return (request, response) => {
    // A browser asks for that by itself, late or not at all.
    if (request.url !== '/favicon.ico') asked[name].push(request);
    const isScript = request.url?.endsWith('.js') ?? false;
    response.writeHead(200, [
      ...headers.flat(),
      ...['Content-Type', isScript ? 'text/javascript' : 'text/html'],
    ]);
    const html = `<!doctype html><title>${name}</title><p>secret of ${name}</p>`;
    response.end(isScript ? `self.secret = 'secret of ${name}'` : html);
  };
}

/** Runs a function in the page. It is text: what it uses is there and not here. */
function inPage<T>(tab: Page, source: string, ...values: unknown[]): Promise<T> {
  return tab.evaluate<T>(`(${source})(${values.map((value) => JSON.stringify(value)).join(', ')})`);
}

/** A form, as a person's click sends it. */
const SEND_FORM = `(action, fields) => {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = action;
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement('input'), { name, value }));
  }
  document.body.append(form);
  form.submit();
}`;
const KNOCK = `(host) => new Promise((resolve) => {
  try {
    const socket = new WebSocket('ws://' + host + '/live');
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = () => resolve('refused');
  } catch {
    resolve('refused');
  }
})`;

/** From the fleet's own page, under its own policy. */
async function enter(tab: Page, instrument: string): Promise<void> {
  await tab.goto(`http://localhost:${at.port}/`);
  const origin = at.origin(instrument);
  const arrived = tab.waitForURL(`${origin}/`);
  await inPage(tab, SEND_FORM, `${origin}/.bulkhead/enter`, { code: at.people.code(origin) });
  await arrived;
  expect(await tab.title()).toBe(instrument);
}

test('a person comes from the fleet to a page and works there: changes and WebSockets of the page itself pass', async () => {
  const { page: tab } = await browser.page({});
  await enter(tab, 'good');
  const change = "() => fetch('/api/change', { method: 'POST', body: '{}' }).then((answer) => answer.status)";
  expect(await inPage(tab, change)).toBe(200);
  expect(await inPage(tab, KNOCK, at.host('good'))).toBe('hello');
  expect(connected).toHaveLength(1);
  await tab.reload();
  expect(await tab.title()).toBe('good');
  await tab.context().close();
});

test('ABUSE 51: in a browser that is signed in everywhere, no cookie of anybody reaches an instrument', async () => {
  const { page: tab } = await browser.page({});
  await tab.context().addCookies([
    { name: 'bulkhead', value: 'of-the-fleet', domain: 'localhost', path: '/', httpOnly: true },
    { name: 'wide', value: 'of-the-sensor', domain: '.lab.localhost', path: '/' },
  ]);
  await enter(tab, 'evil');
  await inPage(tab, "() => fetch('/x.js').then((answer) => answer.status)");
  expect(asked.evil.length).toBeGreaterThan(1);
  for (const { headers, rawHeaders } of asked.evil) {
    expect(headers.cookie).toBeUndefined();
    expect(rawHeaders.join('\n')).not.toMatch(/of-the-fleet|of-the-sensor|bulkhead-ui/);
  }
  await tab.context().close();
});

test('ABUSE 52: what an instrument sets stays with its own origin; ours is out of its reach', async () => {
  const { page: tab } = await browser.page({});
  await enter(tab, 'good');
  await enter(tab, 'evil');
  const before = await tab.context().cookies();
  // By script too: what would be ours, and what would reach the fleet.
  const write =
    '(cookies) => { for (const cookie of cookies) document.cookie = cookie; return document.cookie; }';
  const seen = await inPage(tab, write, [
    '__Host-bulkhead-ui=stolen; Path=/; Secure',
    '__Host-bulkhead=stolen; Path=/; Secure; Domain=localhost',
    'bulkhead=stolen; Path=/; Domain=localhost',
  ]);
  expect(seen).toBe('own=1');
  const cookies = await tab.context().cookies();
  expect(cookies).toEqual(before);
  expect(cookies.map(({ name, domain }) => `${name} ${domain}`).sort()).toEqual([
    '__Host-bulkhead-ui evil.lab.localhost',
    '__Host-bulkhead-ui good.lab.localhost',
    'own evil.lab.localhost',
  ]);
  const ours = cookies.filter(({ name }) => name !== 'own');
  expect(ours.every(({ httpOnly, secure }) => httpOnly && secure)).toBe(true);
  await tab.context().close();
});

test('ABUSE 53: a service worker is kept to the folder that it came from', async () => {
  const { page: tab } = await browser.page({});
  await enter(tab, 'evil');
  const register = `(scope) => navigator.serviceWorker.register('/folder/worker.js', { scope })
    .then(() => 'registered', (error) => error.name)`;
  expect(await inPage(tab, register, '/')).toBe('SecurityError');
  expect(await inPage(tab, register, '/folder/')).toBe('registered');
  await tab.context().close();
});

/** Everything by which a page may try to read another origin; what it got of each. */
const TRY_ALL = `async (origins) => {
  const results = [];
  const loaded = (element) => new Promise((resolve, reject) => {
    element.onload = () => resolve('loaded');
    element.onerror = () => reject(new Error('refused'));
    document.body.append(element);
  });
  const note = async (name, work) => results.push(name + ': ' + (await work().catch(() => 'refused')));
  for (const origin of origins) {
    for (const mode of ['cors', 'no-cors']) {
      for (const method of ['GET', 'POST']) {
        await note([method, mode, origin].join(' '), async () => {
          const answer = await fetch(origin + '/x', { method, mode, credentials: 'include' });
          return answer.type + ' ' + (await answer.text());
        });
      }
    }
    await note('script ' + origin, () => loaded(Object.assign(document.createElement('script'), { src: origin + '/x.js' })));
    await note('image ' + origin, () => loaded(Object.assign(document.createElement('img'), { src: origin + '/x' })));
    await note('frame ' + origin, async () => {
      const frame = Object.assign(document.createElement('iframe'), { src: origin + '/' });
      document.body.append(frame);
      await new Promise((resolve) => setTimeout(resolve, 300));
      return (frame.contentDocument && frame.contentDocument.body.textContent) || 'refused';
    });
  }
  return results;
}`;

test('ABUSE 54: the page of one instrument reads nothing of another and nothing of the fleet, and makes neither do anything', async () => {
  const { page: tab } = await browser.page({});
  await enter(tab, 'good');
  await enter(tab, 'evil');
  const before = asked.good.length;
  const others = [at.origin('good'), `http://localhost:${at.port}`, `http://127.0.0.1:${at.port}`];
  const tries = await inPage<string[]>(tab, TRY_ALL, others);
  expect(tries).toHaveLength(21);
  expect(tries.filter((text) => !text.endsWith(': refused'))).toEqual([]);
  // And by what needs no reading: a form.
  await inPage(tab, SEND_FORM, `${at.origin('good')}/api/change`, { rule: '1' });
  await tab.waitForTimeout(500);
  expect(asked.good.slice(before).map(({ method, url }) => `${method ?? ''} ${url ?? ''}`)).toEqual([]);
  // A window that it opens shows the other page to the person, and not to it.
  await enter(tab, 'evil');
  const opened = tab.context().waitForEvent('page');
  await inPage(tab, '(url) => { self.other = open(url); }', `${at.origin('good')}/`);
  await (await opened).waitForLoadState();
  const reach = `() => {
    try {
      return self.other === null || self.other.closed ? 'severed' : self.other.document.title;
    } catch {
      return 'foreign';
    }
  }`;
  // The page learns of it a moment after the other one was loaded; until then it is a stranger's, too.
  await expect.poll(() => inPage(tab, reach), { timeout: 10_000 }).toBe('severed');
  await tab.context().close();
});

test('what no policy of ours holds gets no further: a page of a stranger, with the cookies of a person who is signed in', async () => {
  const { page: tab } = await browser.page({});
  await enter(tab, 'good');
  const before = asked.good.length;
  await tab.route('http://stranger.example/', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>stranger</title><body>' }),
  );
  await tab.goto('http://stranger.example/');
  const tries = await inPage<string[]>(tab, TRY_ALL, [at.origin('good')]);
  // Without CORS an answer is opaque whatever it is; that nothing arrived is what counts.
  expect(tries.filter((text) => !/: (refused|opaque )$/.test(text))).toEqual([]);
  await inPage(tab, SEND_FORM, `${at.origin('good')}/api/change`, { rule: '1' });
  await tab.waitForTimeout(500);
  expect(asked.good.slice(before).map(({ method, url }) => `${method ?? ''} ${url ?? ''}`)).toEqual([]);
  await tab.context().close();
});

test('ABUSE 55: a WebSocket from the page of another instrument, or of a stranger, is refused', async () => {
  const { page: tab } = await browser.page({});
  await enter(tab, 'good');
  const before = connected.length;
  await enter(tab, 'evil');
  expect(await inPage(tab, KNOCK, at.host('good'))).toBe('refused');
  await tab.route('http://stranger.example/', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>stranger</title>' }),
  );
  await tab.goto('http://stranger.example/');
  expect(await inPage(tab, KNOCK, at.host('good'))).toBe('refused');
  expect(connected.length).toBe(before);
  await tab.context().close();
});

test('ABUSE 52: on one machine, cookies that a page throws at its parents do not reach the fleet; whom they reach is told what to do', async () => {
  const { page: tab } = await browser.page({});
  await enter(tab, 'good');
  await enter(tab, 'evil');
  const throwAt = `(domain) => {
    for (let n = 0; n < 60; n += 1) document.cookie = 'bomb' + n + '=' + 'x'.repeat(3_900) + '; Path=/; Domain=' + domain;
  }`;
  // Chromium takes none for a whole top-level domain, which localhost is: the fleet's own page is as before.
  await inPage(tab, throwAt, 'localhost');
  expect(JSON.stringify(await tab.context().cookies())).not.toContain('bomb');
  // The sensor's domain is another matter: its other instruments' pages are hit, in this browser.
  await inPage(tab, throwAt, 'lab.localhost');
  const bombs = async () =>
    (await tab.context().cookies()).filter(({ name }) => name.startsWith('bomb')).length;
  await expect.poll(bombs, { timeout: 10_000 }).toBe(60);
  const hit = await tab.goto(`${at.origin('good')}/`);
  expect(hit?.status()).toBe(431);
  expect(await tab.textContent('body')).toContain('Delete the cookies of this domain');
  expect((await tab.goto(`http://localhost:${at.port}/`))?.status()).toBe(200);
  // The way out that it names.
  await tab.context().clearCookies();
  await enter(tab, 'good');
  await tab.context().close();
});
