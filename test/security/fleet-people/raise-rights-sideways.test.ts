import { afterEach, beforeEach, expect, test } from 'vitest';
import { GRANTED_RIGHTS } from '@bulkhead/fleet-api';
import { OidcConfigSchema } from '@bulkhead/fleet-server/people';
import { startOidcProvider, type OidcProvider } from '../../support/fleet/oidc-provider.ts';
import { openPeopleWeb, signedInAs, type Browser, type PeopleWeb } from '../../support/fleet/people-web.ts';

const LAB = 's_aaaaaaaaaaaaaaaa';
let provider: OidcProvider;
let on: PeopleWeb;
let ada: Browser;

beforeEach(async () => {
  provider = await startOidcProvider({ id: 'bulkhead', secret: 'of the client' });
  on = await openPeopleWeb({
    oidc: OidcConfigSchema.parse({
      ...{ label: 'Example', issuer: provider.issuer, clientId: 'bulkhead', clientSecret: 'of the client' },
      roleClaim: 'realm.groups',
      roles: [
        { value: 'soc', role: 'analyst' },
        { value: 'chiefs', role: 'admin' },
      ],
    }),
    // What the provider signs holds the machine's own time.
    clock: Date.now,
    routes: (app) => {
      const done = async () => ({ done: true });
      app.post('/api/v1/t/settings', { config: { right: 'settings.manage' } }, done);
      app.post('/api/v1/t/people', { config: { right: 'people.manage' } }, done);
      app.post(
        '/api/v1/t/sensors/:sensor/stop',
        { config: { right: 'sensors.operate', sensorParam: 'sensor' } },
        done,
      );
    },
  });
  ada = await on.setUp();
});
afterEach(async () => {
  await on.close();
  await provider.close();
});

test('ABUSE 104: a token does no more than who made it, whatever it is made with, and changes no account', async () => {
  const { browser: eve, id } = await signedInAs(on, ada, 'eve', [{ role: 'operator', sensors: [LAB] }]);
  const base = { label: 'robot', expiresInDays: 1 };
  // More in the body than the form has, and what no token may ever do.
  for (const extra of [
    { rights: ['people.manage'] },
    { rights: ['sensors.read'], roles: [{ role: 'admin' }] },
    { rights: ['sensors.read'], person: 'p_aaaaaaaaaaaaaaaa' },
    { rights: ['sensors.read'], owner: 'ada' },
    { rights: ['sensors.read'], scope: { rights: ['settings.manage'] } },
    { rights: ['*'] },
  ]) {
    const reply = await eve.send('POST', '/api/v1/tokens', { ...base, ...extra });
    expect([reply.statusCode, reply.json().code], JSON.stringify(extra)).toEqual([
      400,
      'FLEET_WEB_REQUEST_INVALID',
    ]);
  }
  // Every right that can be asked for, and sensors of others: it is still judged by her roles.
  const rights = GRANTED_RIGHTS.filter((right) => right !== 'people.manage').slice(0, 20);
  const made = await eve.send('POST', '/api/v1/tokens', {
    ...{ ...base, rights, sensors: [LAB, 's_bbbbbbbbbbbbbbbb'] },
  });
  expect(made.statusCode).toBe(201);
  const headers = { authorization: `Bearer ${made.json<{ secret: string }>().secret}` };
  const robot = on.browser();
  const status = async (reply: Promise<{ statusCode: number }>) => (await reply).statusCode;
  expect(await status(robot.send('POST', `/api/v1/t/sensors/${LAB}/stop`, {}, headers))).toBe(200);
  const denied = [
    robot.send('POST', '/api/v1/t/sensors/s_bbbbbbbbbbbbbbbb/stop', {}, headers),
    robot.send('POST', '/api/v1/t/settings', {}, headers),
    robot.send('POST', '/api/v1/t/people', {}, headers),
    robot.send('PATCH', `/api/v1/people/${id}`, { roles: [{ role: 'admin' }] }, headers),
    robot.send('PATCH', '/api/v1/session', { displayName: 'Admin' }, headers),
    robot.send(
      'POST',
      '/api/v1/session/password',
      { current: 'x', next: 'a long sentence of words' },
      headers,
    ),
    // Nor does it make another one, which would outlive it.
    robot.send('POST', '/api/v1/tokens', { ...base, rights: ['sensors.read'] }, headers),
  ];
  for (const reply of denied) expect(await status(reply)).toBe(403);
  // An administrator's cookie beside it makes it no stronger.
  const both = { ...headers, cookie: [...ada.cookies].map((pair) => pair.join('=')).join('; ') };
  const mixed = await robot.send('POST', '/api/v1/t/settings', {}, both);
  expect([401, 403]).toContain(mixed.statusCode);
  expect((await eve.get('/api/v1/session')).json().person.roles).toEqual([
    { role: 'operator', sensors: [LAB] },
  ]);
});

test('ABUSE 104: at the identity provider only the configured claim gives a role, and only the values that stand there', async () => {
  const claims = { sub: '7', preferred_username: 'eve' };
  const signOn = async (more: Record<string, unknown>, query = '') => {
    provider.mood = { claims: { ...claims, ...more } };
    const browser = on.browser();
    const there = await browser.get('/api/v1/session/sso');
    const { pathname, search } = new URL(provider.visit(String(there.headers.location)));
    const reply = await browser.get(`${pathname}${search}${query}`, { 'sec-fetch-site': 'cross-site' });
    return { location: String(reply.headers.location), browser };
  };
  const rolesOf = async (browser: Browser) => (await browser.get('/api/v1/session')).json().person?.roles;
  // What somebody may edit of themselves at a provider: everything but the claim.
  const own = {
    role: 'admin',
    roles: ['admin', 'chiefs'],
    groups: ['chiefs'],
    name: 'chiefs',
    email: 'chiefs',
  };
  const plain = await signOn({ ...own, realm: { groups: ['soc'] } });
  expect(await rolesOf(plain.browser)).toEqual([{ role: 'analyst' }]);
  // What looks like a value and is none.
  for (const groups of [
    ['Chiefs', 'chiefs ', 'chiefs,soc', 'xchiefs'],
    'soc chiefs',
    [['chiefs']],
    [{ value: 'chiefs' }],
    { chiefs: true, 0: 'chiefs', length: 1 },
    true,
  ]) {
    const { location, browser } = await signOn({ ...own, realm: { groups } });
    expect([location, await rolesOf(browser)], JSON.stringify(groups)).toEqual([
      '/sign-in?failed=FLEET_PEOPLE_SSO_NO_ROLE',
      undefined,
    ]);
  }
  // On the way back, in the address, which is the browser's to write.
  const added = await signOn({ realm: { groups: ['soc'] } }, '&groups=chiefs&realm.groups=chiefs&role=admin');
  expect((await rolesOf(added.browser)) ?? [{ role: 'analyst' }]).toEqual([{ role: 'analyst' }]);
  // And what the provider gave is not to be changed here.
  const change = { displayName: 'Eve', roles: [{ role: 'admin' }] };
  expect((await plain.browser.send('PATCH', '/api/v1/session', change)).statusCode).toBe(400);
  expect(await rolesOf(plain.browser)).toEqual([{ role: 'analyst' }]);
});
