import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from 'vitest';
import type { GrantsMatrix, GrantsReport } from '@bulkhead/platform/contracts';
import { openDoor, SPARE, type Door, type Visit } from '../../support/fleet-door/door.ts';
import { keepEveryPage } from '../../support/fleet-door/every-page.ts';
import { accept, askFrom, invite, PASSWORD, signIn } from '../../support/fleet-door/people-page.ts';
import { addRules, deployRules } from '../../support/fleet-door/rule-page.ts';
import { keepScreen } from '../../support/fleet-door/screens.ts';

/*
 * The fleet as people meet it, from the first minute: a real fleetd, a real sensor with its instruments on lab traffic, a real browser.
 * One step builds on the one before.
 */

const SETTLE_MS = 120_000;
/** A sensor that cannot reach its fleet tries again at random, at the latest after a minute. */
const RETURN_MS = 150_000;
/** How a sensor is called that is there: what it lacks after a permission was taken away, it says. */
const STANDS = /^(online|needs attention)$/;
/** A rule of one's own for what the infected machine does in the lab's attack `dns-bad-name`. */
const OWN = { sid: 9_000_001, words: 'OWN look-up of the beacon' };
const OWN_RULE = `alert dns any any -> any any (msg:"${OWN.words}"; dns.query; content:"malware-beacon"; nocase; sid:${String(OWN.sid)}; rev:1;)`;

let door: Door;
let anna: Visit;
let page: Page;
/** Id that the fleet gave the sensor. */
let sensor = '';

beforeAll(async () => {
  door = await openDoor('b6f');
  door.world.lab.startClients();
  anna = await door.visit();
  page = anna.page;
}, 600_000);

afterAll(async () => {
  await door.remove();
});
beforeEach(({ task }) => {
  onTestFailed(() => keepScreen(page, `failed-${task.name.replaceAll(/\W+/g, '-').slice(0, 40)}`));
});

test('the first person sets the fleet up with the code that fleetd printed; a wrong code is refused in words', async () => {
  await page.getByLabel('Set-up code').fill('AAAA-BBBB-CCCC');
  await page.getByLabel('Name to sign in with').fill('anna');
  await page.getByLabel('Your name, as others see it').fill('Anna Berg');
  await page.getByLabel(/^Password/).fill(PASSWORD);
  await page.getByLabel('The same again').fill(PASSWORD);
  await page.getByRole('button', { name: 'Set up the fleet' }).click();
  const refusal = page.getByRole('alert');
  await refusal.waitFor();
  expect(await refusal.innerText()).toMatch(/set-up code/i);
  await keepScreen(page, 'step-1-wrong-code');
  await page.getByLabel('Set-up code').fill(door.fleetd.setUpCode ?? '');
  await page.getByRole('button', { name: 'Set up the fleet' }).click();
  await page.getByText('This fleet has no sensors yet').waitFor();
  await keepScreen(page, 'step-1-set-up');
});

test('a sensor is adopted with the command that the fleet shows, and its wiring is seen', async () => {
  await page.getByRole('link', { name: 'Sensors', exact: true }).click();
  await page.getByRole('button', { name: 'Adopt a sensor' }).click();
  await page.getByLabel('Name of the sensor').fill('lab');
  await page.getByRole('button', { name: 'Make a code' }).click();
  const command = await page.getByLabel('Command to join').innerText();
  await keepScreen(page, 'step-2-code');
  const [, token = ''] = /bulkhead fleet join '?([^\s']+)/.exec(command) ?? [];
  expect(await door.atSensor(['fleet', 'join', token])).toContain('joined the fleet');
  await page.getByText('has joined and is connected').waitFor({ timeout: SETTLE_MS });
  await keepScreen(page, 'step-2-joined');
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('link', { name: 'lab', exact: true }).click();
  await page.getByText('Every packet and event').waitFor();
  sensor = new URL(page.url()).pathname.split('/')[2] ?? '';
  const picture = page.locator('svg').filter({ hasText: 'suricata' }).first();
  for (const name of ['capture-engine', 'passive-dns', 'rule-manager', 'downloader'])
    expect(await picture.textContent()).toContain(name);
  await page
    .locator('svg text', { hasText: /\d.*\/s$/ })
    .first()
    .waitFor();
  await keepScreen(page, 'step-2-wiring');
});

test('an alert of the lab arrives live, while one looks', async () => {
  await page.getByRole('link', { name: 'Events', exact: true }).click();
  await page.getByLabel('Live').check();
  await page.getByText(/Live: /).waitFor();
  await page.evaluate('globalThis.notLoadedAgain = true');
  const alerts = page.getByRole('region', { name: 'Events', exact: true }).getByText('alert · suricata');
  await attackUntil('path-traversal', async () => (await alerts.count()) > 0);
  expect(await page.evaluate('globalThis.notLoadedAgain')).toBe(true);
  await keepScreen(page, 'step-3-live', 'top');
});

test('the rule manager is opened on an origin of its own, and a rule that is deployed there raises an alert in the fleet', async () => {
  const rules = await openPage(page, 'rule-manager');
  expect(new URL(rules.url()).host).toBe(`rule-manager.lab.${new URL(door.fleetd.url).host}`);
  await addRules(rules, 'own', OWN_RULE);
  await deployRules(rules, 'To see look-ups of the beacon');
  await keepScreen(rules, 'step-4-rules-live');
  await rules.close();
  await page.goto(`${door.fleetd.url}events?signature=${String(OWN.sid)}`);
  await page.getByLabel('Live').check();
  await attackUntil('dns-bad-name', async () => (await page.getByText(OWN.words).count()) > 0);
  await keepScreen(page, 'step-4-own-alert');
});

test('the page of passive DNS is opened the same way, and knows the names of the traffic', async () => {
  const names = await openPage(page, 'passive-dns', 'Open Passive DNS');
  expect(new URL(names.url()).host).toBe(`passive-dns.lab.${new URL(door.fleetd.url).host}`);
  await names.getByLabel('Name or address').fill('c2.malware-beacon.example');
  await expect
    .poll(
      async () => {
        await door.world.lab.attack('dns-bad-name');
        await names.getByRole('button', { name: 'Look up' }).click();
        return names.getByRole('table').getByRole('row').count();
      },
      { timeout: SETTLE_MS, interval: 1_000 },
    )
    .toBeGreaterThan(1);
  await keepScreen(names, 'step-4-passive-dns');
  await names.close();
});

test('an alert tells which rule raised it, what names its addresses had, and what else its flow was, as the sensor knows it', async () => {
  await page.goto(`${door.fleetd.url}events?signature=${String(OWN.sid)}`);
  const region = page.getByRole('region', { name: 'Events', exact: true });
  await region.getByText(OWN.words).first().click();
  const alert = page.getByRole('dialog');
  const rule = alert.getByRole('region', { name: 'The rule', exact: true });
  await rule.getByText(OWN_RULE).waitFor();
  expect(await rule.innerText()).toContain('Source: own');
  // One of the two is the lab's server, whose names its clients ask for all the time.
  const names = alert.getByRole('region', { name: 'Names of its addresses' });
  await names
    .getByText(/seen [\d,]+ times/)
    .first()
    .waitFor();
  await alert
    .getByRole('region', { name: 'Of the same flow' })
    .getByText(/^dns, /)
    .first()
    .waitFor();
  await keepScreen(page, 'step-4-one-alert');
  await alert.getByRole('button', { name: 'Close' }).click();
});

test(
  'every page shows what there is, on a desk and in the hand, in light and dark, and nothing is wrong with it',
  { timeout: 900_000 },
  async () => {
    expect(await keepEveryPage(door, anna, sensor)).toEqual({});
  },
);

test('a permission is taken away where it is shown; the sensor holds to it at once', async () => {
  expect(await readsAlerts()).toBe(true);
  await page.goto(`${door.fleetd.url}sensors/${sensor}/instruments/passive-dns`);
  const row = page.getByRole('row').filter({ hasText: /read.*alert/ });
  const words = await row.getByRole('cell').first().innerText();
  await row.getByRole('button', { name: /^Take away/ }).click();
  const dialog = page.getByRole('dialog');
  expect(await dialog.innerText()).toContain(words.split('\n')[0]);
  expect(await dialog.innerText()).toContain('It ends at once');
  await keepScreen(page, 'step-5-confirm');
  await dialog.getByRole('button', { name: 'Take it away' }).click();
  await row.getByText('asked for').waitFor();
  await keepScreen(page, 'step-5-taken-away');
  expect(await readsAlerts()).toBe(false);
  const { instruments } = JSON.parse(await door.atSensor(['--json', 'grants', 'show'])) as GrantsReport;
  const { rights } = instruments.find(({ instrument }) => instrument === 'passive-dns') ?? {};
  expect(rights?.find(({ right }) => right === 'read:suricata/alert')?.state).toBe('asked');
  expect(await door.atSensor(['config', 'history'])).toContain('fleet/anna');
});

test('a viewer of one sensor sees it, and is refused everything else, in the pages and at the API', async () => {
  const vera = await accept(door, await invite(page, { name: 'vera', role: 'viewer', sensor: 'lab' }));
  const places = await vera.page.getByRole('navigation', { name: 'Main' }).getByRole('link').allInnerTexts();
  expect(places).not.toEqual(expect.arrayContaining(['People']));
  expect(places).not.toEqual(expect.arrayContaining(['Settings']));
  for (const path of ['people', 'settings', 'audit']) {
    await vera.page.goto(`${door.fleetd.url}${path}`);
    await vera.page.getByText('Your role does not open this page').waitFor();
    await keepScreen(vera.page, `step-6-refused-${path}`);
  }
  for (const [method, path, body] of [
    ['GET', '/api/v1/people'],
    ['GET', '/api/v1/audit'],
    ['POST', '/api/v1/adoption-codes', {}],
    ['POST', `/api/v1/sensors/${sensor}/api/v1/instruments/suricata/restart`],
    ['POST', `/api/v1/sensors/${sensor}/api/v1/grants/give`, { instrument: 'passive-dns', all: true }],
  ] as const) {
    const answer = await askFrom(vera.page, method, path, body);
    expect([path, answer.status, typeof answer.body['code']]).toEqual([path, 403, 'string']);
  }
  const rules = await openPage(vera.page, 'rule-manager');
  await rules.getByText('To change something you need the role operator or admin').waitFor();
  expect(await rules.getByRole('button', { name: 'Deploy now…' }).isDisabled()).toBe(true);
  const deploy = await askFrom(rules, 'POST', '/api/ruleset.deploy', { reason: 'all the same' });
  expect(JSON.stringify(deploy.body)).toContain('RULES_NOT_ALLOWED');
  await keepScreen(rules, 'step-6-rules-of-a-viewer');
  await vera.page.context().close();
});

test('who may open the page of one instrument opens that one and no other', async () => {
  const code = await invite(page, {
    name: 'otto',
    role: 'viewer',
    sensor: 'lab',
    instruments: 'rule-manager',
  });
  const otto = await accept(door, code);
  const rules = await openPage(otto.page, 'rule-manager');
  await rules.getByRole('heading', { name: 'Overview' }).waitFor();
  const spare = otto.page.getByRole('row').filter({ hasText: SPARE });
  await spare.getByText('your role does not open it').waitFor();
  await keepScreen(otto.page, 'step-6-one-instrument');
  const refused = await askFrom(otto.page, 'POST', '/api/v1/ui-access', { sensor, instrument: SPARE });
  expect(refused.status).toBe(403);
  const answer = await rules.goto(rules.url().replace('rule-manager', SPARE));
  expect(answer?.status()).toBeGreaterThanOrEqual(400);
  await keepScreen(rules, 'step-6-another-instrument');
  await otto.page.context().close();
});

test('a sensor that is cut off is shown so, holds nobody up, and brings what happened meanwhile: no gap, nothing twice', async () => {
  await page.goto(`${door.fleetd.url}sensors`);
  const row = page.getByRole('row').filter({ hasText: 'lab' });
  await row.getByText(STANDS).waitFor();
  door.fleetd.link.pull();
  const cutAt = Date.now();
  await row.getByText('offline').waitFor({ timeout: SETTLE_MS });
  expect(Date.now() - cutAt).toBeLessThan(30_000);
  await keepScreen(page, 'step-7-offline');
  const before = await alertsOfSensor();
  await attackUntil('dns-bad-name', async () => (await alertsOfSensor()).length > before.length);
  await page.getByRole('link', { name: 'Overview', exact: true }).click();
  await page.getByRole('link', { name: '1 offline' }).waitFor();
  await keepScreen(page, 'step-7-overview');
  expect((await alertsOfFleet()).length).toBeLessThan((await alertsOfSensor()).length);
  door.fleetd.link.plug();
  await page.getByRole('link', { name: 'Sensors', exact: true }).click();
  await row.getByText(STANDS).waitFor({ timeout: RETURN_MS });
  // Both are looked at each time: what an attack raised may be stored after the alert that was waited for.
  await expect.poll(compared, { timeout: RETURN_MS }).toEqual({ missing: [], more: 0 });
  await keepScreen(page, 'step-7-back');
});

test('a fleet that was destroyed is restored from its backup; the sensor comes back by itself', async () => {
  const { fleetd } = door;
  const backup = fleetd.path('backup');
  expect(await fleetd.command('backup', backup)).toContain('files');
  await fleetd.end();
  await fleetd.destroyState();
  expect(await fleetd.command('restore', backup)).toContain('Everybody has to sign in again');
  await fleetd.start();
  expect(fleetd.setUpCode).toBeUndefined();
  await page.goto(`${fleetd.url}sensors`);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await keepScreen(page, 'step-8-sign-in');
  await signIn(page, 'anna');
  await page.getByRole('row').filter({ hasText: 'lab' }).getByText(STANDS).waitFor({ timeout: RETURN_MS });
  const since = new Date().toISOString();
  await attackUntil('dns-bad-name', async () => (await alertsOfFleet(since)).length > 0);
  await page.goto(`${fleetd.url}events?signature=${String(OWN.sid)}&since=${since}`);
  await page.getByText(OWN.words).first().waitFor();
  await page.locator('.time-bars').getByText('of any severity').waitFor();
  await keepScreen(page, 'step-8-events');
});

/** Opens an instrument's page with the button that is there for it. */
async function openPage(from: Page, instrument: string, button = 'Open Rules'): Promise<Page> {
  await from.goto(`${door.fleetd.url}sensors/${sensor}/instruments`);
  const opened = from.context().waitForEvent('page');
  const row = from
    .getByRole('row')
    .filter({ has: from.getByRole('link', { name: instrument, exact: true }) });
  await row.getByRole('button', { name: button }).click();
  const tab = await opened;
  await tab.getByRole('heading', { level: 1 }).waitFor();
  return tab;
}

/** Attacks again and again until that is so. */
async function attackUntil(attack: 'path-traversal' | 'dns-bad-name', isSo: () => Promise<boolean>) {
  await expect
    .poll(
      async () => {
        await door.world.lab.attack(attack);
        return isSo();
      },
      { timeout: SETTLE_MS, interval: 1_000 },
    )
    .toBe(true);
}

async function readsAlerts(): Promise<boolean> {
  const { edges } = JSON.parse(await door.atSensor(['--json', 'grants', 'matrix'])) as GrantsMatrix;
  return edges.some(
    ({ from, to, what }) => from === 'suricata' && to === 'passive-dns' && /alert/.test(what),
  );
}

/** Ids of all alerts in the sensor's own store, and in the fleet's. */
async function alertsOfSensor(): Promise<string[]> {
  return (await door.world.sensor.stored({ type: 'alert' })).map(({ id }) => id).sort();
}

/** What the fleet lacks of the sensor's alerts, and how many more it has. */
async function compared(): Promise<{ missing: string[]; more: number }> {
  const atSensor = await alertsOfSensor();
  const inFleet = await alertsOfFleet();
  return {
    missing: atSensor.filter((id) => !inFleet.includes(id)),
    more: inFleet.length - atSensor.length,
  };
}

async function alertsOfFleet(since = new Date(0).toISOString()): Promise<string[]> {
  const path = `/api/v1/events?types=alert&limit=200&sensors=${sensor}&since=${since}`;
  const { body } = await askFrom(page, 'GET', path);
  expect(body['complete']).toBe(true);
  return (body['events'] as { sensorEventId: string }[]).map(({ sensorEventId }) => sensorEventId).sort();
}
