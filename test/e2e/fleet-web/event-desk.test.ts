import { expect, test } from 'vitest';
import { barriers, shoot } from './browser.ts';
import { openDesk } from './desk.ts';

/* What people do with alerts, in a real browser in front of made-up answers. */

const desk = openDesk();

test('an alert explains itself and shows its rule, names and past; what a suppression would hide is shown before it is made', async () => {
  const { page, troubles } = await desk.page();
  await page.goto(`${desk.fixture.url}/events`);
  await page
    .getByRole('region', { name: 'Events' })
    .getByRole('button', { name: 'ET MALWARE' })
    .first()
    .click();
  await page.getByText('What am I looking at?').click();
  await page.getByText('A packet on the wire').waitFor();
  await page.getByText('214 alerts of this signature').waitFor();
  await page.getByText('desk-7.ward.example').first().waitFor();
  await page.getByLabel('Text of the rule').waitFor();
  await shoot(page, 'alert');
  expect(await barriers(page)).toEqual([]);
  await page.getByRole('button', { name: 'Suppress …' }).click();
  await page.getByText('it would have hidden 412').waitFor();
  await page.getByLabel('With', { exact: true }).selectOption('source');
  await page.getByText('it would have hidden 61').waitFor();
  await page.getByLabel('Reason').fill('the update server');
  await shoot(page, 'suppress');
  expect(await barriers(page)).toEqual([]);
  await page.getByRole('button', { name: 'Suppress', exact: true }).click();
  await page.getByText('it would have hidden').waitFor({ state: 'detached' });
  expect(troubles).toEqual([]);
});

test('suppressions and saved views, also on a phone and in the dark', async () => {
  const { page, troubles } = await desk.page({ dark: true, width: 390 });
  await page.goto(`${desk.fixture.url}/events`);
  await page.getByRole('button', { name: 'Suppressions: 1' }).click();
  await page.getByText('the update server of the ward').first().waitFor();
  await shoot(page, 'suppressions-phone');
  expect(await barriers(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Saved views' }).click();
  await page.getByRole('button', { name: 'My open ones', exact: true }).waitFor();
  expect(await barriers(page)).toEqual([]);
  await page.getByRole('button', { name: 'My open ones', exact: true }).click();
  await page.waitForURL(/handled=no/);
  await page.waitForURL(/range=7d/);
  expect(troubles).toEqual([]);
});
