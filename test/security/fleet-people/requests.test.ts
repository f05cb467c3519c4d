import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  FLEET_ORIGIN,
  openPeopleWeb,
  PASSWORD,
  type Browser,
  type PeopleWeb,
} from '../../support/fleet/people-web.ts';

let on: PeopleWeb;
let ada: Browser;
beforeEach(async () => {
  on = await openPeopleWeb();
  ada = await on.setUp();
});
afterEach(() => on.close());

const PAGES_OF_OTHERS: [string, Record<string, string>][] = [
  ['another site', { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' }],
  ['another port of the fleet', { origin: 'https://fleet.test:9443', 'sec-fetch-site': 'same-site' }],
  ['an instrument', { origin: 'https://rules.lab.fleet.test:8443', 'sec-fetch-site': 'same-site' }],
  ['an unencrypted page', { origin: 'http://fleet.test:8443', 'sec-fetch-site': 'cross-site' }],
  ['a sandboxed frame', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
  ['a page that hides where it is from', { origin: FLEET_ORIGIN, 'sec-fetch-site': 'cross-site' }],
  ['a page with a similar name', { origin: `${FLEET_ORIGIN}.evil.test`, 'sec-fetch-site': 'same-origin' }],
];

test('with somebody’s cookie, pages of others change nothing, and sign nobody in or out', async () => {
  const victim = on.browser();
  for (const [page, headers] of PAGES_OF_OTHERS) {
    const change = await ada.send('PATCH', '/api/v1/session', { displayName: 'Changed' }, headers);
    expect([change.statusCode, change.json().code], page).toEqual([403, 'FLEET_PEOPLE_CROSS_SITE']);
    const body = { name: 'ada', password: PASSWORD };
    expect((await victim.send('POST', '/api/v1/session', body, headers)).statusCode, page).toBe(403);
    expect((await ada.send('DELETE', '/api/v1/session', undefined, headers)).statusCode, page).toBe(403);
  }
  expect(victim.cookies.size).toBe(0);
  expect((await ada.get('/api/v1/session')).json().person.displayName).toBe('ada');
  // Whose cookie was tried stands in the log.
  const { entries } = (await ada.get('/api/v1/audit?action=session.change-self')).json();
  expect(entries.map((one: { name: string; outcome: string }) => [one.name, one.outcome])).toEqual(
    PAGES_OF_OTHERS.map(() => ['ada', 'refused']),
  );
});

test('with a cookie, a change must say where it comes from; a program without one need not', async () => {
  const cookie = [...ada.cookies].map((pair) => pair.join('=')).join('; ');
  const ask = (headers: Record<string, string>, body: object) =>
    on.web.app.inject({
      method: 'POST',
      url: '/api/v1/session/end-others',
      headers: { host: 'fleet.test:8443', ...headers },
      payload: body,
    });
  expect((await ask({ cookie }, {})).json()).toMatchObject({ code: 'FLEET_PEOPLE_CROSS_SITE' });
  expect((await ask({ cookie, origin: FLEET_ORIGIN }, {})).json()).toMatchObject({
    code: 'FLEET_PEOPLE_CROSS_SITE',
  });
  const whole = { cookie, origin: FLEET_ORIGIN, 'sec-fetch-site': 'same-origin' };
  expect((await ask(whole, {})).statusCode).toBe(200);
  const program = await on.web.app.inject({
    method: 'POST',
    url: '/api/v1/session',
    headers: { host: 'fleet.test:8443' },
    payload: { name: 'ada', password: PASSWORD },
  });
  expect(program.statusCode).toBe(200);
});

test('pages of neighbours cannot read with somebody’s cookie either', async () => {
  for (const site of ['cross-site', 'same-site']) {
    const reply = await ada.get('/api/v1/people', { 'sec-fetch-site': site });
    expect([reply.statusCode, reply.json().code]).toEqual([403, 'FLEET_PEOPLE_CROSS_SITE']);
  }
  expect((await ada.get('/api/v1/people', { 'sec-fetch-site': 'none' })).statusCode).toBe(200);
});

test('an upgrade from a page of another origin is refused', async () => {
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
  for (const [, headers] of PAGES_OF_OTHERS) {
    const reply = await ada.get('/api/v1/session/list', { ...upgrade, ...headers });
    expect(reply.json()).toMatchObject({ code: 'FLEET_PEOPLE_CROSS_SITE' });
  }
});

test('a token counts alone: a wrong one is not made good by a cookie', async () => {
  for (const authorization of [
    `Bearer bh_${'a'.repeat(40)}`,
    'Bearer x',
    'Basic YWRhOnNldmVuIG1pY2UgaW4gYSB0ZWFwb3Q=',
    `bh_${'a'.repeat(40)}`,
    '',
  ]) {
    const reply = await ada.get('/api/v1/session/list', { authorization });
    expect([reply.statusCode, reply.json().code], authorization).toEqual([
      401,
      'FLEET_PEOPLE_SIGN_IN_NEEDED',
    ]);
  }
});

test('a token does not touch accounts, sessions or tokens, and may not be made to', async () => {
  const make = (rights: string[]) =>
    ada.send('POST', '/api/v1/tokens', { label: 'x', rights, expiresInDays: 1 });
  expect((await make(['people.manage'])).statusCode).toBe(400);
  const { secret, token } = (await make(['sensors.read', 'settings.manage', 'audit.read'])).json();
  expect(secret).toMatch(/^bh_[a-z2-7]{40}$/);
  const robot = on.browser();
  const headers = { authorization: `Bearer ${secret}` };
  expect((await robot.get('/api/v1/audit', headers)).statusCode).toBe(200);
  for (const [method, url, body] of [
    ['POST', '/api/v1/tokens', { label: 'y', rights: ['sensors.read'], expiresInDays: 366 }],
    ['DELETE', `/api/v1/tokens/${token.id}`, undefined],
    ['POST', '/api/v1/session/password', { current: PASSWORD, next: 'another long sentence' }],
    ['POST', '/api/v1/session/totp', { password: PASSWORD }],
    ['PATCH', '/api/v1/session', { displayName: 'Robot' }],
    ['POST', '/api/v1/session/end-others', {}],
    ['POST', '/api/v1/people', { name: 'eve', roles: [{ role: 'admin' }] }],
  ] as const) {
    const reply = await robot.send(method, url, body, headers);
    expect(reply.statusCode, url).toBe(403);
  }
  expect((await robot.get('/api/v1/people', headers)).statusCode).toBe(403);
  // It sees what it may itself, and nothing of its owner's others.
  expect((await make(['sensors.read'])).statusCode).toBe(201);
  const seen = (await robot.get('/api/v1/tokens', headers)).json();
  expect(seen.tokens.map(({ id }: { id: string }) => id)).toEqual([token.id]);
  expect((await robot.get('/api/v1/tokens?of=all', headers)).statusCode).toBe(403);
  expect(
    on.people.pages.handOver(on.people.pages.byToken(secret, '192.0.2.1')!, 'https://x.test'),
  ).toBeUndefined();
});

test('a token ends with its time, with its removal and with its owner, and shows when it was used', async () => {
  const make = async (days: number) =>
    (
      await ada.send('POST', '/api/v1/tokens', { label: 'x', rights: ['audit.read'], expiresInDays: days })
    ).json();
  const use = async (secret: string) =>
    (await on.browser('192.0.2.99').get('/api/v1/audit', { authorization: `Bearer ${secret}` })).statusCode;
  const [short, long] = [await make(1), await make(30)];
  expect(await use(short.secret)).toBe(200);
  const shown = (await ada.get('/api/v1/tokens'))
    .json()
    .tokens.find((one: { id: string }) => one.id === short.token.id);
  expect(shown).toMatchObject({ lastUsedFrom: '192.0.2.99', ownerName: 'ada' });
  expect(JSON.stringify(shown)).not.toContain(short.secret);
  on.clock.now += 24 * 3_600_000;
  expect([await use(short.secret), await use(long.secret)]).toEqual([401, 200]);
  await ada.send('POST', '/api/v1/session', { name: 'ada', password: PASSWORD });
  expect((await ada.send('DELETE', `/api/v1/tokens/${long.token.id}`)).statusCode).toBe(200);
  expect(await use(long.secret)).toBe(401);
});
