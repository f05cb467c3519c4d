import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openFixture, type Fixture } from '../../support/fleet-web/server.ts';
import { LAB, SENSORS } from '../../support/fleet-web/sensors.ts';
import { barriers, openPageBrowser, shoot, type PageBrowser } from './browser.ts';

/*
 * The pages in a real browser, in front of made-up answers: what is drawn, what can be used without a mouse or without seeing, what
 * is loaded first. What the fleet itself does is proved with a real fleetd elsewhere.
 */

const PAGES_DIR =
  process.env['BULKHEAD_WEB_BUILD'] ?? fileURLToPath(new URL('../../../build/fleet-web', import.meta.url));
const FIRST_PAINT_BYTES = 200_000;
const WARD = SENSORS.find(({ name }) => name === 'ward-four')!.id;

let browser: PageBrowser;
let fixture: Fixture;

beforeAll(async () => {
  if (!existsSync(join(PAGES_DIR, 'index.html')))
    throw new Error(`${PAGES_DIR} holds no pages: run scripts/build first.`);
  fixture = await openFixture(PAGES_DIR);
  browser = await openPageBrowser();
});
afterAll(async () => {
  await browser.close();
  await fixture.close();
});
beforeEach(() => {
  Object.assign(fixture.state, {
    setUpNeeded: false,
    signedIn: true,
    role: 'admin',
    sso: false,
    totp: false,
    sensors: 'some',
  });
});

/** Every page, with words that are there when it is whole. */
const PAGES: [name: string, path: string, words: string][] = [
  ['overview', '/', 'ward-four does not see'],
  ['sensors', '/sensors', 'asks to return'],
  ['groups', '/groups', 'Wards and the gate'],
  ['adoption', '/adoption', 'ward-five'],
  ['wiring', `/sensors/${WARD}`, 'Every packet and event'],
  ['instruments', `/sensors/${LAB}/instruments`, 'Open Rules'],
  ['instrument', `/sensors/${LAB}/instruments/rule-manager`, 'rule-manager may read the alert events'],
  ['configuration', `/sensors/${LAB}/revisions?show=7`, 'Against the one before'],
  ['data', `/sensors/${LAB}/data`, 'Events of all instruments'],
  ['record', `/sensors/${LAB}/record`, 'Monitor interface span-a'],
  ['events', '/events', 'query host-3.example.org'],
  ['people', '/people', 'Ben Okafor'],
  ['account', '/account', 'nightly export'],
  ['audit', '/audit', 'sensor.configure'],
  ['settings', '/settings', 'Event store'],
];

/** Both widths and both schemes; every combination where somebody wants pictures. */
const LOOKS: [name: string, look: { width: number; dark: boolean }][] = [
  ['wide-light', { width: 1280, dark: false }],
  ['narrow-dark', { width: 390, dark: true }],
];
if (process.env['BULKHEAD_SHOTS'] !== undefined) {
  LOOKS.push(['wide-dark', { width: 1280, dark: true }], ['narrow-light', { width: 390, dark: false }]);
}

describe.each(LOOKS)('%s', (look, options) => {
  test('every page is drawn, usable for everybody, and within a policy that lets nothing inline', async () => {
    const { page, troubles } = await browser.page(options);
    const found: Record<string, unknown> = {};
    for (const [name, path, words] of PAGES) {
      await page.goto(`${fixture.url}${path}`);
      await page.getByText(words).first().waitFor();
      await settled(page);
      await shoot(page, `${name}-${look}`);
      const wide = Number(
        await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
      );
      const problems = [
        ...(await barriers(page)),
        ...(wide > 0 ? [`is ${String(wide)} px too wide`] : []),
        ...troubles.splice(0),
      ];
      if (problems.length > 0) found[name] = problems;
    }
    await page.context().close();
    expect(found).toEqual({});
  });
});

test('what is loaded before the first page can be used is below 200 kB', async () => {
  const { page } = await browser.page();
  fixture.sentBytes = 0;
  await page.goto(fixture.url);
  await page.getByText('ward-four does not see').first().waitFor();
  await settled(page);
  await page.context().close();
  expect(fixture.sentBytes).toBeGreaterThan(50_000);
  expect(fixture.sentBytes).toBeLessThan(FIRST_PAINT_BYTES);
});

test('set-up with the code, then the first steps', async () => {
  Object.assign(fixture.state, { setUpNeeded: true, signedIn: false, sensors: 'none' });
  const { page, troubles } = await browser.page();
  await page.goto(fixture.url);
  await page.getByLabel('Set-up code').fill('ABCD-EFGH-JKLM');
  await page.getByLabel('Name to sign in with').fill('anna');
  await page.getByLabel(/^Password/).fill('correct horse battery');
  const go = page.getByRole('button', { name: 'Set up the fleet' });
  await page.getByLabel('The same again').fill('correct horse batter');
  expect(await go.isDisabled()).toBe(true);
  await page.getByLabel('The same again').fill('correct horse battery');
  await shoot(page, 'set-up');
  expect(await barriers(page)).toEqual([]);
  await go.click();
  await page.getByText('This fleet has no sensors yet').waitFor();
  await shoot(page, 'first-steps');
  expect(await barriers(page)).toEqual([]);
  expect(troubles).toEqual([]);
  await page.context().close();
});

test('signing in: a wrong password is said, a second factor is asked for, and one goes on where one was', async () => {
  Object.assign(fixture.state, { signedIn: false, totp: true, sso: true });
  const { page, troubles } = await browser.page({ width: 390 });
  await page.goto(`${fixture.url}/audit?action=session.`);
  await page.getByLabel('Name').fill('Anna');
  await page.getByLabel(/^Password/).fill('wrong');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('alert').getByText('Name or password is wrong.').waitFor();
  expect(await page.getByRole('link', { name: 'Sign in with Example University' }).getAttribute('href')).toBe(
    '/api/v1/session/sso',
  );
  await shoot(page, 'sign-in-refused');
  expect(await barriers(page)).toEqual([]);
  await page.getByLabel(/^Password/).fill('correct horse battery');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByLabel('Code of your authenticator').fill('123 456');
  await shoot(page, 'sign-in-code');
  expect(await barriers(page)).toEqual([]);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText('sensor.configure').first().waitFor();
  expect(new URL(page.url()).search).toBe('?action=session.');
  expect(troubles).toEqual([]);
  await page.context().close();
});

test('without a mouse: skip link, search by /, bell, account, light and dark', async () => {
  const { page, troubles } = await browser.page();
  await page.goto(fixture.url);
  await page.getByText('ward-four does not see').first().waitFor();
  await page.keyboard.press('Tab');
  expect(await focused(page)).toBe('Skip to the page');
  await page.keyboard.press('/');
  await page.keyboard.type('beacon');
  expect(await page.getByRole('searchbox').inputValue()).toBe('beacon');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/events?text=beacon');
  await page.getByRole('button', { name: '3 matters that need attention' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('.disclosed').getByText('gate is offline').waitFor();
  await page.keyboard.press('Escape');
  expect(await page.locator('.disclosed').count()).toBe(0);
  expect(await focused(page)).toBe('3 matters that need attention');
  await page.getByRole('button', { name: 'Account of Anna Berg' }).press('Enter');
  await page.getByLabel('Dark').check();
  expect(await page.locator('html').getAttribute('data-mantine-color-scheme')).toBe('dark');
  expect(troubles).toEqual([]);
  await page.context().close();
});

test('adopting: the command is shown with how long it works', async () => {
  const { page, troubles } = await browser.page();
  await page.goto(`${fixture.url}/sensors`);
  await page.getByRole('button', { name: 'Adopt a sensor' }).click();
  await page.getByLabel('Name of the sensor').fill('ward-five');
  expect(await barriers(page)).toEqual([]);
  await page.getByRole('button', { name: 'Make a code' }).click();
  await page.getByText('bulkhead fleet join').waitFor();
  await page.getByText(/once, for another/).waitFor();
  await shoot(page, 'adopt');
  expect(await barriers(page)).toEqual([]);
  expect(troubles).toEqual([]);
  await page.context().close();
});

test('acting on many: what it destroys is said, and the word has to be typed', async () => {
  const { page, troubles } = await browser.page();
  await page.goto(`${fixture.url}/sensors`);
  await page.getByLabel('Choose gate').check();
  await page.getByLabel('Choose lab').check();
  await page.getByText('2 sensors chosen').waitFor();
  await page.getByRole('button', { name: 'Revoke', exact: true }).click();
  await page.getByText('Their certificates become void').waitFor();
  const revoke = page.getByRole('button', { name: 'Revoke 2 sensors' });
  expect(await revoke.isDisabled()).toBe(true);
  await page.getByLabel('Type revoke to go on').fill('revoke');
  await shoot(page, 'revoke');
  expect(await barriers(page)).toEqual([]);
  await revoke.click();
  await page.getByText('What became of it').waitFor();
  await page.getByText('waits until it is back').first().waitFor();
  expect(troubles).toEqual([]);
  await page.context().close();
});

test('an event: its record, who is on it, and the way to everything of its flow', async () => {
  const { page, troubles } = await browser.page();
  await page.goto(`${fixture.url}/events`);
  await page
    .getByRole('region', { name: 'Events' })
    .getByRole('button', { name: 'ET MALWARE' })
    .first()
    .click();
  await page.getByText('as the instrument published it').waitFor();
  await page.getByText('"signature_id": 2027865').waitFor();
  await shoot(page, 'event');
  expect(await barriers(page)).toEqual([]);
  await page.getByRole('button', { name: 'Everything of its flow' }).click();
  await page.waitForURL(/flow=/);
  expect(troubles).toEqual([]);
  await page.context().close();
});

test('200 events each second are shown live without holding the page up', async () => {
  const { page, troubles } = await browser.page();
  await page.goto(`${fixture.url}/events`);
  await page.getByText('ET MALWARE').first().waitFor();
  await page.getByLabel('Live').check();
  await page.getByText(/Live: \d{3,} events/).waitFor();
  const rows = await page.locator('.events-list tbody tr').count();
  expect(rows).toBeGreaterThan(50);
  expect(rows).toBeLessThanOrEqual(200);
  // Still at hand: what is clicked answers while events stream in.
  await page.getByLabel('Live').uncheck();
  await page.getByRole('button', { name: 'Older ones' }).waitFor();
  expect(troubles).toEqual([]);
  await page.context().close();
});

test('a viewer is offered nothing that a viewer may not do', async () => {
  fixture.state.role = 'viewer';
  const { page } = await browser.page();
  await page.goto(`${fixture.url}/sensors`);
  await page.getByText('asks to return').first().waitFor();
  expect(await page.getByRole('button', { name: 'Adopt a sensor' }).count()).toBe(0);
  expect(await page.getByRole('checkbox').count()).toBe(0);
  expect(await page.getByRole('navigation', { name: 'Main' }).getByRole('link').allTextContents()).toEqual([
    'Overview',
    'Sensors',
    'Events',
  ]);
  await page.goto(`${fixture.url}/sensors/${LAB}/instruments/rule-manager`);
  await page.getByText('rule-manager may read the alert events').waitFor();
  expect(await page.getByRole('button', { name: /Take away|Restart|Stop/ }).count()).toBe(0);
  await page.context().close();
});

/** Nothing is awaited any more. (Not “no request is under way”: the live stream always is.) */
async function settled(page: Page): Promise<void> {
  await page.locator('.awaited, .histogram-awaited').first().waitFor({ state: 'detached' });
  // Two readings make a rate, and a picture of the wiring wants to show some.
  if (process.env['BULKHEAD_SHOTS'] !== undefined && page.url().includes('/sensors/'))
    await page.waitForTimeout(3_500);
}

/** Name of what has the focus. */
async function focused(page: Page): Promise<string> {
  return String(
    await page.evaluate(
      "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent",
    ),
  );
}
