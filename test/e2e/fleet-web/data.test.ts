import { expect, test } from 'vitest';
import { LAB } from '../../support/fleet-web/sensors.ts';
import { barriers, shoot } from './browser.ts';
import { openDesk, settled } from './desk.ts';

/* What the sensors and the fleet keep, on a phone and on a desk. */

const desk = openDesk();
const KEPT = 'kept for good: lines are only added';

test('on a phone a store is a short card, and the keyboard opens what else is known of it', async () => {
  const { page, troubles } = await desk.page({ width: 390, dark: true });
  await page.goto(`${desk.fixture.url}/data`);
  const stores = page.getByRole('list', { name: 'Stores' }).locator('> li');
  await stores.first().waitFor();
  await settled(page);
  expect(await page.getByRole('table').count()).toBe(0);
  expect(await stores.count()).toBe(4);
  const reports = page.getByRole('list', { name: 'Reports of the sensors' }).locator('> li');
  for (const card of [...(await stores.all()), ...(await reports.all())])
    expect((await card.boundingBox())?.height, (await card.textContent()) ?? '').toBeLessThan(230);
  // What is wrong is never folded away.
  expect(await stores.getByText('older than its policy by 35 days').isVisible()).toBe(true);

  const audit = stores.filter({ hasText: 'fleet/audit' });
  expect(await audit.getByText(KEPT).isVisible()).toBe(false);
  await audit.locator('summary').focus();
  await page.keyboard.press('Enter');
  await audit.getByText(KEPT).waitFor();
  expect(await audit.getByText('backups that somebody makes').isVisible()).toBe(true);
  await shoot(page, 'fleet-data-open-narrow');
  expect(await barriers(page)).toEqual([]);
  await page.keyboard.press('Enter');
  await audit.getByText(KEPT).waitFor({ state: 'hidden' });
  expect(troubles).toEqual([]);
});

test('the same of one sensor; turned or widened, it is a table again', async () => {
  const { page, troubles } = await desk.page({ width: 390 });
  await page.goto(`${desk.fixture.url}/sensors/${LAB}/data`);
  const stores = page.getByRole('list', { name: 'Stores' }).locator('> li');
  await stores.first().waitFor();
  expect(await barriers(page)).toEqual([]);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByRole('columnheader', { name: 'Policy' }).waitFor();
  expect(await stores.count()).toBe(0);
  expect(troubles).toEqual([]);
});
