import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Asset, AssetPage } from '@bulkhead/fleet-api';
import { ASSETS_MIGRATIONS, assetsFeature } from '@bulkhead/fleet-server/assets';
import { fleetMessage, openFleetStore } from '../../support/fleet/event-bench.ts';
import { openPeopleWeb, signedInAs, type Browser, type PeopleWeb } from '../../support/fleet/people-web.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const [A, B] = [testSensorId(1), testSensorId(2)];
let events: Awaited<ReturnType<typeof openFleetStore>>;
let web: PeopleWeb;
let admin: Browser;
let db: Database.Database;
let feature: ReturnType<typeof assetsFeature>;

const alert = (from: string, to: string) => ({
  ...{ event_type: 'alert', src_ip: from, dest_ip: to },
  alert: { severity: 1, signature_id: 7, signature: 'x' },
});

beforeAll(async () => {
  events = await openFleetStore();
  await events.store.insert([
    fleetMessage({ sensor: A, sequence: 1, records: [alert('10.0.0.7', '203.0.113.5')] }),
    fleetMessage({ sensor: B, sequence: 1, records: [alert('10.0.0.7', '2001:db8::9')] }),
  ]);
  db = new Database(':memory:');
  for (const { sql } of ASSETS_MIGRATIONS) db.exec(sql);
  feature = assetsFeature({ db, store: () => events.store, now: Date.now });
  web = await openPeopleWeb({
    routes: (app) => {
      feature.routes?.(app);
    },
  });
  await feature.start();
  admin = await web.setUp();
});
afterAll(async () => {
  await feature.stop();
  await web.close();
  db.close();
  await events.dispose();
});

const list = async (browser: Browser, query = '') =>
  (await browser.get(`/api/v1/assets${query}`)).json<AssetPage>();

test('one sees addresses of the sensors whose events one may read, and of no others', async () => {
  expect((await web.browser().get('/api/v1/assets')).statusCode).toBe(401);
  expect((await list(admin)).assets).toHaveLength(4);
  const roles = [{ role: 'analyst', sensors: [A] }];
  const { browser: ann } = await signedInAs(web, admin, 'ann', roles);
  const seen = await list(ann);
  expect([seen.total, seen.known]).toEqual([2, 2]);
  expect(new Set(seen.assets.map(({ sensor }) => sensor))).toEqual(new Set([A]));
  expect((await list(ann, `?sensor=${B}`)).assets).toEqual([]);
  expect((await ann.get(`/api/v1/assets/${B}/10.0.0.7`)).statusCode).toBe(403);
  expect((await ann.get(`/api/v1/assets/${A}/10.0.0.7`)).json<Asset>()).toMatchObject({ alerts: 1 });
  const label = { name: 'mine', critical: true };
  expect((await ann.send('PUT', `/api/v1/assets/${B}/10.0.0.7/label`, label)).statusCode).toBe(403);
  const { browser: vic } = await signedInAs(web, admin, 'vic', [{ role: 'viewer' }]);
  expect((await vic.send('PUT', `/api/v1/assets/${A}/10.0.0.7/label`, label)).statusCode).toBe(403);
});

test('a label is for one sensor, is searched and audited, and outlives a store that knows nothing of it', async () => {
  const url = `/api/v1/assets/${A}/10.0.0.7/label`;
  const put = await admin.send('PUT', url, { name: 'Pump 7', note: 'Ward 4', critical: true });
  expect(put.statusCode).toBe(200);
  expect(put.json<Asset>().label).toMatchObject({ name: 'Pump 7', critical: true, by: 'ada' });
  expect((await list(admin, '?kind=critical')).assets).toMatchObject([{ sensor: A, address: '10.0.0.7' }]);
  expect((await list(admin, '?text=ward')).total).toBe(1);
  const lines = (await admin.get('/api/v1/audit?action=assets.label')).json<{ entries: object[] }>().entries;
  expect(lines[0]).toMatchObject({
    ...{ name: 'ada', outcome: 'done', target: `10.0.0.7@${A}` },
    facts: { name: 'Pump 7', critical: true },
  });
  // As after a restore: the labels are in the fleet's database, the store is another.
  await events.store.labelAssets([], true);
  expect((await list(admin, '?kind=critical')).total).toBe(0);
  await feature.start();
  expect((await list(admin, '?kind=critical')).total).toBe(1);
  expect((await admin.send('PUT', url, {})).json<Asset>().label).toBeUndefined();
  expect((await list(admin, '?kind=labelled')).total).toBe(0);
});

test('what is no address, or was never seen, is not labelled; hostile words are refused', async () => {
  const put = async (address: string, body: object = { name: 'x' }) =>
    (await admin.send('PUT', `/api/v1/assets/${A}/${address}/label`, body)).statusCode;
  expect(await put('10.9.9.9')).toBe(404);
  expect(await put('no-address')).toBe(400);
  expect(await put('10.0.0.7%00')).toBe(400);
  expect(await put('10.0.0.7', { name: 'a\nb' })).toBe(400);
  expect(await put('10.0.0.7', { name: '\u202egnp.exe' })).toBe(400);
  expect(await put('10.0.0.7', { name: 'x'.repeat(81) })).toBe(400);
  expect((await admin.get('/api/v1/assets?text=%27%20OR%201%3D1--')).json<AssetPage>().total).toBe(0);
  expect((await admin.get(`/api/v1/assets/${B}/2001:db8:0:0::9`)).json<Asset>()).toMatchObject({
    address: '2001:db8::9',
  });
});
