import type { Page } from 'playwright-core';
import { waitFor } from '@bulkhead/platform/kernel';
import type { Door, Visit } from './door.ts';
import { keepScreen } from './screens.ts';

const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 390, height: 844 };

/** Every page of the web app. @param sensor id of the one that has something to show */
export function everyPage(sensor: string): readonly (readonly [name: string, path: string])[] {
  const one = `sensors/${sensor}`;
  return [
    ['overview', ''],
    ['sensors', 'sensors'],
    ['groups', 'groups'],
    ['adoption', 'adoption'],
    ['wiring', one],
    ['instruments', `${one}/instruments`],
    ['instrument', `${one}/instruments/suricata`],
    ['machine', `${one}/machine`],
    ['configuration', `${one}/revisions`],
    ['data-of-sensor', `${one}/data`],
    ['record', `${one}/record`],
    ['events', 'events'],
    ['assets', 'assets'],
    ['data', 'data'],
    ['import', 'import'],
    ['people', 'people'],
    ['account', 'account'],
    ['audit', 'audit'],
    ['settings', 'settings'],
    ['settings-notifications', 'settings/notifications'],
    ['settings-certificates', 'settings/certificates'],
    ['settings-backup', 'settings/backup'],
  ];
}

/**
 * Keeps pictures of every page, on a desk in light and dark and in the hand.
 * @returns what is wrong with pages, by name; empty = nothing
 */
export async function keepEveryPage(
  door: Door,
  { page, troubles }: Visit,
  sensor: string,
): Promise<Record<string, string[]>> {
  const wrong: Record<string, string[]> = {};
  troubles.splice(0);
  for (const [name, path] of everyPage(sensor)) {
    await page.goto(`${door.fleetd.url}${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.locator('.awaited, .histogram-awaited').first().waitFor({ state: 'detached' });
    await waitFor('the pictures of the page', 60_000, () =>
      page.evaluate<boolean>('[...document.images].every((image) => image.complete)'),
    );
    // Two readings make a rate, and sensors have names as soon as these are known.
    if (name === 'wiring')
      await page
        .locator('svg text', { hasText: /\d.*\/s$/ })
        .first()
        .waitFor();
    if (name === 'events') await page.getByRole('cell', { name: 'lab', exact: true }).first().waitFor();
    await keepScreen(page, `page-${name}-1280-light`, 'whole');
    const wide = await tooWide(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await keepScreen(page, `page-${name}-1280-dark`, 'whole');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(NARROW);
    await keepScreen(page, `page-${name}-390`, 'whole');
    const found = [
      ...wide,
      ...(await tooWide(page)),
      ...(await page.getByRole('alert').allInnerTexts()),
      ...troubles.splice(0),
    ];
    if (found.length > 0) wrong[name] = found;
    await page.setViewportSize(WIDE);
  }
  return wrong;
}

async function tooWide(page: Page): Promise<string[]> {
  const pixels = Number(
    await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
  );
  return pixels > 0 ? [`is ${String(pixels)} px too wide`] : [];
}
