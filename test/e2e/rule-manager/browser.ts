import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium, type Browser, type Page } from 'playwright-core';

/** Debian's own; `scripts/setup` installs it. */
const CHROMIUM = '/usr/bin/chromium';

/** A real browser without a window. */
export interface TestBrowser {
  /** A page in a context of its own; `troubles` collects what its console and scripts complain about. */
  page(options: { dark?: boolean; width?: number }): Promise<{ page: Page; troubles: string[] }>;
  close(): Promise<void>;
}

export async function openBrowser(): Promise<TestBrowser> {
  const home = await mkdtemp(join(tmpdir(), 'browser-'));
  let browser: Browser;
  try {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      // As root Chromium has no sandbox of its own; it looks at nothing but the page under test.
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      env: { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: home, LANG: 'C.UTF-8' },
    });
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
  return {
    page: async ({ dark = false, width = 1280 }) => {
      const context = await browser.newContext({
        colorScheme: dark ? 'dark' : 'light',
        viewport: { width, height: width < 600 ? 844 : 900 },
        reducedMotion: 'reduce',
      });
      const page = await context.newPage();
      // Many times what a quiet machine needs.
      page.setDefaultTimeout(60_000);
      const troubles: string[] = [];
      page.on('console', (message) => {
        // A refused request is also told on the console; that it is refused is the test's business.
        if (message.type() === 'error' && !message.text().includes('status of 4'))
          troubles.push(message.text());
      });
      page.on('pageerror', (error) => troubles.push(String(error)));
      return { page, troubles };
    },
    close: async () => {
      await browser.close();
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** What keeps people from using the page as it stands, in words; empty = nothing. @param rules of axe; default: all */
export async function barriers(page: Page, rules?: string[]): Promise<string[]> {
  const axe = new AxeBuilder({ page });
  const { violations } = await (rules === undefined ? axe : axe.withRules(rules)).analyze();
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((n) => n.target.join(' ')).join(', ')}`,
  );
}

/** Keeps a picture of the page where `BULKHEAD_SHOTS` says, for people to look at. */
export async function shoot(page: Page, name: string): Promise<void> {
  const dir = process.env['BULKHEAD_SHOTS'];
  if (dir === undefined) return;
  await mkdir(dir, { recursive: true });
  await page.screenshot({ path: join(dir, `${name}.png`), fullPage: true });
}
