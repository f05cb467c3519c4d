import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium, type Browser, type Page } from 'playwright-core';

/** Debian's own; `scripts/setup` installs it. */
const CHROMIUM = '/usr/bin/chromium';

export interface Look {
  dark?: boolean;
  width?: number;
  /** The server has a certificate of its own authority, which this browser does not know. */
  ownAuthority?: boolean;
}

/** A real browser without a window. */
export interface PageBrowser {
  /** A page in a context of its own; `troubles` collects what its console, scripts and policy complain about. */
  page(look?: Look): Promise<{ page: Page; troubles: string[] }>;
  close(): Promise<void>;
}

export async function openPageBrowser(): Promise<PageBrowser> {
  const home = await mkdtemp(join(tmpdir(), 'fleet-browser-'));
  let browser: Browser;
  try {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      // As root Chromium has no sandbox of its own; it looks at nothing but the pages under test.
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      env: { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: home, LANG: 'C.UTF-8' },
      // Who is interrupted cleans up; playwright would end the process before that.
      ...{ handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false },
    });
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
  return {
    page: async ({ dark = false, width = 1280, ownAuthority = false } = {}) => {
      const context = await browser.newContext({
        colorScheme: dark ? 'dark' : 'light',
        viewport: { width, height: width < 600 ? 844 : 900 },
        reducedMotion: 'reduce',
        locale: 'en-GB',
        timezoneId: 'UTC',
        ignoreHTTPSErrors: ownAuthority,
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

/** What keeps people from using the page as it stands, in words; empty = nothing. */
export async function barriers(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`,
  );
}

/** Keeps a picture of the page where `BULKHEAD_SHOTS` says, for people to look at. */
export async function shoot(page: Page, name: string): Promise<void> {
  const dir = process.env['BULKHEAD_SHOTS'];
  if (dir === undefined) return;
  await mkdir(dir, { recursive: true });
  await page.screenshot({ path: join(dir, `${name}.png`), fullPage: true });
}
