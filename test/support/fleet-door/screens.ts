import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';

/** Kept after the tests, for people to look at. */
export const SCREENS = fileURLToPath(new URL('../../../build/test/screens', import.meta.url));

/** Keeps a picture of what somebody sees now. @param whole also what one would have to scroll to */
export async function keepScreen(page: Page, name: string, whole = false): Promise<void> {
  await mkdir(SCREENS, { recursive: true });
  await page.screenshot({ path: join(SCREENS, `${name}.png`), fullPage: whole });
}
