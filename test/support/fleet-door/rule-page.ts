import type { Page } from 'playwright-core';
import { waitFor } from '@bulkhead/platform/kernel';

/** The rule manager's page as people use it. */

const BUSY_MS = 120_000;
const DEPLOY_MS = 180_000;

/** Adds rules of one's own. */
export async function addRules(page: Page, name: string, rules: string): Promise<void> {
  await page.getByRole('link', { name: 'Sources' }).click();
  await page.getByRole('button', { name: 'Add a source…' }).click();
  const window = page.getByRole('dialog');
  await window.getByLabel('Where the rules come from').selectOption({ label: 'Pasted rules' });
  await window.getByRole('textbox', { name: /^Rules/ }).fill(rules);
  await window.getByLabel('Name').fill(name);
  await window.getByLabel('Reason').fill('Rules of our own');
  await window.getByRole('button', { name: 'Add' }).click();
  await window.waitFor({ state: 'detached' });
  await page.getByRole('heading', { name, exact: true }).waitFor();
}

/** Has the ruleset tested and taken live, and waits until it is. */
export async function deployRules(page: Page, reason: string): Promise<void> {
  await page.getByRole('link', { name: 'Overview' }).click();
  const window = page.getByRole('dialog');
  // It looks by itself from time to time, and then says that it is busy.
  await waitFor('the rule manager to be free', BUSY_MS, async () => {
    await page.getByRole('button', { name: 'Deploy now…' }).click();
    await window.getByLabel('Reason').fill(reason);
    await window.getByRole('button', { name: 'Test and deploy' }).click();
    const refused = window.getByRole('alert');
    await Promise.race([window.waitFor({ state: 'detached' }), refused.waitFor()]);
    if ((await window.count()) === 0) return true;
    await page.keyboard.press('Escape');
    await window.waitFor({ state: 'detached' });
    return undefined;
  });
  const live = page.getByRole('region', { name: 'What is live' });
  await waitFor('the ruleset to be live', DEPLOY_MS, async () => {
    const running = await page.getByRole('region', { name: 'Running job' }).count();
    return running === 0 && /suricata\s+live/.test(await live.innerText()) ? true : undefined;
  });
}
