import type { Page, Request } from 'playwright-core';
import { expect, test } from 'vitest';
import { barriers, shoot } from './browser.ts';
import { openDesk } from './desk.ts';

/* What is counted of events while they come, in a real browser in front of made-up answers. */

const desk = openDesk();
const AWHILE = { timeout: 90_000 };

/** The page of events, and how often it asked for what is counted; its clock is in the test's hand. */
async function openEvents() {
  const { page, troubles } = await desk.page();
  const asked = { facets: 0, histogram: 0, atOnce: 0, atOnceMost: 0 };
  const isCount = (url: string) => /\/events\/(facets|histogram)/.test(url);
  page.on('request', (request) => {
    if (!isCount(request.url())) return;
    asked[request.url().includes('/facets') ? 'facets' : 'histogram'] += 1;
    asked.atOnce += 1;
    asked.atOnceMost = Math.max(asked.atOnceMost, asked.atOnce);
  });
  const over = (request: Request) => {
    if (isCount(request.url())) asked.atOnce -= 1;
  };
  page.on('requestfinished', over);
  page.on('requestfailed', over);
  await page.clock.install();
  await page.goto(`${desk.fixture.url}/events`);
  await alerts(page).waitFor();
  await page.getByRole('img', { name: / events from / }).waitFor();
  await expect.poll(() => asked.atOnce, AWHILE).toBe(0);
  return { page, troubles, asked };
}

const alerts = (page: Page) =>
  page.getByRole('complementary', { name: 'Narrow the search' }).getByRole('button', { name: 'alert' });
const countOf = (page: Page) => alerts(page).locator('.quiet').textContent();
const told = (page: Page) => page.getByRole('img', { name: / events from / }).getAttribute('aria-label');
const focused = (page: Page) => page.evaluate('document.activeElement?.title');

test('while live is on, facets and histogram count the events that come, and nothing is lost under the focus', async () => {
  const { page, troubles, asked } = await openEvents();
  const before = { count: await countOf(page), told: await told(page) };
  expect(before.count).toBe('900');
  await page.getByLabel('Live').check();
  await alerts(page).focus();
  asked.atOnceMost = 0;
  await expect.poll(() => countOf(page), AWHILE).not.toBe(before.count);
  await expect.poll(() => told(page), AWHILE).not.toBe(before.told);
  expect(await focused(page)).toBe('alert');

  // Now there are more alerts than anything else: what is used stays where it is, and moves up when it is left.
  desk.fixture.state.streamed += 20_000;
  await page.clock.fastForward(11_000);
  await expect.poll(() => countOf(page), AWHILE).toMatch(/k$/);
  expect(await focused(page)).toBe('alert');
  const types = page.locator('.facets details', { hasText: 'Types' }).locator('.facet');
  expect(await types.first().getAttribute('title')).toBe('dns');
  await page.getByLabel('Live').focus();
  await expect.poll(() => types.first().getAttribute('title'), AWHILE).toBe('alert');
  expect(asked.atOnceMost).toBe(1);
  await shoot(page, 'events-live');
  expect(await barriers(page)).toEqual([]);
  expect(troubles).toEqual([]);
});

test('it is counted at most every ten seconds, not where nobody looks, and not when live is off', async () => {
  const { page, troubles, asked } = await openEvents();
  const askedAtFirst = asked.facets;
  await page.getByLabel('Live').check();
  await expect.poll(() => asked.histogram, AWHILE).toBeGreaterThan(askedAtFirst);
  const live = async () => Number(/[\d,]+/.exec((await page.getByText(/^Live: /).textContent()) ?? '')?.[0]);
  const since = Number(await page.evaluate('performance.now()'));
  for (let step = 0; step < 4; step += 1) {
    const now = await live();
    await page.clock.fastForward(3_000);
    await expect.poll(live, AWHILE).toBeGreaterThan(now);
  }
  const passedMs = Number(await page.evaluate('performance.now()')) - since;
  await expect.poll(() => asked.facets, AWHILE).toBeGreaterThan(askedAtFirst + 1);
  expect(asked.facets).toBeLessThanOrEqual(askedAtFirst + 2 + passedMs / 10_000);

  await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })");
  await idle(page, asked);
  await page.evaluate('delete document.hidden');
  const shown = asked.facets;
  await page.clock.fastForward(11_000);
  await expect.poll(() => asked.facets, AWHILE).toBeGreaterThan(shown);

  await page.getByLabel('Live').uncheck();
  await page.getByRole('button', { name: 'Older ones' }).waitFor();
  await idle(page, asked);
  expect(troubles).toEqual([]);
});

/** A minute passes in which nothing is counted. */
async function idle(page: Page, asked: { facets: number; histogram: number; atOnce: number }) {
  await expect.poll(() => asked.atOnce, AWHILE).toBe(0);
  const { facets, histogram } = asked;
  for (let step = 0; step < 5; step += 1) await page.clock.fastForward(12_000);
  // What was asked for before this is known when this is answered.
  await page.evaluate("fetch('/api/v1/about').then(({ status }) => status)");
  expect([asked.facets, asked.histogram]).toEqual([facets, histogram]);
}
