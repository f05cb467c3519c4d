import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { openFixture, type Fixture } from '../../support/fleet-web/server.ts';
import { openPageBrowser, type Look, type PageBrowser } from './browser.ts';

/** The built pages; `BULKHEAD_WEB_BUILD` where they were built elsewhere. */
export const PAGES_DIR =
  process.env['BULKHEAD_WEB_BUILD'] ?? fileURLToPath(new URL('../../../build/fleet-web', import.meta.url));

/** A browser in front of made-up answers, for the tests of one file. */
export interface Desk {
  readonly fixture: Fixture;
  /** A page of its own; what it opened is closed after the test. */
  page(look?: Look): ReturnType<PageBrowser['page']>;
}

/** Opens both before the tests of the file that calls it, puts the answers as they were before each, closes both afterwards. */
export function openDesk(): Desk {
  let browser: PageBrowser | undefined;
  let fixture: Fixture | undefined;
  beforeAll(async () => {
    if (!existsSync(join(PAGES_DIR, 'index.html')))
      throw new Error(`${PAGES_DIR} holds no pages: run scripts/build first.`);
    fixture = await openFixture(PAGES_DIR);
    browser = await openPageBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await fixture?.close();
  });
  const opened: Page[] = [];
  afterEach(async () => {
    for (const page of opened.splice(0)) await page.context().close();
  });
  beforeEach(() => {
    Object.assign(there(fixture).state, {
      setUpNeeded: false,
      signedIn: true,
      role: 'admin',
      sso: false,
      totp: false,
      sensors: 'some',
      streamed: 0,
    });
  });
  return {
    get fixture() {
      return there(fixture);
    },
    page: async (look) => {
      const { url } = there(fixture);
      const one = await there(browser).page(look);
      opened.push(one.page);
      one.page.on('request', (request) => {
        const asked = request.url();
        if (!asked.startsWith(`${url}/`)) one.troubles.push(`asked ${asked}, which is not of the fleet`);
      });
      return one;
    },
  };
}

function there<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the desk is not open yet');
  return part;
}

/** Nothing is awaited any more. (Not “no request is under way”: the live stream always is.) */
export async function settled(page: Page): Promise<void> {
  await page.locator('.awaited, .histogram-awaited').first().waitFor({ state: 'detached' });
  // Two readings make a rate, and a picture of the wiring wants to show some.
  if (process.env['BULKHEAD_SHOTS'] !== undefined && page.url().includes('/sensors/'))
    await page.waitForTimeout(3_500);
}
