import { expect, test } from 'vitest';
import { barriers, shoot } from './browser.ts';
import { openDesk } from './desk.ts';

/* Searching and watching events, in a real browser in front of made-up answers. */

const desk = openDesk();

test('an event: its record, who is on it, and the way to everything of its flow', async () => {
  const { page, troubles } = await desk.page();
  await page.goto(`${desk.fixture.url}/events`);
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
});

test('200 events each second are shown live without holding the page up', async () => {
  const { page, troubles } = await desk.page();
  await page.goto(`${desk.fixture.url}/events`);
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
});
