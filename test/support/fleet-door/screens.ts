import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';

/** Kept after the tests, for people to look at. */
export const SCREENS = fileURLToPath(new URL('../../../build/test/screens', import.meta.url));

/** `whole`: also what one would have to scroll to. `top`: enough to show what it is about. */
export type ScreenPart = 'seen' | 'whole' | 'top';

const TOP = { x: 0, y: 0, width: 1280, height: 640 };

/** Keeps a picture of what somebody sees now. */
export async function keepScreen(page: Page, name: string, part: ScreenPart = 'seen'): Promise<void> {
  await mkdir(SCREENS, { recursive: true });
  await page.screenshot({
    path: join(SCREENS, `${name}.png`),
    fullPage: part === 'whole',
    ...(part === 'top' && { clip: TOP }),
  });
}
