import type { Page } from 'playwright-core';
import type { Door, Visit } from './door.ts';

/** Inviting people and coming in, as one does it in the web app. */

export const PASSWORD = 'seven quiet lanterns drift past noon';

export interface Invited {
  name: string;
  role: 'viewer' | 'analyst' | 'operator' | 'admin';
  /** Name of the one sensor. */
  sensor: string;
  instruments?: string;
}

/** An administrator invites somebody. @returns the code of the invitation */
export async function invite(page: Page, who: Invited): Promise<string> {
  await page.getByRole('link', { name: 'People', exact: true }).click();
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name to sign in with').fill(who.name);
  await dialog.getByLabel('Role', { exact: true }).selectOption(who.role);
  await dialog.getByLabel('Where').selectOption({ label: `Sensor ${who.sensor}` });
  if (who.instruments !== undefined) await dialog.getByLabel('Only these instruments').fill(who.instruments);
  await dialog.getByRole('button', { name: 'Make an invitation' }).click();
  const code = await page.getByLabel('Code of the invitation').innerText();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  return code.trim();
}

/** Who was invited chooses a password, in a browser of their own. */
export async function accept(door: Door, code: string): Promise<Visit> {
  const visit = await door.visit('invitation');
  await visit.page.getByLabel('Code of the invitation').fill(code);
  await visit.page.getByLabel(/^New password/).fill(PASSWORD);
  await visit.page.getByLabel('The same again').fill(PASSWORD);
  await visit.page.getByRole('button', { name: 'Choose it and sign in' }).click();
  await visit.page.getByRole('heading', { name: 'Overview' }).waitFor();
  return visit;
}

export async function signIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel(/^Password/).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** What the fleet answers when a page asks it, with the session of that page. */
export async function askFrom(
  page: Page,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  return page.evaluate<{ status: number; body: Record<string, unknown> }>(`(async () => {
    const answer = await fetch(${JSON.stringify(path)}, ${JSON.stringify({ ...init, headers })});
    const text = await answer.text();
    let body = {};
    try { body = JSON.parse(text); } catch { body = { text }; }
    return { status: answer.status, body };
  })()`);
}
