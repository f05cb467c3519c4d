import { afterAll, beforeAll, expect, test } from 'vitest';
import { pageStateOf, proxyFeature } from '@bulkhead/fleet-server/proxy';
import type { FleetFeature } from '@bulkhead/fleet-server/web';
import { openLog } from '@bulkhead/platform/kernel';
import { openPeopleWeb, signedInAs, type Browser, type PeopleWeb } from '../../support/fleet/people-web.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const LAB = testSensorId(1);
const ORIGIN = 'https://rules.lab.fleet.test:8443';

let on: PeopleWeb;
let admin: Browser;
let feature: FleetFeature | undefined;

beforeAll(async () => {
  // The real people; asked when somebody asks, and by then they are there.
  const pages = () => on.people.pages;
  on = await openPeopleWeb({
    routes: (app) => {
      feature = proxyFeature({
        baseDomain: 'fleet.test',
        encrypted: true,
        knowsHost: (host) => host === 'fleet.test',
        people: {
          handOver: (person, origin) => pages().handOver(person, origin),
          redeem: (ask) => pages().redeem(ask),
          bySession: (cookie, origin) => pages().bySession(cookie, origin),
          byToken: (secret, address) => pages().byToken(secret, address),
          onChange: (listener) => pages().onChange(listener),
        },
        sensors: {
          byLabel: () => undefined,
          byId: (id) => (id === LAB ? { id, name: 'lab' } : undefined),
          isOnline: () => true,
          pageState: () => 'served',
        },
        ways: { socketOf: () => undefined, openTunnel: () => Promise.reject(new Error('not asked')) },
        audit: (line) => on.people.audit(line),
        log: openLog('proxy', 'silent'),
      });
      feature.routes?.(app);
    },
  });
  admin = await on.setUp();
});

afterAll(async () => {
  await feature?.stop();
  await on.close();
});

test('who may open an instrument gets its origin and a code: good once, there, for a session that ends with their own', async () => {
  const { browser, id } = await signedInAs(on, admin, 'vera', [{ role: 'viewer', sensors: [LAB] }]);
  const reply = await browser.send('POST', '/api/v1/ui-access', { sensor: LAB, instrument: 'rules' });
  expect(reply.statusCode).toBe(200);
  const { origin, code } = reply.json<{ origin: string; code: string }>();
  expect(origin).toBe(ORIGIN);
  const { pages } = on.people;
  const entered = pages.redeem({ code, origin });
  expect(entered?.visitor).toMatchObject({ id, name: 'vera', by: 'session' });
  expect(entered?.visitor.rolesFor(LAB, 'rules')).toEqual(['viewer']);
  expect(pages.redeem({ code, origin })).toBeUndefined();
  const { cookie = '' } = entered ?? {};
  expect(pages.bySession(cookie, ORIGIN)?.may('instruments.open', LAB, 'rules')).toBe(true);
  expect(pages.bySession(cookie, 'https://other.lab.fleet.test:8443')).toBeUndefined();
  let told = 0;
  const off = pages.onChange(() => (told += 1));
  expect((await browser.send('DELETE', '/api/v1/session')).statusCode).toBeLessThan(300);
  off();
  expect(told).toBeGreaterThan(0);
  expect(entered?.visitor.isAlive()).toBe(false);
  expect(pages.bySession(cookie, ORIGIN)).toBeUndefined();
});

test('narrowed to another instrument or sensor, with a token, or for what is not there: refused, and written down', async () => {
  const { browser } = await signedInAs(on, admin, 'nora', [
    { role: 'analyst', instruments: ['passive-dns'] },
  ]);
  const ask = (from: Browser, sensor: string, instrument: string) =>
    from.send('POST', '/api/v1/ui-access', { sensor, instrument });
  const refused = await ask(browser, LAB, 'rules');
  expect([refused.statusCode, refused.json<{ code: string }>().code]).toEqual([403, 'FLEET_PROXY_DENIED']);
  expect((await ask(browser, LAB, 'passive-dns')).statusCode).toBe(200);
  expect((await ask(admin, testSensorId(2), 'rules')).json()).toMatchObject({
    code: 'FLEET_PROXY_SENSOR_UNKNOWN',
  });
  expect((await ask(on.browser(), LAB, 'rules')).statusCode).toBe(401);
  const made = await browser.send('POST', '/api/v1/tokens', {
    label: 'robot',
    expiresInDays: 1,
    rights: ['instruments.open'],
  });
  const { secret } = made.json<{ secret: string }>();
  const byToken = await on
    .browser()
    .send(
      'POST',
      '/api/v1/ui-access',
      { sensor: LAB, instrument: 'passive-dns' },
      { authorization: `Bearer ${secret}` },
    );
  expect(byToken.json()).toMatchObject({ code: 'FLEET_PROXY_NO_BROWSER' });
  const { entries } = (await admin.get('/api/v1/audit?action=instrument.hand-over')).json<{
    entries: { name: string; outcome: string; target: string }[];
  }>();
  expect(entries.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(
    expect.arrayContaining(['nora refused', 'nora done', 'vera done']),
  );
  expect(entries.find(({ outcome }) => outcome === 'done')?.target).toMatch(/@lab$/);
});

test('how a page stands is read from what the sensor said of itself', () => {
  const status = {
    attention: [],
    monitors: [],
    instruments: [
      { name: 'a', state: 'running', page: { title: 'A', state: 'served' } },
      { name: 'b', state: 'running', page: { title: 'B', state: 'opening' } },
      { name: 'c', state: 'running' },
      { name: 'd', state: 'held' },
    ],
  } as unknown as Parameters<typeof pageStateOf>[0];
  expect(['a', 'b', 'c', 'd', 'e'].map((name) => pageStateOf(status, name))).toEqual([
    'served',
    'opening',
    'not-granted',
    'not-running',
    'unknown',
  ]);
  // Nothing said yet: the sensor is asked by opening.
  expect(pageStateOf(undefined, 'a')).toBe('served');
});
