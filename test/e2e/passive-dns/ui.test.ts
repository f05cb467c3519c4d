import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import type { Instrument } from '@bulkhead/sdk';
import { PassiveDnsApp } from '../../../instruments/passive-dns/src/app.ts';
import { busInstrument, busModel, openBusBench } from '../../support/nats.ts';
import { barriers, openBrowser, shoot, type TestBrowser } from '../rule-manager/browser.ts';

/*
 * Passive DNS with its page, fed over a bus by what an IDS publishes, in a browser: what a person sees, and what a hostile name does there.
 */

const UI = fileURLToPath(new URL('../../../build/apps/passive-dns/files/ui', import.meta.url));
/** Comes from the network, and is shown to people. */
const HOSTILE = [
  '<img src=x onerror=alert(1)>.bad.example',
  `a\u202egpj.exe.${'long-'.repeat(20)}name.bad.example`,
];
const MANY = Array.from({ length: 260 }, (_, n) => `n${String(n)}.many.example`);
/** Every state of the page, with what tells that it is there. */
const PAGES = [
  ['', 'What can be asked'],
  ['#name=www.shop.example', '2 records, newest first'],
  ['#name=*.bad.example', '2 records, in the order of names'],
  ['#address=198.51.100.7', 'The first 200 records, newest first; there are more'],
  ['#name=nobody.example', 'No records.'],
  ['#address=nothing', 'This is not an IP address'],
] as const;

let app: PassiveDnsApp;
let suricata: Instrument;
let browser: TestBrowser;
let page: Page;
let troubles: string[];
const opened: (() => Promise<void>)[] = [];

beforeAll(async () => {
  if (!existsSync(join(UI, 'app.js'))) throw new Error(`${UI} holds no page: run scripts/build first.`);
  const home = mkdtempSync(join(tmpdir(), 'bdu-'));
  opened.push(async () => {
    rmSync(home, { recursive: true, force: true });
  });
  mkdirSync(join(home, 'persistent'));
  const bench = await openBusBench('bdu');
  opened.push(() => bench.dispose());
  const read = [{ from: 'suricata', type: 'dns' }];
  const model = busModel([
    busInstrument('suricata', { publish: ['dns'] }),
    busInstrument('passive-dns', { read, accept: ['dns.lookup'] }),
  ]);
  await bench.bus.ensure(model);
  suricata = await bench.instrument(model, 'suricata');
  app = new PassiveDnsApp(await bench.instrument(model, 'passive-dns', { dataDir: home }));
  opened.push(() => app.stop());
  await app.start({ apiPort: 0, pagePort: 0, uiDir: UI });
  browser = await openBrowser();
  opened.push(() => browser.close());
  ({ page, troubles } = await browser.page({}));
});

afterAll(async () => {
  for (const close of opened.reverse()) await close();
});

test('before anything was seen the page says what it waits for; what comes is then found, and leads on by a click', async () => {
  await page.setExtraHTTPHeaders({ 'x-bulkhead-user': 'vera', 'x-bulkhead-roles': 'viewer' });
  await open('');
  await page.getByText('No records yet.').waitFor();
  await page.getByText('vera', { exact: true }).waitFor();
  await shoot(page, 'dns-nothing-yet');
  publish('www.shop.example', '203.0.113.5');
  publish('www.shop.example', '203.0.113.6');
  publish('api.shop.example', '203.0.113.5');
  for (const name of HOSTILE) publish(name, '203.0.113.66');
  for (const name of MANY) publish(name, '198.51.100.7');
  await suricata.flush();
  const all = 3 + HOSTILE.length + MANY.length;
  await waitFor('the records', 60_000, () => app.pageState().records === all);
  await page.getByText(String(all), { exact: true }).first().waitFor();
  // By keyboard alone.
  await page.getByLabel('Name or address').focus();
  await page.keyboard.type('WWW.shop.example.');
  await page.keyboard.press('Enter');
  await page.getByText('2 records, newest first').waitFor();
  await page.getByRole('link', { name: '203.0.113.5' }).click();
  const names = page.getByRole('row').getByRole('rowheader');
  await waitFor('the names of the address', 60_000, async () => {
    return (await names.allInnerTexts()).sort().join() === 'api.shop.example,www.shop.example';
  });
  expect(await page.getByLabel('Name or address').inputValue()).toBe('203.0.113.5');
  await page.goBack();
  await page.getByText('2 records, newest first').waitFor();
  await page.getByLabel('Name or address').fill('shop.example');
  await page.getByLabel('The names below it').check();
  await page.getByRole('button', { name: 'Look up' }).click();
  await page.getByText('3 records, in the order of names').waitFor();
});

test('a hostile name is text and nothing else: no element, no script, nothing turned round, nothing wider than the window', async () => {
  await open('#name=*.bad.example');
  const table = page.getByRole('table');
  await table.waitFor();
  const text = await table.innerText();
  expect(text).toContain('<img src=x onerror=alert(1)>.bad.example'.replaceAll(' ', String.raw`\032`));
  expect(text).toContain('a⟨U+202E⟩gpj.exe.');
  expect(text).not.toContain('\u202e');
  expect(await table.locator('img, script').count()).toBe(0);
  await table.getByRole('link', { name: 'a⟨U+202E⟩gpj' }).click();
  await page.getByText('1 record, newest first').waitFor();
});

test(
  'nothing keeps people from using the page, in light and dark, on a desk and in the hand',
  { timeout: 900_000 },
  async () => {
    for (const dark of [false, true]) {
      const own = await browser.page({ dark });
      for (const [hash, words] of PAGES) {
        const where = `${hash}, ${dark ? 'dark' : 'light'}`;
        await own.page.goto('about:blank');
        await own.page.goto(`${address()}${hash}`);
        await own.page.getByText(words).first().waitFor();
        await waitFor('the answers', 60_000, async () => (await own.page.locator('.loading').count()) === 0);
        // In the dark nothing but colours is different.
        expect(await barriers(own.page, dark ? ['color-contrast'] : undefined), where).toEqual([]);
        for (const width of [1280, 390]) {
          await own.page.setViewportSize({ width, height: 844 });
          const wide: unknown = await own.page.evaluate('document.documentElement.scrollWidth > innerWidth');
          expect(wide, `${where} is wider than ${String(width)} px`).toBe(false);
          const name = hash.replaceAll(/\W+/g, '-');
          await shoot(own.page, `dns${name}-${String(width)}-${dark ? 'dark' : 'light'}`);
        }
        await own.page.setViewportSize({ width: 1280, height: 844 });
      }
      expect(own.troubles).toEqual([]);
      await own.page.context().close();
    }
    expect(troubles).toEqual([]);
  },
);

test('when the instrument is gone the page says so, and that what it shows may be old', async () => {
  await open('');
  await page.getByText('What can be asked').waitFor();
  await app.stop();
  await page.getByText('What is shown may be old').waitFor();
});

function publish(rrname: string, rdata: string): void {
  const answers = [{ rrname, rrtype: 'A', ttl: 30, rdata }];
  void suricata.publish('dns', { event_type: 'dns', dns: { type: 'answer', rrname, answers } });
}

function address(): string {
  return `http://127.0.0.1:${String(app.pagePort)}/`;
}

/** The page anew, with this behind its address. */
async function open(hash: string): Promise<void> {
  await page.goto('about:blank');
  await page.goto(`${address()}${hash}`);
}
