import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRuleBench, OPERATOR, type RuleBench } from '../../support/rule-bench.ts';
import { ruleText } from '../../support/rule-texts.ts';

let bench: RuleBench;
beforeAll(async () => {
  bench = await openRuleBench({ autoDeploy: false });
});
afterAll(() => bench.dispose());

const url = (path: string) => `http://127.0.0.1:${String(bench.app.httpPort)}${path}`;
const WISH = { name: 'own', origin: { type: 'pasted' }, text: ruleText(5), reason: 'x' };

test('nobody changes anything without a name and a role that may', async () => {
  for (const headers of [
    {},
    { 'x-bulkhead-user': 'eve' },
    { 'x-bulkhead-roles': 'admin' },
    { 'x-bulkhead-user': 'eve', 'x-bulkhead-roles': 'viewer, operators' },
    { 'x-bulkhead-user': '', 'x-bulkhead-roles': 'admin' },
  ]) {
    const { status, body } = await bench.http('source.add', WISH, headers);
    expect([status, body['code']]).toEqual([403, 'RULES_NOT_ALLOWED']);
  }
  expect((await bench.http('sources.list', {}, {})).body).toMatchObject({
    ok: true,
    result: { sources: [] },
  });
  const me = await fetch(url('/api/me'), { headers: OPERATOR });
  expect(await me.json()).toEqual({ user: 'ada', roles: ['operator'], canChange: true });
});

test('pages of other origins are refused, and the page runs no script but its own', async () => {
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
  ]) {
    const { body } = await bench.http('source.add', WISH, { ...OPERATOR, ...headers });
    expect(body).toMatchObject({ ok: false });
  }
  const { headers } = await fetch(url('/api/me'));
  expect(headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self';");
  expect(headers.get('content-security-policy')).not.toContain('unsafe');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('access-control-allow-origin')).toBeNull();
});

test('what only reads can be asked by GET, from its own pages; nothing can be changed that way', async () => {
  const ask = async (operation: string, request: unknown, headers: Record<string, string> = {}) => {
    const query = `?request=${encodeURIComponent(JSON.stringify(request))}`;
    const reply = await fetch(url(`/api/${operation}${query}`), { headers: { ...OPERATOR, ...headers } });
    return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
  };
  expect(await ask('sources.list', {})).toMatchObject({ status: 200, body: { ok: true } });
  expect(await ask('rules.search', { limit: 1e9 })).toMatchObject({ status: 400, body: { at: '/limit' } });
  expect((await ask('overview', {}, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  expect((await ask('source.add', { ...WISH, name: 'by-get' })).status).toBe(404);
  expect((await fetch(url('/api/overview?request=%7B'))).status).toBe(400);
  expect(JSON.stringify(await ask('sources.list', {}))).not.toContain('by-get');
});

test('what does not fit is refused with its place; what is too large is not read', async () => {
  const bad = [
    ['source.add', { ...WISH, name: '../x' }, '/name'],
    ['source.add', { ...WISH, more: 1 }, '/more'],
    ['source.add', { ...WISH, origin: { type: 'url', url: 'file:///etc/passwd' } }, '/origin/url'],
    ['source.add', { ...WISH, reason: ' ' }, '/reason'],
    ['rules.search', { limit: 1e9 }, '/limit'],
    [
      'rule.set',
      { sid: 1, enabled: false, reason: 'x', scope: { address: '10.0.0.0/33' } },
      '/scope/address',
    ],
    ['suppression.add', { sid: 1, reason: 'x', scope: { address: '10.0.0.1\nsuppress' } }, '/scope/address'],
    ['suppression.add', { sid: 1, reason: 'x', addresses: ['any'] }, '/addresses/0'],
    ['variables.set', { homeNet: ['10.0.0.0/8", evil: "'], reason: 'x' }, '/homeNet/0'],
    ['variables.set', { homeNet: ['10.0.0.0/64'], reason: 'x' }, '/homeNet/0'],
    ['ruleset.rollback', { version: '../../etc', reason: 'x' }, '/version'],
  ] as const;
  for (const [operation, request, at] of bad) {
    const { status, body } = await bench.http(operation, request);
    expect([operation, status, body['code'], body['at']]).toEqual([
      operation,
      400,
      'RULES_REQUEST_INVALID',
      at,
    ]);
  }
  for (const text of ['', '{', '[]', '"x"', 'null']) {
    expect((await bench.http('source.add', text)).status).toBe(400);
  }
  const large = await bench.http('source.add', 'x'.repeat(9 * 2 ** 20)).catch(() => ({ status: 413 }));
  expect(large.status).toBe(413);
  expect((await bench.http('no.such', {})).status).toBe(404);
  expect((await bench.http('__proto__', {})).status).toBe(404);
});

test('a limit cannot be for one address, and nothing can be for one address but suppressing and switching off', async () => {
  await bench.call('source.add', { ...WISH, origin: { type: 'pasted' } });
  const scope = { address: '10.0.0.1' };
  const limit = { type: 'limit', count: 1, seconds: 60 };
  for (const [operation, request] of [
    ['suppression.add', { sid: 5, scope, action: limit }],
    ['rule.set', { sid: 5, scope, enabled: true }],
    ['variables.set', { scope, homeNet: ['10.0.0.0/8'] }],
  ] as const) {
    const { body } = await bench.http(operation, { ...request, reason: 'x' });
    expect(body).toMatchObject({ ok: false, code: 'RULES_SCOPE_NOT_POSSIBLE' });
  }
  const expires = '2020-01-01T00:00:00Z';
  expect((await bench.http('suppression.add', { sid: 5, expires, reason: 'x' })).body).toMatchObject({
    code: 'RULES_EXPIRED',
  });
});

test('no path leaves the folder of the page', async () => {
  for (const path of ['/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '//etc/passwd', '/api/../main.mjs']) {
    expect(await statusOf(path)).toBe(404);
  }
});

test('access codes are not shown again: not in sources, documents, history or the log of changes', async () => {
  const index =
    'version: 1\nsources:\n  v/pro:\n    summary: s\n    url: https://rules.example/%(code)s/x.tar.gz\n';
  const { writeFileSync } = await import('node:fs');
  writeFileSync(`${bench.folder}/rule-manager/resources/index.yaml`, index);
  await bench.call('source.add', {
    name: 'index',
    origin: { type: 'index-file', file: 'index.yaml' },
    reason: 'x',
  });
  expect((await bench.call('sources.catalogue', {})).entries[0]).toMatchObject({
    parameters: [{ name: 'code' }],
  });
  const origin = {
    type: 'catalogue',
    index: 'index',
    entry: 'v/pro',
    parameters: { code: 'S3CRET' },
  } as const;
  await bench.call('source.add', { name: 'pro', origin, reason: 'x' });
  expect(bench.downloads.at(-1)?.url).toBe('https://rules.example/S3CRET/x.tar.gz');
  for (const operation of ['sources.list', 'documents.list', 'changes.list', 'overview'] as const) {
    const { body } = await bench.http(operation, {});
    expect(JSON.stringify(body)).not.toContain('S3CRET');
  }
});

/** Of a path that a client would tidy up first. */
function statusOf(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(bench.app.httpPort ?? 0, '127.0.0.1', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    });
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('end', () => {
      resolve(Number(text.split(' ')[1]));
    });
    socket.on('error', reject);
  });
}
