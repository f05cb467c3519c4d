import { afterAll, beforeAll, expect, test } from 'vitest';
import type { IncomingMessage } from 'node:http';
import { startProxy, type TestProxy } from '../../support/fleet/ui-proxy.ts';

let at: TestProxy;
let person: Record<string, string>;
let seen: IncomingMessage | undefined;

const HOSTILE: readonly (readonly [string, string])[] = [
  ['Set-Cookie', '__Host-bulkhead-ui=stolen; Path=/; Secure'],
  ['Set-Cookie', '__Host-bulkhead=stolen; Path=/; Secure'],
  ['Set-Cookie', 'bulkhead=stolen; Path=/'],
  ['Set-Cookie', 'wide=1; Domain=localhost'],
  ['Set-Cookie', 'wide=1; DOMAIN=.lab.localhost; Path=/'],
  ['Set-Cookie', '=__Host-bulkhead=stolen'],
  ['Set-Cookie', 'theme=dark; Path=/'],
  ['Service-Worker-Allowed', '/'],
  ['Clear-Site-Data', '"*"'],
  ['Content-Security-Policy', 'frame-ancestors *'],
  ['Content-Security-Policy-Report-Only', "default-src 'none'; report-uri https://evil.example/"],
  ['X-Frame-Options', 'ALLOWALL'],
  ['X-Content-Type-Options', 'no'],
  ['Strict-Transport-Security', 'max-age=0'],
  ['Referrer-Policy', 'unsafe-url'],
  ['Access-Control-Allow-Origin', '*'],
  ['Access-Control-Allow-Credentials', 'true'],
  ['Cross-Origin-Resource-Policy', 'cross-origin'],
  ['Cross-Origin-Opener-Policy', 'unsafe-none'],
  ['Alt-Svc', 'h3="evil.example:443"'],
  ['Report-To', '{}'],
  ['NEL', '{}'],
  ['WWW-Authenticate', 'Basic realm="Bulkhead"'],
  ['Connection', 'Content-Security-Policy, X-Frame-Options'],
  ['X-Page', 'kept'],
];

beforeAll(async () => {
  at = await startProxy();
  await at.instrument('rules', (request, response) => {
    seen = request;
    response.writeHead(request.url === '/moved' ? 302 : 200, [
      ...HOSTILE.flat(),
      ...(request.url === '/moved' ? ['Location', '/elsewhere'] : []),
    ]);
    response.end('the page');
  });
  person = at.people.signIn(at.origin('rules'));
});

afterAll(async () => {
  await at.close();
});

test('ABUSE 51: no cookie and no Authorization of the client reaches an instrument', async () => {
  await at.get('rules', '/', { ...person, 'Proxy-Authorization': 'Basic YTpi', Cookie2: '$Version=1' });
  expect(person['cookie']).toContain('__Host-bulkhead=of-the-fleet');
  expect(JSON.stringify(seen!.rawHeaders)).not.toMatch(/cookie|of-the-fleet|bulkhead-ui|authorization/i);
  await at.get('rules', '/', at.people.token());
  expect(JSON.stringify(seen!.rawHeaders)).not.toMatch(/bearer|authorization/i);
});

test('ABUSE 52: an instrument sets cookies of its own host only, and none of ours', async () => {
  const { headers } = await at.get('rules', '/', person);
  expect(headers['set-cookie']).toEqual(['theme=dark; Path=/']);
});

test('ABUSE 53: Service-Worker-Allowed, Clear-Site-Data and whatever else reaches beyond the page is taken off', async () => {
  for (const path of ['/', '/moved']) {
    const { headers } = await at.get('rules', path, person);
    for (const name of [
      'service-worker-allowed',
      'clear-site-data',
      'alt-svc',
      'report-to',
      'nel',
      'www-authenticate',
      'content-security-policy-report-only',
    ]) {
      expect([name, headers[name]]).toEqual([name, undefined]);
    }
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    expect(headers['x-page']).toBe('kept');
  }
});

test('ABUSE 56: our policy and frame headers stand on every answer, whatever the instrument says', async () => {
  const answers = [
    await at.get('rules', '/', person),
    await at.get('rules', '/moved', person),
    await at.get('rules', '/', person, 'HEAD'),
    // Our own: a refusal, and somebody unknown.
    await at.get('rules', '/a/../b', person),
    await at.get('rules', '/'),
  ];
  expect(answers.map(({ status }) => status)).toEqual([200, 302, 200, 400, 401]);
  for (const { headers } of answers) {
    expect(headers).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
    });
    // Several policies add up; one of them is ours.
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['referrer-policy']).toBe('same-origin');
  }
});
