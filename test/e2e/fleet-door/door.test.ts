import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDoor, type Door, type Visit } from '../../support/fleet-door/door.ts';
import { keepScreen } from '../../support/fleet-door/screens.ts';

/*
 * The fleet as people meet it, from the first minute: a real fleetd, a real sensor with its instruments on lab traffic, a real browser.
 * One step builds on the one before.
 */

const PASSWORD = 'seven quiet lanterns drift past noon';
const SETTLE_MS = 60_000;

let door: Door;
let anna: Visit;
let page: Page;

beforeAll(async () => {
  door = await openDoor('b9d');
  anna = await door.visit();
  page = anna.page;
}, 300_000);

afterAll(async () => {
  await door.remove();
}, 180_000);

test('the first person sets the fleet up with the code that fleetd printed; a wrong code is refused in words', async () => {
  await page.getByLabel('Set-up code').fill('AAAA-BBBB-CCCC');
  await page.getByLabel('Name to sign in with').fill('anna');
  await page.getByLabel('Your name, as others see it').fill('Anna Berg');
  await page.getByLabel(/^Password/).fill(PASSWORD);
  await page.getByLabel('The same again').fill(PASSWORD);
  await page.getByRole('button', { name: 'Set up the fleet' }).click();
  const refusal = page.getByRole('alert');
  await refusal.waitFor();
  expect(await refusal.innerText()).toMatch(/set-up code/i);
  await keepScreen(page, 'step-1-wrong-code');
  await page.getByLabel('Set-up code').fill(door.fleetd.setUpCode ?? '');
  await page.getByRole('button', { name: 'Set up the fleet' }).click();
  await page.getByText('This fleet has no sensors yet').waitFor();
  await keepScreen(page, 'step-1-set-up');
});

test('a sensor is adopted with the command that the fleet shows, and its wiring is seen', async () => {
  await page.getByRole('link', { name: 'Sensors', exact: true }).click();
  await page.getByRole('button', { name: 'Adopt a sensor' }).click();
  await page.getByLabel('Name of the sensor').fill('lab');
  await page.getByRole('button', { name: 'Make a code' }).click();
  const command = await page.getByLabel('Command to join').innerText();
  await keepScreen(page, 'step-2-code');
  const [, token = ''] = /bulkhead fleet join '?([^\s']+)/.exec(command) ?? [];
  expect(await door.atSensor(['fleet', 'join', token])).toContain('joined the fleet');
  await page.getByText('has joined and is connected').waitFor({ timeout: SETTLE_MS });
  await keepScreen(page, 'step-2-joined');
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('link', { name: 'lab', exact: true }).click();
  await page.getByText('Every packet and event').waitFor();
  const picture = page.locator('svg').filter({ hasText: 'suricata' }).first();
  for (const name of ['capture-engine', 'passive-dns', 'rule-manager', 'downloader'])
    expect(await picture.textContent()).toContain(name);
  await keepScreen(page, 'step-2-wiring', true);
});

test('an alert of the lab arrives live, while one looks', async () => {
  await page.getByRole('link', { name: 'Events', exact: true }).click();
  await page.getByLabel('Live').check();
  await page.getByText(/Live: /).waitFor();
  await page.evaluate('globalThis.notLoadedAgain = true');
  const alerts = page.getByRole('region', { name: 'Events', exact: true }).getByText('alert · suricata');
  await expect
    .poll(
      async () => {
        await door.world.lab.attack('path-traversal');
        return alerts.count();
      },
      { timeout: SETTLE_MS, interval: 1_000 },
    )
    .toBeGreaterThan(0);
  expect(await page.evaluate('globalThis.notLoadedAgain')).toBe(true);
  await keepScreen(page, 'step-3-live');
});
