import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { LAB } from '../../support/fleet-web/sensors.ts';
import { barriers, shoot } from './browser.ts';
import { openDesk } from './desk.ts';

/* What people do on the pages, in a real browser in front of made-up answers. */

const desk = openDesk();

test('set-up with the code, then the first steps', async () => {
  Object.assign(desk.fixture.state, { setUpNeeded: true, signedIn: false, sensors: 'none' });
  const { page, troubles } = await desk.page();
  await page.goto(desk.fixture.url);
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
});

test('signing in: a wrong password is said, a second factor is asked for, and one goes on where one was', async () => {
  Object.assign(desk.fixture.state, { signedIn: false, totp: true, sso: true });
  const { page, troubles } = await desk.page({ width: 390 });
  await page.goto(`${desk.fixture.url}/audit?action=session.`);
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
});

test('without a mouse: skip link, search by /, bell, account, light and dark', async () => {
  const { page, troubles } = await desk.page();
  await page.goto(desk.fixture.url);
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
});

test('adopting: the command is shown with how long it works', async () => {
  const { page, troubles } = await desk.page();
  await page.goto(`${desk.fixture.url}/sensors`);
  await page.getByRole('button', { name: 'Adopt a sensor' }).click();
  await page.getByLabel('Name of the sensor').fill('ward-five');
  expect(await barriers(page)).toEqual([]);
  await page.getByRole('button', { name: 'Make a code' }).click();
  await page.getByText('bulkhead fleet join').waitFor();
  await page.getByText(/once, for another/).waitFor();
  await shoot(page, 'adopt');
  expect(await barriers(page)).toEqual([]);
  expect(troubles).toEqual([]);
});

test('acting on many: what it destroys is said, and the word has to be typed', async () => {
  const { page, troubles } = await desk.page();
  await page.goto(`${desk.fixture.url}/sensors`);
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
});

test('a viewer is offered nothing that a viewer may not do', async () => {
  desk.fixture.state.role = 'viewer';
  const { page } = await desk.page();
  await page.goto(`${desk.fixture.url}/sensors`);
  await page.getByText('asks to return').first().waitFor();
  expect(await page.getByRole('button', { name: 'Adopt a sensor' }).count()).toBe(0);
  expect(await page.getByRole('checkbox').count()).toBe(0);
  expect(await page.getByRole('navigation', { name: 'Main' }).getByRole('link').allTextContents()).toEqual([
    'Overview',
    'Sensors',
    'Events',
    'Assets',
    'Data',
  ]);
  await page.goto(`${desk.fixture.url}/sensors/${LAB}/instruments/rule-manager`);
  await page.getByText('rule-manager may read the alert events').waitFor();
  expect(await page.getByRole('button', { name: /Take away|Restart|Stop/ }).count()).toBe(0);
});

/** Name of what has the focus. */
async function focused(page: Page): Promise<string> {
  return String(
    await page.evaluate(
      "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent",
    ),
  );
}
