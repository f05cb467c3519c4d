import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import type { Fleetd } from './fleetd.ts';

type Playwright = typeof import('playwright-core');

const CHROMIUM = '/usr/bin/chromium';
const USABLE_MOST_MS = 60_000;

/**
 * Runs in the page before anything of it. The Overview is usable when its numbers stand there: sensors online, what needs
 * attention, both gauges, and the newest alerts, and the browser then had a frame for them: a click would be answered.
 */
const WATCH = `
  globalThis.bench = { longTasks: [], usable: undefined };
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) bench.longTasks.push([startTime, duration]);
  }).observe({ type: 'longtask', buffered: true });
  const isUsable = () =>
    /[1-9]\\d* online/.test(document.querySelector('.fleet-count')?.textContent ?? '') &&
    document.querySelectorAll('.attention li').length > 0 &&
    document.querySelectorAll('.gauge-level').length === 2 &&
    document.querySelectorAll('.newest tbody tr').length > 0 &&
    document.querySelector('.awaited') === null;
  new MutationObserver((_changes, observer) => {
    if (!isUsable()) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => {
      bench.usable = performance.now();
      document.documentElement.dataset.usable = '';
    }, 0));
  }).observe(document, { childList: true, subtree: true, characterData: true });
`;

export interface Load {
  usableMs: number;
  /** Bytes of the app and of answers until then, as they came over the wire. */
  wireBytes: number;
  requests: number;
}

/** A browser that starts anew, with a profile that knows nothing. */
export class BenchBrowser {
  readonly #browser: Browser;
  readonly #home: string;
  readonly #fleetd: Fleetd;

  private constructor(browser: Browser, home: string, fleetd: Fleetd) {
    this.#browser = browser;
    this.#home = home;
    this.#fleetd = fleetd;
  }

  static async open(root: string, dir: string, fleetd: Fleetd): Promise<BenchBrowser> {
    // It has files beside itself that a bundle would not find.
    const file = pathToFileURL(join(root, 'node_modules/playwright-core/index.mjs')).href;
    const { chromium } = (await import(file)) as Playwright;
    const home = await mkdtemp(join(dir, 'browser-'));
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      // As root Chromium has no sandbox of its own; it looks at nothing but the pages under test.
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      env: { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: home, LANG: 'C.UTF-8' },
      // Who is interrupted cleans up; playwright would end the process before that.
      ...{ handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false },
    });
    return new BenchBrowser(browser, home, fleetd);
  }

  /** Somebody who is signed in opens the fleet's address. */
  async load(path = '/'): Promise<{ page: Page; load: Load }> {
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 900 },
      locale: 'en-GB',
      ignoreHTTPSErrors: true,
    });
    const { url, session } = this.#fleetd;
    await context.addCookies([{ ...session, url, httpOnly: true, secure: true, sameSite: 'Strict' }]);
    await context.addInitScript(WATCH);
    const page = await context.newPage();
    await page.goto(`${url}${path}`, { waitUntil: 'commit' });
    if (path !== '/') return { page, load: { usableMs: 0, wireBytes: 0, requests: 0 } };
    await page
      .locator('html[data-usable]')
      .waitFor({ state: 'attached', timeout: USABLE_MOST_MS })
      .catch(async () => {
        const text = await page.locator('body').innerText();
        throw new Error(`Overview was not usable within ${String(USABLE_MOST_MS)} ms; it said:\n${text}`);
      });
    const load: Load = await page.evaluate(`(() => {
      const all = performance.getEntriesByType('resource').filter(({ responseEnd }) => responseEnd <= bench.usable);
      return {
        usableMs: bench.usable,
        wireBytes: all.reduce((sum, { transferSize }) => sum + transferSize, 0),
        requests: all.length,
      };
    })()`);
    return { page, load };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await rm(this.#home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Tasks of the page's main thread above 50 ms while `work` went on: their lengths in ms. */
export async function longTasksDuring(page: Page, work: () => Promise<void>): Promise<number[]> {
  const began = Number(await page.evaluate('performance.now()'));
  await work();
  const tasks: [startMs: number, ms: number][] = await page.evaluate('bench.longTasks');
  return tasks.filter(([startMs]) => startMs >= began).map(([, ms]) => ms);
}
