import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { LAB } from '../../support/fleet-web/sensors.ts';
import { barriers, shoot } from './browser.ts';
import { openDesk, PAGES_DIR, settled } from './desk.ts';
import { PAGES } from './page-list.ts';

/*
 * The pages in a real browser, in front of made-up answers: what is drawn, what can be used without a mouse or without seeing, what
 * is loaded first. What the fleet itself does is proved with a real fleetd elsewhere.
 */

const FIRST_PAINT_BYTES = 200_000;
const desk = openDesk();

/** Both widths and both schemes; every combination where somebody wants pictures. */
const LOOKS: [name: string, look: { width: number; dark: boolean }][] = [
  ['wide-light', { width: 1280, dark: false }],
  ['narrow-dark', { width: 390, dark: true }],
];
if (process.env['BULKHEAD_SHOTS'] !== undefined) {
  LOOKS.push(['wide-dark', { width: 1280, dark: true }], ['narrow-light', { width: 390, dark: false }]);
}

describe.each(LOOKS)('%s', (wearing, options) => {
  test(
    'every page is drawn, usable for everybody, and within a policy that lets nothing inline',
    { timeout: 900_000 },
    async () => {
      const { page, troubles } = await desk.page(options);
      const found: Record<string, unknown> = {};
      for (const [name, path, words] of PAGES) {
        const problems = await look(page, path, words).catch((error: unknown) => [
          `was not drawn: ${String(error).split('\n', 1)[0] ?? ''}`,
        ]);
        await shoot(page, `${name}-${wearing}`);
        problems.push(...(await overflow(page)), ...troubles.splice(0));
        if (problems.length > 0) found[name] = problems;
      }
      expect(found).toEqual({});
    },
  );
});

test('what is loaded before the first page can be used is below 200 kB', async () => {
  const { page } = await desk.page();
  desk.fixture.sentBytes = 0;
  await page.goto(desk.fixture.url);
  await page.getByText('ward-four does not see').first().waitFor();
  await settled(page);
  expect(desk.fixture.sentBytes).toBeGreaterThan(50_000);
  expect(desk.fixture.sentBytes).toBeLessThan(FIRST_PAINT_BYTES);
});

test('nothing of the app comes from elsewhere, and no schema library is in it', async () => {
  const files = await readdir(join(PAGES_DIR, 'assets'));
  expect(files.length).toBeGreaterThan(20);
  for (const file of files) {
    const text = await readFile(join(PAGES_DIR, 'assets', file), 'utf8');
    if (file.endsWith('.css')) expect(text, file).not.toMatch(/url\(\s*["']?(https?:)?\/\/|@import/i);
    // The library's own name of its error: it is in every build that has the library.
    if (file.endsWith('.js')) expect(text, file).not.toContain('ZodError');
  }
  const { page } = await desk.page();
  await page.goto(desk.fixture.url);
  await page.getByText('ward-four does not see').first().waitFor();
  const fetched: string[] = await page.evaluate(
    "performance.getEntriesByType('resource').map(({ name }) => name)",
  );
  expect(fetched.length).toBeGreaterThan(5);
  expect(fetched.filter((name) => !name.startsWith(`${desk.fixture.url}/`))).toEqual([]);
});

test('the commissioning record on paper: the record and room to sign, nothing of the app around it', async () => {
  const { page, troubles } = await desk.page({ dark: true });
  await page.goto(`${desk.fixture.url}/sensors/${LAB}/record`);
  await page.getByText('Monitor interface span-a').waitFor();
  await page.emulateMedia({ media: 'print' });
  for (const shown of ['Commissioning record', 'Put into service by', 'Seen by'])
    expect(await page.getByText(shown, { exact: true }).isVisible(), shown).toBe(true);
  for (const hidden of ['navigation', 'searchbox', 'button'] as const)
    expect(await page.getByRole(hidden).count(), hidden).toBe(0);
  const health = [
    'Load, mean of one minute',
    'Memory',
    'Disk for state of the sensor',
    'Volume of suricata',
    'Clock',
  ];
  for (const what of health) {
    const row = page.locator('.record .facts-row', { has: page.getByText(what, { exact: true }) });
    expect(await row.getByRole('definition').innerText(), what).toMatch(
      /\d+ .+ of .+ \(\d+ %\)|on 8 processors|within a second/,
    );
  }
  // Between the margins of A4, portrait, nothing is cut off.
  await page.setViewportSize({ width: 718, height: 1_000 });
  expect(await overflow(page)).toEqual([]);
  // Ink on paper, whatever the screen wears.
  expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
  await shoot(page, 'record-paper');
  expect(await barriers(page)).toEqual([]);
  expect(troubles).toEqual([]);
});

/** @returns what keeps people from using the page */
async function look(page: Page, path: string, words: string): Promise<string[]> {
  await page.goto(`${desk.fixture.url}${path}`);
  await page.getByText(words).first().waitFor();
  await settled(page);
  return barriers(page);
}

/** One scrolls down, never sideways. */
async function overflow(page: Page): Promise<string[]> {
  const wide = Number(
    await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
  );
  return wide > 0 ? [`is ${String(wide)} px too wide`] : [];
}
