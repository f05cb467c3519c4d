import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPeopleWeb, PASSWORD, signedInAs, type PeopleWeb } from '../../support/fleet/people-web.ts';

let on: PeopleWeb;
beforeEach(async () => {
  on = await openPeopleWeb();
});
afterEach(() => on.close());

const HOUR_MS = 3_600_000;

test('the first person sets the fleet up with the printed code, once, and is an administrator', async () => {
  const browser = on.browser();
  expect((await browser.get('/api/v1/session')).json()).toEqual({
    setUpNeeded: true,
    sso: null,
    person: null,
  });
  expect((await browser.get('/api/v1/people')).json()).toMatchObject({ code: 'FLEET_PEOPLE_SET_UP_NEEDED' });
  const request = { code: '0000-0000-0000', name: 'ada', displayName: 'Ada', password: PASSWORD };
  const wrong = await browser.send('POST', '/api/v1/session/set-up', request);
  expect([wrong.statusCode, wrong.json().code]).toEqual([403, 'FLEET_PEOPLE_SET_UP_REFUSED']);

  const code = on.people.setUpCode()!;
  expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}$/);
  const weak = await browser.send('POST', '/api/v1/session/set-up', {
    ...request,
    code,
    password: 'password1234',
  });
  expect([weak.statusCode, weak.json().code]).toEqual([400, 'FLEET_PEOPLE_PASSWORD_WEAK']);
  // As people type: lower case, without dashes.
  const typed = code.toLowerCase().replaceAll('-', ' ');
  const done = await browser.send('POST', '/api/v1/session/set-up', { ...request, code: typed });
  expect(done.json()).toMatchObject({
    name: 'ada',
    displayName: 'Ada',
    roles: [{ role: 'admin' }],
    totp: false,
  });
  expect((await browser.get('/api/v1/people')).json().people).toHaveLength(1);

  const again = await on.browser().send('POST', '/api/v1/session/set-up', { ...request, code, name: 'eve' });
  expect(again.json()).toMatchObject({ code: 'FLEET_PEOPLE_SET_UP_DONE' });
  expect(on.people.setUpCode()).toBeUndefined();
});

test('of two who set the fleet up at once, one does', async () => {
  const code = on.people.setUpCode();
  const both = await Promise.all(
    ['ada', 'eve'].map((name) =>
      on.browser().send('POST', '/api/v1/session/set-up', { code, name, password: PASSWORD }),
    ),
  );
  expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([200, 409]);
});

test('signing in gives a cookie that scripts and other sites cannot use; signing out ends it', async () => {
  await on.setUp();
  const browser = on.browser();
  const reply = await browser.send('POST', '/api/v1/session', { name: ' ADA ', password: PASSWORD });
  expect(reply.statusCode).toBe(200);
  expect(reply.headers['set-cookie']).toMatch(
    /^__Host-bulkhead=[\w-]{43}; Path=\/; Max-Age=86400; HttpOnly; SameSite=Strict; Secure$/,
  );
  expect((await browser.get('/api/v1/session')).json().person).toMatchObject({ name: 'ada' });
  const stolen = new Map(browser.cookies);
  expect((await browser.send('DELETE', '/api/v1/session')).statusCode).toBe(200);
  expect(browser.cookies.size).toBe(0);
  const thief = on.browser();
  for (const [name, value] of stolen) thief.cookies.set(name, value);
  expect((await thief.get('/api/v1/session/list')).statusCode).toBe(401);
});

test('on plain HTTP the cookie has no prefix that browsers would refuse', async () => {
  const plain = await openPeopleWeb({ encrypted: false });
  try {
    const reply = await plain
      .browser()
      .send(
        'POST',
        '/api/v1/session/set-up',
        { code: plain.people.setUpCode(), name: 'ada', password: PASSWORD },
        { origin: 'http://fleet.test:8443' },
      );
    expect(reply.headers['set-cookie']).toMatch(/^bulkhead=[\w-]{43}; .*HttpOnly; SameSite=Strict$/);
  } finally {
    await plain.close();
  }
});

test('the store holds neither passwords nor secrets of sessions and tokens', async () => {
  const browser = await on.setUp();
  const { secret } = (
    await browser.send('POST', '/api/v1/tokens', { label: 'x', rights: ['sensors.read'], expiresInDays: 1 })
  ).json();
  on.store.db.pragma('wal_checkpoint(TRUNCATE)');
  const everything = JSON.stringify(
    on.store.db
      .prepare<[], { name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'people_%'",
      )
      .all()
      .map(({ name }) => on.store.db.prepare(`SELECT * FROM ${name}`).all()),
  );
  expect(everything).toContain('$argon2id$v=19$m=65536,t=3,p=1$');
  expect(everything).not.toContain(PASSWORD);
  expect(everything).not.toContain(secret);
  expect(everything).not.toContain([...browser.cookies.values()][0]);
});

test('a session ends when nobody uses it, and after a day however busy it is', async () => {
  const idle = await on.setUp();
  on.clock.now += 1.9 * HOUR_MS;
  expect((await idle.get('/api/v1/session/list')).statusCode).toBe(200);
  on.clock.now += 1.9 * HOUR_MS;
  expect((await idle.get('/api/v1/session/list')).statusCode).toBe(200);
  on.clock.now += 2.1 * HOUR_MS;
  expect((await idle.get('/api/v1/session/list')).statusCode).toBe(401);

  const busy = on.browser();
  await busy.send('POST', '/api/v1/session', { name: 'ada', password: PASSWORD });
  for (let hour = 0; hour < 23; hour++) {
    on.clock.now += HOUR_MS;
    expect((await busy.get('/api/v1/session/list')).statusCode).toBe(200);
  }
  on.clock.now += HOUR_MS;
  expect((await busy.get('/api/v1/session/list')).statusCode).toBe(401);
});

test('sessions are listed and ended one by one, and only by their owner or an administrator', async () => {
  const ada = await on.setUp();
  const second = on.browser('192.0.2.77');
  await second.send('POST', '/api/v1/session', { name: 'ada', password: PASSWORD });
  const { browser: eve } = await signedInAs(on, ada, 'eve', [{ role: 'viewer' }]);
  const { sessions } = (await ada.get('/api/v1/session/list')).json();
  expect(sessions).toHaveLength(2);
  expect(sessions.filter((one: { current: boolean }) => one.current)).toHaveLength(1);
  const other = sessions.find((one: { address: string }) => one.address === '192.0.2.77');
  expect((await eve.send('DELETE', `/api/v1/session/list/${other.id}`)).statusCode).toBe(404);
  expect((await second.get('/api/v1/session/list')).statusCode).toBe(200);
  expect((await ada.send('DELETE', `/api/v1/session/list/${other.id}`)).statusCode).toBe(200);
  expect((await second.get('/api/v1/session/list')).statusCode).toBe(401);
});

test('changing the password ends every session; the browser that did it goes on with a new one', async () => {
  const ada = await on.setUp();
  const second = on.browser();
  await second.send('POST', '/api/v1/session', { name: 'ada', password: PASSWORD });
  const former = [...ada.cookies.values()][0];
  const next = 'another long sentence';
  const wrong = await ada.send('POST', '/api/v1/session/password', { current: 'not it at all', next });
  expect(wrong.json()).toMatchObject({ code: 'FLEET_PEOPLE_SIGN_IN_REFUSED' });
  const done = await ada.send('POST', '/api/v1/session/password', { current: PASSWORD, next });
  expect(done.statusCode).toBe(200);
  expect([...ada.cookies.values()][0]).not.toBe(former);
  expect((await ada.get('/api/v1/session/list')).statusCode).toBe(200);
  expect((await second.get('/api/v1/session/list')).statusCode).toBe(401);
  const old = await on.browser().send('POST', '/api/v1/session', { name: 'ada', password: PASSWORD });
  expect(old.statusCode).toBe(401);
  expect(
    (await on.browser().send('POST', '/api/v1/session', { name: 'ada', password: next })).statusCode,
  ).toBe(200);
});

test('who lost the password gets an invitation: old password and sessions end, the code works once', async () => {
  const ada = await on.setUp();
  const { browser: eve, id } = await signedInAs(on, ada, 'eve', [{ role: 'viewer' }]);
  const invitation = (await ada.send('POST', `/api/v1/people/${id}/invitation`, {})).json();
  expect((await eve.get('/api/v1/session/list')).statusCode).toBe(401);
  const before = await on
    .browser()
    .send('POST', '/api/v1/session', { name: 'eve', password: `${PASSWORD} too` });
  expect(before.statusCode).toBe(401);
  const password = 'a third sentence of mine';
  const first = await on
    .browser()
    .send('POST', '/api/v1/session/invitation', { code: invitation.code, password });
  expect(first.json().person).toMatchObject({ name: 'eve' });
  const twice = await on
    .browser()
    .send('POST', '/api/v1/session/invitation', { code: invitation.code, password });
  expect(twice.json()).toMatchObject({ code: 'FLEET_PEOPLE_INVITATION_REFUSED' });

  const late = (await ada.send('POST', `/api/v1/people/${id}/invitation`, {})).json();
  on.clock.now = Date.parse(late.expiresAt);
  const tooLate = await on
    .browser()
    .send('POST', '/api/v1/session/invitation', { code: late.code, password });
  expect(tooLate.json()).toMatchObject({ code: 'FLEET_PEOPLE_INVITATION_REFUSED' });
});

test('whoever has the machine can let the only administrator in again', async () => {
  await on.setUp();
  expect(() => on.people.recover('nobody')).toThrow(/Nobody called nobody/);
  const { code } = on.people.recover('ada');
  // Until it is used, the old password goes on.
  expect(
    (await on.browser().send('POST', '/api/v1/session', { name: 'ada', password: PASSWORD })).statusCode,
  ).toBe(200);
  const reply = await on
    .browser()
    .send('POST', '/api/v1/session/invitation', { code, password: 'found my way back in' });
  expect(reply.json().person).toMatchObject({ name: 'ada', roles: [{ role: 'admin' }] });
});

test('an account that is disabled is nobody: sessions, tokens and the password end at once', async () => {
  const ada = await on.setUp();
  const { browser: eve, id } = await signedInAs(on, ada, 'eve', [{ role: 'viewer' }]);
  const { secret } = (
    await eve.send('POST', '/api/v1/tokens', { label: 'x', rights: ['sensors.read'], expiresInDays: 1 })
  ).json();
  expect(on.people.pages.byToken(secret, '192.0.2.1')).toBeDefined();
  await ada.send('PATCH', `/api/v1/people/${id}`, { disabled: true });
  expect((await eve.get('/api/v1/session/list')).statusCode).toBe(401);
  expect(on.people.pages.byToken(secret, '192.0.2.1')).toBeUndefined();
  const reply = await on
    .browser()
    .send('POST', '/api/v1/session', { name: 'eve', password: `${PASSWORD} too` });
  expect(reply.json()).toMatchObject({
    code: 'FLEET_PEOPLE_SIGN_IN_REFUSED',
    message: 'Name or password is wrong.',
  });
});
