import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { openWeb, type FleetApp, type FleetFeature, type Person, type Web } from '@bulkhead/fleet-server/web';
import { BulkheadError, openLog } from '@bulkhead/platform/kernel';

const opened: Web[] = [];
const dirs: string[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((web) => web.close()));
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

const feature = (routes: (app: FleetApp) => void, extra: Partial<FleetFeature> = {}): FleetFeature => ({
  name: 'test',
  start: async () => undefined,
  stop: async () => undefined,
  routes,
  ...extra,
});

/** Lets in who says so; what they may is in a header: this is about the frame, not about people. */
const guard: FleetFeature['guard'] = {
  onRequest: async (request) => {
    const rights = request.headers['x-test-rights'];
    if (typeof rights !== 'string') return;
    const may: Person['may'] = (right, sensor) =>
      rights.split(',').some((entry) => entry === right || entry === `${right}@${sensor ?? ''}`);
    request.person = { id: 'p1', name: 'Test', roles: ['viewer'], may };
  },
};

async function web(features: FleetFeature[], pagesDir?: string): Promise<Web> {
  const made = await openWeb({
    log: openLog('test', 'silent'),
    version: '0.0.0',
    tls: undefined,
    knowsHost: (host) => host === 'localhost',
    instrumentHosts: '*.localhost:*',
    features,
    pagesDir,
  });
  opened.push(made);
  return made;
}

const ask = (on: Web, url: string, headers: Record<string, string> = {}) =>
  on.app.inject({ method: 'GET', url, headers: { host: 'localhost:8443', ...headers } });

test('a route that does not say what it asks for keeps the fleet from starting', async () => {
  const silent = feature((app) => app.get('/api/v1/open', async () => 'hello'));
  await expect(web([silent])).rejects.toMatchObject({ code: 'FLEET_WEB_RIGHT_UNDECLARED' });
  const strange = feature((app) =>
    app.get('/api/v1/x', { config: { right: 'all' as unknown as 'public' } }, async () => 'hello'),
  );
  await expect(web([strange])).rejects.toMatchObject({ code: 'FLEET_WEB_RIGHT_UNDECLARED' });
  const elsewhere = feature((app) =>
    app.get('/api/v1/x/:a', { config: { right: 'sensors.read', sensorParam: 'b' } }, async () => 'hello'),
  );
  await expect(web([elsewhere])).rejects.toMatchObject({ code: 'FLEET_WEB_RIGHT_UNDECLARED' });
});

test('without a guard only what is public answers', async () => {
  const on = await web([
    feature((app) => {
      app.get('/api/v1/free', { config: { right: 'public' } }, async () => ({ free: true }));
      app.get('/api/v1/mine', { config: { right: 'signed-in' } }, async () => ({ mine: true }));
      app.get('/api/v1/read', { config: { right: 'sensors.read' } }, async () => ({ read: true }));
    }),
  ]);
  expect((await ask(on, '/api/v1/free')).statusCode).toBe(200);
  for (const path of ['/api/v1/mine', '/api/v1/read']) {
    const refused = await ask(on, path);
    expect(refused.statusCode).toBe(401);
    expect(refused.json()).toMatchObject({ code: 'FLEET_WEB_SIGNED_OUT' });
  }
});

test('a right counts where the route says it is asked for', async () => {
  const on = await web([
    feature(
      (app) => {
        const config = { right: 'sensors.operate', sensorParam: 'sensor' } as const;
        app.post('/api/v1/sensors/:sensor/stop', { config }, async () => ({ done: true }));
      },
      { guard },
    ),
  ]);
  const stop = async (sensor: string, rights: string) =>
    on.app.inject({
      method: 'POST',
      url: `/api/v1/sensors/${sensor}/stop`,
      headers: { host: 'localhost', 'x-test-rights': rights },
    });
  expect((await stop('a', 'sensors.operate@a')).statusCode).toBe(200);
  const refused = await stop('b', 'sensors.operate@a,sensors.read');
  expect(refused.statusCode).toBe(403);
  expect(refused.json()).toMatchObject({ code: 'FLEET_WEB_DENIED', fields: { sensor: 'b' } });
});

test('errors have one shape, and what is nobody’s business stays inside', async () => {
  const on = await web([
    feature((app) => {
      const config = { right: 'public' } as const;
      const querystring = z.strictObject({ n: z.coerce.number() });
      app.get('/api/v1/number', { config, schema: { querystring } }, async () => ({ ok: true }));
      app.get('/api/v1/own', { config }, async () => {
        throw new BulkheadError({ code: 'FLEET_WEB_DENIED', message: 'No.', hint: 'Ask.', fields: { a: 1 } });
      });
      app.get('/api/v1/fault', { config }, async () => {
        throw new Error('password of the database is swordfish');
      });
      app.post('/api/v1/body', { config }, async () => ({ ok: true }));
    }),
  ]);
  const own = await ask(on, '/api/v1/own');
  expect([own.statusCode, own.json()]).toEqual([
    403,
    { code: 'FLEET_WEB_DENIED', message: 'No.', hint: 'Ask.', fields: { a: 1 } },
  ]);
  expect(own.headers['x-request-id']).toMatch(/^[\w-]{12}$/);
  const fault = await ask(on, '/api/v1/fault');
  expect([fault.statusCode, fault.json().code]).toEqual([500, 'FLEET_WEB_INTERNAL']);
  expect(fault.body).not.toContain('swordfish');
  const invalid = await ask(on, '/api/v1/number?n=x&more=1');
  expect([invalid.statusCode, invalid.json().code]).toEqual([400, 'FLEET_WEB_REQUEST_INVALID']);
  expect(invalid.json().fields.pointer).toMatch(/^\/querystring/);
  const nowhere = await ask(on, '/api/v1/nowhere');
  expect([nowhere.statusCode, nowhere.json().code]).toEqual([404, 'FLEET_WEB_NOT_FOUND']);
  const post = (payload: string, type: string) =>
    on.app.inject({
      method: 'POST',
      url: '/api/v1/body',
      payload,
      headers: { host: 'localhost', 'content-type': type },
    });
  expect((await post('{"a":', 'application/json')).json().code).toBe('FLEET_WEB_REQUEST_INVALID');
  expect((await post('a=1', 'text/plain')).statusCode).toBe(415);
  expect((await post(`"${'x'.repeat(1_100_000)}"`, 'application/json')).statusCode).toBe(413);
});

test('every reply carries the policy: nothing inline, never framed, no referrer, no sniffing', async () => {
  const on = await web([]);
  const { headers } = await ask(on, '/api/v1/nowhere');
  expect(headers['content-security-policy']).toMatch(
    /default-src 'none';.*script-src 'self';.*frame-ancestors 'none'/,
  );
  expect(headers['content-security-policy']).not.toMatch(/unsafe| \*[ ;]|https?:\/\/\*/);
  expect(headers).toMatchObject({
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'strict-origin',
    'cross-origin-opener-policy': 'same-origin',
  });
});

test('names that are not ours and paths that are not plain are refused before anything looks at them', async () => {
  const on = await web([
    feature((app) => app.get('/api/v1/free', { config: { right: 'public' } }, async () => ({ free: true }))),
  ]);
  for (const host of ['evil.example', 'localhost.evil.example', 'localhost@evil', 'localhost:8443:1']) {
    const refused = await ask(on, '/api/v1/free', { host });
    expect([host, refused.statusCode, refused.json().code]).toEqual([host, 421, 'FLEET_WEB_HOST_REFUSED']);
  }
  expect((await ask(on, '/api/v1/free', { host: 'LOCALHOST.:1' })).statusCode).toBe(200);
});

test('the app’s page gets a nonce of its own each time, its files are kept, its addresses can be opened', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'fleet-pages-'));
  dirs.push(dir);
  mkdirSync(join(dir, 'assets'));
  writeFileSync(join(dir, 'index.html'), '<meta property="csp-nonce" nonce="__BULKHEAD_NONCE__">');
  writeFileSync(join(dir, 'assets', 'app-1a2b.js'), 'export {};');
  writeFileSync(join(dir, 'assets', 'app-1a2b.js.gz'), gzipSync('export {};'));
  writeFileSync(join(dir, 'favicon.svg'), '<svg/>');
  const on = await web([], dir);
  const html = { accept: 'text/html,*/*' };
  const nonces = await Promise.all(
    ['/', '/', '/sensors/s_1'].map(async (path) => {
      const page = await ask(on, path, html);
      const nonce = /nonce="([^"]+)"/.exec(page.body)?.[1] ?? '';
      expect(page.headers['content-security-policy']).toContain(`style-src 'self' 'nonce-${nonce}';`);
      expect(page.headers['content-security-policy']).toContain("script-src 'self';");
      expect(page.headers['cache-control']).toBe('no-store');
      return nonce;
    }),
  );
  expect(new Set(nonces).size).toBe(3);
  const script = await ask(on, '/assets/app-1a2b.js');
  expect(script.headers).toMatchObject({ 'cache-control': expect.stringContaining('immutable') });
  const packed = await ask(on, '/assets/app-1a2b.js', { 'accept-encoding': 'gzip, deflate' });
  expect(packed.headers).toMatchObject({
    'content-encoding': 'gzip',
    'content-type': expect.stringContaining('javascript'),
    'cache-control': expect.stringContaining('immutable'),
    vary: expect.stringMatching(/accept-encoding/i),
  });
  expect(gunzipSync(packed.rawPayload).toString()).toBe('export {};');
  expect((await ask(on, '/favicon.svg')).statusCode).toBe(200);
  // A page of the app, though files of it lie below that name.
  expect((await ask(on, '/assets', html)).statusCode).toBe(200);
  for (const path of ['/assets/none.js', '/api/v2/x', '/index.php', '/assets/']) {
    expect([path, (await ask(on, path, html)).statusCode]).toEqual([path, 404]);
  }
});
