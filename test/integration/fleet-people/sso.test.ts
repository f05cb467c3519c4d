import { afterEach, beforeEach, expect, test } from 'vitest';
import { OidcConfigSchema } from '@bulkhead/fleet-server/people';
import {
  startOidcProvider,
  type OidcProvider,
  type ProviderMood,
} from '../../support/fleet/oidc-provider.ts';
import { openPeopleWeb, signedInAs, type Browser, type PeopleWeb } from '../../support/fleet/people-web.ts';

let provider: OidcProvider;
let on: PeopleWeb;
let admin: Browser;

beforeEach(async () => {
  provider = await startOidcProvider({ id: 'bulkhead', secret: 'of the client' });
  on = await openPeopleWeb({
    oidc: OidcConfigSchema.parse({
      label: 'Example',
      issuer: provider.issuer,
      clientId: 'bulkhead',
      clientSecret: 'of the client',
      roles: [
        { value: 'soc', role: 'analyst' },
        { value: 'ward-3', role: 'operator', groups: ['ward-3'] },
        { value: 'chiefs', role: 'admin' },
      ],
    }),
    // What the provider signs holds the machine's own time.
    clock: Date.now,
  });
  admin = await on.setUp();
});
afterEach(async () => {
  await on.close();
  await provider.close();
});

/** Goes to the provider and comes back, as a browser does. */
async function signOn(browser: Browser): Promise<string> {
  const there = await browser.get('/api/v1/session/sso');
  return comeBack(browser, provider.visit(String(there.headers.location)));
}

async function comeBack(browser: Browser, address: string): Promise<string> {
  const { pathname, search } = new URL(address);
  const reply = await browser.get(`${pathname}${search}`, { 'sec-fetch-site': 'cross-site' });
  expect(reply.statusCode).toBe(303);
  return String(reply.headers.location);
}

test('a person signs in at the provider and gets the roles that their groups say, anew each time', async () => {
  provider.mood = {
    claims: {
      sub: '42',
      preferred_username: 'Grace.Hopper',
      name: 'Grace Hopper',
      groups: ['soc', 'ward-3', 'x'],
    },
  };
  const browser = on.browser();
  expect((await browser.get('/api/v1/session')).json().sso).toEqual({ label: 'Example' });
  expect(await signOn(browser)).toBe('/');
  const me = (await browser.get('/api/v1/session')).json().person;
  expect(me).toMatchObject({
    name: 'grace.hopper',
    displayName: 'Grace Hopper',
    kind: 'sso',
    roles: [{ role: 'analyst' }, { role: 'operator', groups: ['ward-3'] }],
  });
  // Nothing of the way there is left at the browser.
  expect([...browser.cookies.keys()]).toEqual(['__Host-bulkhead']);

  provider.mood.claims = { ...provider.mood.claims, groups: 'soc' };
  expect(await signOn(browser)).toBe('/');
  const after = (await browser.get('/api/v1/session')).json().person;
  expect([after.id, after.roles]).toEqual([me.id, [{ role: 'analyst' }]]);

  const refused = await browser.send('POST', '/api/v1/session/password', {
    current: 'x',
    next: 'another long sentence',
  });
  expect(refused.json()).toMatchObject({ code: 'FLEET_PEOPLE_ACCOUNT_KIND' });
  const byHand = await admin.send('PATCH', `/api/v1/people/${me.id}`, { roles: [{ role: 'admin' }] });
  expect(byHand.json()).toMatchObject({ code: 'FLEET_PEOPLE_ACCOUNT_KIND' });
});

test('groups that only the userinfo endpoint tells are asked for there', async () => {
  provider.mood = { claims: { sub: '43', preferred_username: 'joan' }, userinfo: { groups: ['soc'] } };
  const browser = on.browser();
  expect(await signOn(browser)).toBe('/');
  expect((await browser.get('/api/v1/session')).json().person.roles).toEqual([{ role: 'analyst' }]);
});

test('who has no role at the provider is refused, and told so on a page', async () => {
  provider.mood = { claims: { sub: '44', preferred_username: 'mallory', groups: ['guests'] } };
  const browser = on.browser();
  expect(await signOn(browser)).toBe('/sign-in?failed=FLEET_PEOPLE_SSO_NO_ROLE');
  expect((await browser.get('/api/v1/session')).json().person).toBeNull();
});

test('a name at the provider does not open an account of that name here', async () => {
  await signedInAs(on, admin, 'grace', [{ role: 'viewer' }]);
  provider.mood = { claims: { sub: '45', preferred_username: 'grace', email: 'ada', groups: ['chiefs'] } };
  expect(await signOn(on.browser())).toBe('/sign-in?failed=FLEET_PEOPLE_NAME_TAKEN');
  provider.mood = { claims: { sub: '46', preferred_username: 'ada', groups: ['chiefs'] } };
  expect(await signOn(on.browser())).toBe('/sign-in?failed=FLEET_PEOPLE_NAME_TAKEN');
});

test('an account that is disabled here does not come in through the provider', async () => {
  provider.mood = { claims: { sub: '47', preferred_username: 'joan', groups: ['chiefs'] } };
  const browser = on.browser();
  expect(await signOn(browser)).toBe('/');
  const { id } = (await browser.get('/api/v1/session')).json().person;
  expect((await admin.send('PATCH', `/api/v1/people/${id}`, { disabled: true })).statusCode).toBe(200);
  expect((await browser.get('/api/v1/people')).statusCode).toBe(401);
  expect(await signOn(on.browser())).toBe('/sign-in?failed=FLEET_PEOPLE_SSO_NO_ROLE');
});

test('an answer counts only in the browser that asked, once', async () => {
  provider.mood = { claims: { sub: '48', preferred_username: 'joan', groups: ['soc'] } };
  const [victim, attacker] = [on.browser(), on.browser()];
  const there = await attacker.get('/api/v1/session/sso');
  const back = provider.visit(String(there.headers.location));
  // Signing a victim in as somebody else, by a link.
  expect(await comeBack(victim, back)).toBe('/sign-in?failed=FLEET_PEOPLE_SSO_FAILED');
  // Not even when the victim is on the way there too.
  await victim.get('/api/v1/session/sso');
  expect(await comeBack(victim, back)).toBe('/sign-in?failed=FLEET_PEOPLE_SSO_FAILED');
  expect(provider.tokenRequests).toEqual([]);
  const cookies = new Map(attacker.cookies);
  expect(await comeBack(attacker, back)).toBe('/');
  const again = on.browser();
  for (const [name, value] of cookies) again.cookies.set(name, value);
  expect(await comeBack(again, back)).toBe('/sign-in?failed=FLEET_PEOPLE_SSO_FAILED');
});

test('an ID token of somebody else, for somebody else, of another time or another sign-in is refused', async () => {
  const spoilt: [string, Partial<ProviderMood>][] = [
    ['another provider', { spoil: (token) => ({ ...token, iss: 'http://127.0.0.1:1' }) }],
    ['another client', { spoil: (token) => ({ ...token, aud: 'somebody else' }) }],
    ['expired', { spoil: (token) => ({ ...token, exp: 1_000_000_000, iat: 999_999_000 }) }],
    ['another sign-in', { spoil: (token) => ({ ...token, nonce: 'from before' }) }],
    ['another key', { strangeKey: true }],
  ];
  for (const [what, mood] of spoilt) {
    provider.mood = { claims: { sub: '49', preferred_username: 'joan', groups: ['chiefs'] }, ...mood };
    const browser = on.browser();
    expect(await signOn(browser), what).toBe('/sign-in?failed=FLEET_PEOPLE_SSO_FAILED');
    expect((await browser.get('/api/v1/session')).json().person, what).toBeNull();
  }
  expect(provider.tokenRequests).toEqual(spoilt.map(() => 'granted'));
});

test('a provider that cannot be reached is said to be so, and asked again the next time', async () => {
  await provider.close();
  const browser = on.browser();
  const there = await browser.get('/api/v1/session/sso');
  expect(there.headers.location).toBe('/sign-in?failed=FLEET_PEOPLE_SSO_FAILED');
  provider = await startOidcProvider({ id: 'bulkhead', secret: 'of the client' });
});
