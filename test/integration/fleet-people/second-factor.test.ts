import { generate } from 'otplib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  openPeopleWeb,
  PASSWORD,
  signedInAs,
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

const STEP_MS = 30_000;
const codeAt = (secret: string, atMs: number) => generate({ secret, epoch: Math.floor(atMs / 1000) });
const signIn = (body: object) =>
  on.browser().send('POST', '/api/v1/session', { name: 'ada', password: PASSWORD, ...body });

async function enrol(
  browser: Browser,
  password = PASSWORD,
): Promise<{ secret: string; recoveryCodes: string[] }> {
  const { secret, uri } = (await browser.send('POST', '/api/v1/session/totp', { password })).json();
  expect(uri).toMatch(/^otpauth:\/\/totp\/Bulkhead:\w+\?secret=[A-Z2-7]{32}&issuer=Bulkhead/);
  const confirmed = await browser.send('POST', '/api/v1/session/totp/confirm', {
    code: await codeAt(secret, on.clock.now),
  });
  expect(confirmed.statusCode).toBe(200);
  on.clock.now += STEP_MS;
  return { secret, recoveryCodes: confirmed.json().recoveryCodes };
}

test('a second factor counts from its confirmation on, and then a code is asked for', async () => {
  const wrong = await ada.send('POST', '/api/v1/session/totp', { password: 'not my password' });
  expect(wrong.json()).toMatchObject({ code: 'FLEET_PEOPLE_SIGN_IN_REFUSED' });
  const { secret } = (await ada.send('POST', '/api/v1/session/totp', { password: PASSWORD })).json();
  expect((await signIn({})).statusCode).toBe(200);
  expect((await ada.send('POST', '/api/v1/session/totp/confirm', { code: '000000' })).json()).toMatchObject({
    code: 'FLEET_PEOPLE_CODE_REFUSED',
  });
  const code = await codeAt(secret, on.clock.now);
  const confirmed = await ada.send('POST', '/api/v1/session/totp/confirm', { code });
  expect(confirmed.json().recoveryCodes).toHaveLength(10);
  expect((await ada.get('/api/v1/session')).json().person).toMatchObject({ totp: true, recoveryCodes: 10 });

  const asked = await signIn({});
  expect([asked.statusCode, asked.json().code]).toEqual([401, 'FLEET_PEOPLE_CODE_NEEDED']);
  expect(asked.headers['set-cookie']).toBeUndefined();
  // With the wrong password nothing tells that there is a second factor.
  expect((await signIn({ password: 'wrong', code })).json()).toMatchObject({
    code: 'FLEET_PEOPLE_SIGN_IN_REFUSED',
  });
});

test('a code is taken once, also from two at the same time; older ones are refused', async () => {
  const { secret } = await enrol(ada);
  const older = await codeAt(secret, on.clock.now - STEP_MS);
  const code = await codeAt(secret, on.clock.now);
  const both = await Promise.all([signIn({ code }), signIn({ code })]);
  expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([200, 403]);
  expect((await signIn({ code })).json()).toMatchObject({ code: 'FLEET_PEOPLE_CODE_REFUSED' });
  expect((await signIn({ code: older })).json()).toMatchObject({ code: 'FLEET_PEOPLE_CODE_REFUSED' });
  on.clock.now += STEP_MS;
  expect((await signIn({ code: await codeAt(secret, on.clock.now) })).statusCode).toBe(200);
});

test('a recovery code stands in for a code, once', async () => {
  const { recoveryCodes } = await enrol(ada);
  const recoveryCode = recoveryCodes[3]!.toLowerCase().replaceAll('-', '');
  expect((await signIn({ recoveryCode })).statusCode).toBe(200);
  expect((await signIn({ recoveryCode })).json()).toMatchObject({ code: 'FLEET_PEOPLE_CODE_REFUSED' });
  expect((await ada.get('/api/v1/session')).json().person.recoveryCodes).toBe(9);
});

test('guessing codes is held up like guessing passwords', async () => {
  const { secret } = await enrol(ada);
  const guesser = on.browser('198.51.100.1');
  const tries = [];
  for (let n = 0; n < 7; n++) {
    const reply = await guesser.send('POST', '/api/v1/session', {
      name: 'ada',
      password: PASSWORD,
      code: '000000',
    });
    tries.push(reply.json().code);
  }
  expect(tries.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => 'FLEET_PEOPLE_CODE_REFUSED'));
  expect(tries.at(-1)).toBe('FLEET_PEOPLE_TOO_MANY');
  // The owner, where they have signed in before, is not held up by that.
  expect((await signIn({ code: await codeAt(secret, on.clock.now) })).statusCode).toBe(200);
});

test('the second factor is removed with password and code only', async () => {
  const { secret, recoveryCodes } = await enrol(ada);
  const remove = (body: object) => ada.send('POST', '/api/v1/session/totp/remove', body);
  expect((await remove({ password: PASSWORD, code: '000000' })).statusCode).toBe(403);
  expect((await remove({ password: 'wrong', code: recoveryCodes[0] })).statusCode).toBe(401);
  expect((await remove({ password: PASSWORD, code: await codeAt(secret, on.clock.now) })).statusCode).toBe(
    200,
  );
  expect((await signIn({})).statusCode).toBe(200);
});

test('an invitation stands for the password and not for the second factor, unless that is forgotten too', async () => {
  const { browser: eve, id } = await signedInAs(on, ada, 'eve', [{ role: 'viewer' }]);
  await enrol(eve, `${PASSWORD} too`);
  const password = 'a third sentence of mine';
  const first = (await ada.send('POST', `/api/v1/people/${id}/invitation`, {})).json();
  const thief = on.browser();
  const accepted = await thief.send('POST', '/api/v1/session/invitation', { code: first.code, password });
  expect(accepted.json()).toEqual({ person: null });
  expect(thief.cookies.size).toBe(0);
  expect((await thief.send('POST', '/api/v1/session', { name: 'eve', password })).json()).toMatchObject({
    code: 'FLEET_PEOPLE_CODE_NEEDED',
  });
  const second = (await ada.send('POST', `/api/v1/people/${id}/invitation`, { forgetTotp: true })).json();
  const again = await on
    .browser()
    .send('POST', '/api/v1/session/invitation', { code: second.code, password });
  expect(again.json().person).toMatchObject({ name: 'eve', totp: false });
});
