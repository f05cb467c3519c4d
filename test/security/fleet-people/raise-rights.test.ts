import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  openPeopleWeb,
  PASSWORD,
  signedInAs,
  type Browser,
  type PeopleWeb,
} from '../../support/fleet/people-web.ts';

const LAB = 's_aaaaaaaaaaaaaaaa';
const WARD = 's_bbbbbbbbbbbbbbbb';

let on: PeopleWeb;
let ada: Browser;
beforeEach(async () => {
  on = await openPeopleWeb({
    routes: (app) => {
      const done = async () => ({ done: true });
      app.get('/api/v1/t/sensors', { config: { right: 'sensors.read' } }, done);
      app.get(
        '/api/v1/t/sensors/:sensor',
        { config: { right: 'sensors.read', sensorParam: 'sensor' } },
        done,
      );
      app.post(
        '/api/v1/t/sensors/:sensor/stop',
        { config: { right: 'sensors.operate', sensorParam: 'sensor' } },
        done,
      );
      app.post('/api/v1/t/groups', { config: { right: 'sensors.configure' } }, done);
      app.post('/api/v1/t/settings', { config: { right: 'settings.manage' } }, done);
      app.post(
        '/api/v1/t/sensors/:sensor/:instrument/open',
        { config: { right: 'instruments.open', sensorParam: 'sensor', instrumentParam: 'instrument' } },
        done,
      );
    },
  });
  ada = await on.setUp();
});
afterEach(() => on.close());

const codeOf = async (reply: Promise<{ json: () => { code?: string }; statusCode: number }>) => {
  const { statusCode, json } = await reply;
  return [statusCode, json().code];
};

test('ABUSE 104: A user edits their own record into an administrator', async () => {
  const { browser: eve, id } = await signedInAs(on, ada, 'eve', [{ role: 'operator' }]);
  const admin = [{ role: 'admin' }];
  // By the address of administrators.
  for (const [method, url, body] of [
    ['PATCH', `/api/v1/people/${id}`, { roles: admin }],
    ['POST', '/api/v1/people', { name: 'eve2', roles: admin }],
    ['DELETE', `/api/v1/people/${id}`, undefined],
    ['POST', `/api/v1/people/${id}/invitation`, {}],
    ['DELETE', `/api/v1/people/${id}/sessions`, undefined],
  ] as const) {
    expect(await codeOf(eve.send(method, url, body)), url).toEqual([403, 'FLEET_PEOPLE_NOT_PERMITTED']);
  }
  // By more in the body than the form has.
  for (const extra of [
    { roles: admin },
    { role: 'admin' },
    { rights: ['people.manage'] },
    { name: 'ada' },
    { id: 'p_aaaaaaaaaaaaaaaa' },
    { disabled: false },
    { ['__proto__x']: { roles: admin } },
    { constructor: { prototype: { roles: admin } } },
  ]) {
    const reply = await eve.send('PATCH', '/api/v1/session', { displayName: 'Eve', ...extra });
    expect([reply.statusCode, reply.json().code], JSON.stringify(extra)).toEqual([
      400,
      'FLEET_WEB_REQUEST_INVALID',
    ]);
  }
  const polluted = await on.web.app.inject({
    method: 'PATCH',
    url: '/api/v1/session',
    headers: {
      ...{ host: 'fleet.test:8443', origin: 'https://fleet.test:8443', 'sec-fetch-site': 'same-origin' },
      ...{
        'content-type': 'application/json',
        cookie: [...eve.cookies].map((pair) => pair.join('=')).join('; '),
      },
    },
    payload: '{"displayName":"Eve","__proto__":{"roles":[{"role":"admin"}]}}',
  });
  expect(polluted.statusCode).toBe(400);
  for (const body of [
    { current: `${PASSWORD} too`, next: 'another long sentence', roles: admin },
    { current: `${PASSWORD} too`, next: 'another long sentence', person: 'ada' },
  ]) {
    expect((await eve.send('POST', '/api/v1/session/password', body)).statusCode).toBe(400);
  }
  const me = (await eve.get('/api/v1/session')).json().person;
  expect([me.id, me.roles, me.displayName]).toEqual([id, [{ role: 'operator' }], 'eve']);
  // And all of it was written down.
  const refused = (await ada.get(`/api/v1/audit?person=${id}&outcome=refused`)).json().entries;
  expect(refused).toHaveLength(16);
});

test('an invitation and signing in take no role along', async () => {
  const made = (
    await ada.send('POST', '/api/v1/people', { name: 'eve', roles: [{ role: 'viewer' }] })
  ).json();
  const body = { code: made.invitation.code, password: 'another long sentence' };
  const reply = await on
    .browser()
    .send('POST', '/api/v1/session/invitation', { ...body, roles: [{ role: 'admin' }] });
  expect(reply.statusCode).toBe(400);
  expect((await on.browser().send('POST', '/api/v1/session/invitation', body)).json().person.roles).toEqual([
    { role: 'viewer' },
  ]);
});

test('a role that is narrowed manages nobody, adopts nothing and changes no setting', async () => {
  for (const roles of [
    [{ role: 'admin', sensors: [LAB] }],
    [{ role: 'admin', groups: ['wards'] }],
    [{ role: 'admin', instruments: ['suricata'] }],
  ]) {
    const { browser, id } = await signedInAs(on, ada, `person-${Object.keys(roles[0]!).at(-1)!}`, roles);
    expect(await codeOf(browser.get('/api/v1/people'))).toEqual([403, 'FLEET_PEOPLE_NOT_PERMITTED']);
    expect(
      await codeOf(browser.send('PATCH', `/api/v1/people/${id}`, { roles: [{ role: 'admin' }] })),
    ).toEqual([403, 'FLEET_PEOPLE_NOT_PERMITTED']);
    expect(await codeOf(browser.send('POST', '/api/v1/t/settings', {}))).toEqual([
      403,
      'FLEET_PEOPLE_NOT_PERMITTED',
    ]);
    expect((await browser.get('/api/v1/audit')).statusCode).toBe(403);
  }
});

test('an operator of one sensor acts on that one alone, and changes nothing that concerns others', async () => {
  const { browser } = await signedInAs(on, ada, 'lab', [{ role: 'operator', sensors: [LAB] }]);
  const status = async (reply: Promise<{ statusCode: number }>) => (await reply).statusCode;
  expect(await status(browser.get('/api/v1/t/sensors'))).toBe(200);
  expect(await status(browser.get(`/api/v1/t/sensors/${LAB}`))).toBe(200);
  expect(await status(browser.get(`/api/v1/t/sensors/${WARD}`))).toBe(403);
  expect(await status(browser.send('POST', `/api/v1/t/sensors/${LAB}/stop`, {}))).toBe(200);
  expect(await status(browser.send('POST', `/api/v1/t/sensors/${WARD}/stop`, {}))).toBe(403);
  expect(await status(browser.send('POST', '/api/v1/t/groups', {}))).toBe(403);
  expect(await status(browser.send('POST', `/api/v1/t/sensors/${LAB}/suricata/open`, {}))).toBe(200);
  expect(await status(browser.send('POST', `/api/v1/t/sensors/${WARD}/suricata/open`, {}))).toBe(403);
});

test('taking a role away acts on the next request of a session and of a token', async () => {
  const { browser, id } = await signedInAs(on, ada, 'eve', [{ role: 'operator' }]);
  const body = { label: 'robot', rights: ['sensors.operate', 'sensors.read'], expiresInDays: 1 };
  const { secret } = (await browser.send('POST', '/api/v1/tokens', body)).json();
  const stop = (from: Browser, headers: Record<string, string> = {}) =>
    from.send('POST', `/api/v1/t/sensors/${LAB}/stop`, {}, headers);
  const robot = on.browser();
  expect((await stop(browser)).statusCode).toBe(200);
  expect((await stop(robot, { authorization: `Bearer ${secret}` })).statusCode).toBe(200);
  await ada.send('PATCH', `/api/v1/people/${id}`, { roles: [{ role: 'viewer' }] });
  expect((await stop(browser)).statusCode).toBe(403);
  expect((await stop(robot, { authorization: `Bearer ${secret}` })).statusCode).toBe(403);
});

test('the last administrator is neither removed, nor disabled, nor demoted, nor locked out by anybody', async () => {
  const { id: adaId } = (await ada.get('/api/v1/session')).json().person;
  const { id: bobId, browser: bob } = await signedInAs(on, ada, 'bob', [{ role: 'admin' }]);
  // Of two, one may go; the other stays.
  expect((await ada.send('PATCH', `/api/v1/people/${bobId}`, { disabled: true })).statusCode).toBe(200);
  for (const [method, url, body] of [
    ['DELETE', `/api/v1/people/${adaId}`, undefined],
    ['PATCH', `/api/v1/people/${adaId}`, { disabled: true }],
    ['PATCH', `/api/v1/people/${adaId}`, { roles: [{ role: 'viewer' }] }],
    ['PATCH', `/api/v1/people/${adaId}`, { roles: [{ role: 'admin', sensors: [LAB] }] }],
    ['POST', `/api/v1/people/${adaId}/invitation`, {}],
  ] as const) {
    expect(await codeOf(ada.send(method, url, body)), url).toEqual([409, 'FLEET_PEOPLE_LAST_ADMIN']);
  }
  expect((await ada.get('/api/v1/session')).json().person).toMatchObject({
    id: adaId,
    roles: [{ role: 'admin' }],
  });
  expect((await bob.get('/api/v1/session/list')).statusCode).toBe(401);
  // Somebody who is only invited could never come: does not count.
  await ada.send('POST', '/api/v1/people', { name: 'carol', roles: [{ role: 'admin' }] });
  expect(await codeOf(ada.send('DELETE', `/api/v1/people/${adaId}`))).toEqual([
    409,
    'FLEET_PEOPLE_LAST_ADMIN',
  ]);
});

test('two administrators who remove each other at once do not leave the fleet without one', async () => {
  const { id: adaId } = (await ada.get('/api/v1/session')).json().person;
  const { id: bobId, browser: bob } = await signedInAs(on, ada, 'bob', [{ role: 'admin' }]);
  await Promise.all([
    ada.send('DELETE', `/api/v1/people/${bobId}`),
    bob.send('DELETE', `/api/v1/people/${adaId}`),
  ]);
  const left = on.store.db.prepare<[], { roles: string }>('SELECT roles FROM people_accounts').all();
  expect(left).toEqual([{ roles: '[{"role":"admin"}]' }]);
});
