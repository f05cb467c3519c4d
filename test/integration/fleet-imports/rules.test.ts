import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importsFeature } from '@bulkhead/fleet-server/imports';
import { openInstrumentApi } from '@bulkhead/fleet-server/proxy';
import { openPeopleWeb, signedInAs, type Browser, type PeopleWeb } from '../../support/fleet/people-web.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';
import { openRuleBench, type RuleBench } from '../../support/rule-bench.ts';
import { ruleText } from '../../support/rule-texts.ts';

const LAB = testSensorId(1);
const PLANT = testSensorId(2);
const RULES = `/api/v1/imports/${LAB}/rule-manager/rules`;
let bench: RuleBench;
let web: PeopleWeb;
let admin: Browser;
let opened: { user: string; roles: readonly string[] }[];

beforeEach(async () => {
  // As in the field: a person has the time to take it back.
  bench = await openRuleBench({ quietS: 3_600 });
  opened = [];
  const sensors = [
    { id: LAB, name: 'lab' },
    { id: PLANT, name: 'plant' },
  ];
  const call = openInstrumentApi({
    sensors: {
      byLabel: () => undefined,
      byId: (id) => sensors.find((sensor) => sensor.id === id),
      isOnline: (id) => id === LAB,
      pageState: (_id, instrument) => (instrument === 'rule-manager' ? 'served' : 'unknown'),
    },
    ways: {
      socketOf: () => undefined,
      openTunnel: async (_sensor, _target, identity) => {
        opened.push(identity);
        const socket = connect(bench.app.httpPort ?? 0, '127.0.0.1');
        await new Promise<void>((resolve, reject) => {
          socket.once('connect', () => resolve()).once('error', reject);
        });
        return socket;
      },
    },
  });
  const target = { sensorName: 'lab', instrument: 'rule-manager', state: 'ready' as const };
  const feature = importsFeature({
    call,
    targets: () => [
      { ...target, sensor: LAB },
      { ...target, sensor: PLANT, sensorName: 'plant', state: 'offline' },
    ],
  });
  web = await openPeopleWeb({
    routes: (app) => {
      feature.routes?.(app);
    },
  });
  admin = await web.setUp();
});
afterEach(async () => {
  await web.close();
  await bench.dispose();
});

const file = (text: string) => ({
  name: 'own',
  fileName: '../../etc/own\u202e.rules',
  text,
  reason: 'a try',
});
const step = { name: 'own', reason: 'a try' };

test('a file is read, planned, tested and live; who brought it is its author', async () => {
  const checked = await admin.send('POST', `${RULES}/check`, file(`${ruleText(7)}\n${ruleText(8)}\n`));
  expect(checked.json()).toEqual({ outcome: 'taken', rules: 2, enabled: 2, skipped: 0, faults: [] });
  expect(bench.ids.get('suricata')?.applied).toBeUndefined();
  const planned = await admin.send('POST', `${RULES}/plan`, step);
  expect(planned.json()).toMatchObject({ outcome: 'planned', rules: 2, added: 2, removed: 0, changed: 0 });
  const begun = await admin.send('POST', `${RULES}/deploy`, step);
  expect(begun.json()).toMatchObject({ outcome: 'begun' });
  await expect
    .poll(async () => (await admin.get(`${RULES}/job`)).json<{ job: { state: string } }>().job.state, {
      timeout: 30_000,
    })
    .toBe('done');
  expect(bench.ids.get('suricata')?.applied).toBeDefined();
  const { sources } = await bench.call('sources.list', {});
  expect(sources).toMatchObject([{ name: 'own', author: 'ada', enabled: true }]);
  expect(new Set(opened.map(({ user, roles }) => `${user}: ${roles.join(',')}`))).toEqual(
    new Set(['ada: admin']),
  );
  const { entries } = (await admin.get('/api/v1/audit?action=import.')).json<{
    entries: { action: string; facts: object }[];
  }>();
  expect(entries.map(({ action }) => action)).toEqual([
    ...['import.rules.deploy', 'import.rules.plan', 'import.rules.check'],
  ]);
  expect(entries.at(-1)?.facts).toMatchObject({ file: 'own_.rules', bytes: expect.any(Number) });
  expect((await admin.send('POST', `${RULES}/discard`, step)).json()).toEqual({ done: true });
  expect((await bench.call('sources.list', {})).sources).toEqual([]);
});

test('what is refused changes nothing and says where; a name that is taken stays what it was', async () => {
  const bad = await admin.send('POST', `${RULES}/check`, file(`${ruleText(7)}\nalert tcp any any -> (\n`));
  expect(bad.json()).toMatchObject({ outcome: 'refused', faults: [{ line: 2 }] });
  expect((await bench.call('sources.list', {})).sources).toEqual([]);
  await admin.send('POST', `${RULES}/check`, file(ruleText(7)));
  const twice = await admin.send('POST', `${RULES}/check`, file(ruleText(9)));
  expect(twice.json()).toMatchObject({ outcome: 'refused', code: 'RULES_EXISTS' });
  const none = await admin.send('POST', `${RULES}/plan`, { ...step, name: 'other' });
  expect(none.json()).toMatchObject({ outcome: 'refused', code: 'RULES_UNKNOWN' });
});

test('only who operates that instrument brings rules to it, in plain bounds', async () => {
  const { browser: vic } = await signedInAs(web, admin, 'vic', [{ role: 'analyst' }]);
  const { browser: ops } = await signedInAs(web, admin, 'ops', [{ role: 'operator', sensors: [PLANT] }]);
  const code = async (browser: Browser, url: string, body: object) =>
    (await browser.send('POST', url, body)).statusCode;
  for (const one of ['check', 'plan', 'deploy', 'discard']) {
    const body = one === 'check' ? file(ruleText(7)) : step;
    expect([one, await code(vic, `${RULES}/${one}`, body)]).toEqual([one, 403]);
    expect([one, await code(ops, `${RULES}/${one}`, body)]).toEqual([one, 403]);
    expect([one, await code(web.browser(), `${RULES}/${one}`, body)]).toEqual([one, 401]);
  }
  expect(opened).toEqual([]);
  const targets = (await ops.get('/api/v1/imports/targets')).json<{ targets: { sensor: string }[] }>();
  expect(targets.targets.map(({ sensor }) => sensor)).toEqual([PLANT]);
  expect(await code(ops, RULES.replace(LAB, PLANT).concat('/check'), file(ruleText(7)))).toBe(503);
  expect(
    await code(admin, RULES.replace('rule-manager', 'suricata').concat('/check'), file(ruleText(7))),
  ).toBe(404);
  expect(await code(admin, `${RULES}/check`, { ...file(ruleText(7)), name: '../own' })).toBe(400);
  expect(await code(admin, `${RULES}/check`, file('x'.repeat(7_000_001)))).toBe(400);
  expect(await code(admin, `${RULES}/check`, file('x'.repeat(9_000_000)))).toBe(413);
});

test('a token acts in no higher role here than on the page of the instrument', async () => {
  const made = await admin.send('POST', '/api/v1/tokens', {
    ...{ label: 'wall', rights: ['sensors.read', 'sensors.operate', 'instruments.open', 'settings.manage'] },
    expiresInDays: 1,
  });
  expect(made.statusCode).toBe(201);
  const { secret } = made.json<{ secret: string }>();
  const reply = await web.browser().send('POST', `${RULES}/check`, file(ruleText(7)), {
    authorization: `Bearer ${secret}`,
  });
  expect(opened).toEqual([{ user: 'ada', roles: ['viewer'] }]);
  expect(reply.json()).toMatchObject({ outcome: 'refused' });
  expect((await bench.call('sources.list', {})).sources).toEqual([]);
});

test('a person brings one file at a time', async () => {
  const { browser: ops } = await signedInAs(web, admin, 'ops', [{ role: 'operator' }]);
  const codes = await Promise.all(
    [admin, admin, ops].map(
      async (one) =>
        (await one.send('POST', `${RULES}/check`, { ...file(ruleText(7)), name: one === ops ? 'b' : 'a' }))
          .statusCode,
    ),
  );
  expect(codes).toEqual([200, 503, 200]);
  const next = () => admin.send('POST', `${RULES}/check`, { ...file(ruleText(7)), name: 'c' });
  await expect.poll(async () => (await next()).statusCode, { timeout: 20_000 }).toBe(200);
});
