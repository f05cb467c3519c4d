import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { waitFor } from '@bulkhead/platform/kernel';
import { manyRules, MANY_RULES_FIRST_SID } from '../../support/many-rules.ts';
import { barriers, openBrowser, shoot, type TestBrowser } from './browser.ts';
import { openDesk, type Desk } from './desk.ts';
import { UNKNOWN_KEYWORD } from './ids.ts';

const RULES = 10_000;
const SID = MANY_RULES_FIRST_SID;
/** Every page and the windows on it; few rules, since each more of them is looked at in the same way. */
const PAGES = [
  'overview',
  'rules?source=own',
  `rules/${String(SID)}?source=own`,
  'sources',
  'variables',
  'suppressions',
  `suppressions?sid=${String(SID)}`,
];

let desk: Desk;
let browser: TestBrowser;
let page: Page;
let troubles: string[];
const opened: (() => Promise<void>)[] = [];

beforeAll(async () => {
  desk = await openDesk();
  opened.push(() => desk.dispose());
  browser = await openBrowser();
  opened.push(() => browser.close());
  const text = manyRules(RULES);
  await desk.api('source.add', {
    name: 'many',
    origin: { type: 'pasted' },
    text,
    reason: 'As others have them',
  });
  ({ page, troubles } = await browser.page({}));
});

afterAll(async () => {
  for (const close of opened.reverse()) await close();
});

test('a rule is searched, looked at and switched off with a reason; the history says so', async () => {
  await open('');
  await visible(page.getByRole('heading', { name: 'Overview' }));
  await page.getByRole('link', { name: 'Rules', exact: true }).click();
  const found = page.getByRole('region', { name: 'Rules found' });
  await expectText(found, /^1–50 of [\d,]+ or more/m);
  await found.getByRole('button', { name: 'Next' }).first().click();
  await expectText(found, /^51–100 of [\d,]+ or more/m);
  await page.getByRole('searchbox', { name: 'Search' }).fill(String(SID));
  await expectText(found, /^1–1 of 1/m);
  await page.getByRole('link', { name: String(SID) }).click();
  const window = page.getByRole('dialog');
  await expectText(window, /Nobody changed this rule/);
  await window.getByRole('button', { name: 'Switch off…' }).click();
  await window.getByLabel('Reason').fill('Printers do this all day');
  await window.getByRole('button', { name: 'Switch off', exact: true }).click();
  await visible(window.getByRole('button', { name: 'Switch on…' }));
  await expectText(window, /anna: switched off – Printers do this all day/);
  await shoot(page, 'rule-1280-light');
  // By keyboard: the window goes, and what was behind it is there with what was searched for.
  await page.keyboard.press('Escape');
  await window.waitFor({ state: 'detached' });
  await expectText(found, /off\s*changed/);
  expect(await desk.api('rule.get', { sid: SID })).toMatchObject({ enabled: false, enabledBySource: true });
});

test('a rule is edited: what changes is shown before it is saved, and afterwards against its source', async () => {
  await open(`rules/${String(SID + 1)}`);
  const window = page.getByRole('dialog');
  await window.getByRole('button', { name: 'Edit…' }).click();
  const text = window.getByRole('textbox', { name: /^Text of the rule/ });
  await text.fill((await text.inputValue()).replace(/^alert/, 'drop'));
  await expectText(window.locator('form .diff'), /alertdrop/);
  await window.getByLabel('Reason').fill('Stricter here');
  await window.getByLabel('Holds for').selectOption({ label: 'This sensor (lab)' });
  await window.getByRole('button', { name: 'Save' }).click();
  await visible(window.getByRole('heading', { name: 'Text, against that of the source' }));
  await expectText(window.locator('.documents'), /new text, sensor lab/);
  expect(await desk.api('rule.get', { sid: SID + 1 })).toMatchObject({
    text: expect.stringMatching(/^drop /) as string,
  });
});

test('a suppression is saved only after it was shown what it would have hidden', async () => {
  await desk.alert(SID + 2, [
    ...Array<string>(12).fill('192.0.2.7'),
    ...Array<string>(3).fill('198.51.100.9'),
  ]);
  await open('suppressions');
  await page.getByRole('button', { name: 'Add a suppression…' }).click();
  const window = page.getByRole('dialog');
  const save = window.getByRole('button', { name: 'Save' });
  await window.getByLabel('Reason').fill('The backup server');
  expect(await save.isDisabled()).toBe(true);
  await window.getByLabel('Rule (sid)').fill(String(SID + 2));
  const preview = window.getByRole('region', { name: 'Preview' });
  await expectText(preview, /15 of 15 alerts/);
  await expectText(preview, /Nothing of this rule would be shown any more/);
  await window.getByLabel('Only for these addresses').fill('192.0.2.0/24');
  await expectText(preview, /12 of 15 alerts/);
  await expectText(preview, /192\.0\.2\.7/);
  await shoot(page, 'suppression-1280-light');
  await window.getByRole('button', { name: '1 week' }).click();
  await save.click();
  await window.waitFor({ state: 'detached' });
  const list = page.getByRole('region', { name: 'Suppressions and limits' });
  await expectText(list, /suppressed from or to 192\.0\.2\.0\/24[^]*in 7 days[^]*The backup server/);
});

test('a refused ruleset is shown with file, line and what to do; corrected it goes live; and it is rolled back', async () => {
  await deployed('First');
  await open('sources');
  await page.getByRole('button', { name: 'Add a source…' }).click();
  const window = page.getByRole('dialog');
  await window.getByLabel('Where the rules come from').selectOption({ label: 'Pasted rules' });
  const own = (sid: number, more: string) =>
    `alert tcp any any -> any any (msg:"Our own"; ${more}sid:${String(sid)}; rev:1;)`;
  const rule = `${own(9_000_001, `${UNKNOWN_KEYWORD}; `)}\n${own(9_000_002, '')}`;
  await window.getByRole('textbox', { name: /^Rules/ }).fill(rule);
  await window.getByLabel('Name').fill('own');
  await window.getByLabel('Reason').fill('Rules of our own');
  await window.getByRole('button', { name: 'Add' }).click();
  await window.waitFor({ state: 'detached' });
  await visible(page.getByRole('heading', { name: 'own' }));
  const letItEnd = desk.holdTests();
  await deploy('With our own');
  await visible(page.getByRole('region', { name: 'Running job' }));
  await expectText(page.getByRole('region', { name: 'Running job' }), /suricata[^]*test/);
  await shoot(page, 'job-1280-light');
  letItEnd();
  await expectText(
    page.locator('main'),
    /was refused[^]*:\d+[^]*unknown rule keyword[^]*What was live before is still live/,
  );
  await expectText(page.locator('main'), /What to do:/);
  await shoot(page, 'refused-1280-light');
  await page.getByRole('link', { name: '9000001' }).first().click();
  await window.getByRole('button', { name: 'Switch off…' }).click();
  await window.getByLabel('Reason').fill('The IDS does not know it');
  await window.getByRole('button', { name: 'Switch off', exact: true }).click();
  await visible(window.getByRole('button', { name: 'Switch on…' }));
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Overview' }).click();
  await deployed('Without it');
  await page.getByRole('button', { name: 'Roll back…', exact: true }).click();
  await window.getByLabel('Reason').fill('To be sure');
  await window.getByRole('button', { name: 'Roll back', exact: true }).click();
  await expectText(page.locator('main'), /was gone back to, and stays/);
  await idle();
  await expectText(page.locator('main'), /rolled back to[^]*To be sure/);
});

test('a source by address says what the operator has to do', async () => {
  await open('sources');
  await page.getByRole('button', { name: 'Add a source…' }).click();
  const window = page.getByRole('dialog');
  await window.getByLabel('Where the rules come from').selectOption({ label: 'By address' });
  await window.getByLabel('Address').fill('https://rules.example.net/open.tar.gz');
  await window.getByLabel('Name').fill('open');
  await window.getByLabel('Reason').fill('What everybody has');
  await window.getByRole('button', { name: 'Add' }).click();
  await window.waitFor({ state: 'detached' });
  await expectText(page.locator('main'), /bulkhead downloads approve rule-manager\/source-open/);
});

test('variables are set for all sensors', async () => {
  await open('variables');
  await page.getByRole('button', { name: 'Set variables…' }).click();
  const window = page.getByRole('dialog');
  await window.getByLabel('$HOME_NET').fill('10.0.0.0/8\n!10.9.0.0/16');
  await window.getByLabel('Ports').fill('HTTP_PORTS = 80, 8080:8090');
  await window.getByLabel('Reason').fill('Our networks');
  await window.getByRole('button', { name: 'Save' }).click();
  await window.waitFor({ state: 'detached' });
  await expectText(page.locator('main'), /\$HOME_NET[^]*10\.0\.0\.0\/8, !10\.9\.0\.0\/16[^]*\$HTTP_PORTS/);
});

test(
  'nothing keeps people from using any page, in light and dark, on a desk and in the hand',
  { timeout: 900_000 },
  async () => {
    for (const dark of [false, true]) {
      const own = await browser.page({ dark });
      for (const path of PAGES) {
        await settled(own.page, path);
        const where = `${path}, ${dark ? 'dark' : 'light'}`;
        // In the dark nothing but colours is different.
        expect(await barriers(own.page, dark ? ['color-contrast'] : undefined), where).toEqual([]);
        await expectFits(own.page, where);
        await shoot(own.page, `${path.replaceAll(/\W+/g, '-')}-1280-${dark ? 'dark' : 'light'}`);
        // The same in the hand: what is on the page is the same, so what is left to see is whether it fits.
        await own.page.setViewportSize({ width: 390, height: 844 });
        await expectFits(own.page, `${where}, 390 px`);
        await shoot(own.page, `${path.replaceAll(/\W+/g, '-')}-390-${dark ? 'dark' : 'light'}`);
        await own.page.setViewportSize({ width: 1280, height: 900 });
      }
      expect(own.troubles).toEqual([]);
      await own.page.context().close();
    }
    expect(troubles).toEqual([]);
  },
);

test('who may only look is told so, and nothing that changes can be pressed or sent', async () => {
  desk.person.roles = 'viewer';
  try {
    await open('overview');
    await expectText(page.locator('main'), /To change something you need the role operator or admin/);
    expect(await page.getByRole('button', { name: 'Deploy now…' }).isDisabled()).toBe(true);
    await expect(desk.api('ruleset.deploy', {})).rejects.toThrow('RULES_NOT_ALLOWED');
  } finally {
    desk.person.roles = 'operator';
  }
});

/** The page anew, at this place: nothing is left open of the test before. */
async function open(place: string): Promise<void> {
  await page.goto('about:blank');
  await page.goto(`${desk.url}#/${place}`);
}

type Place = ReturnType<Page['locator']>;

async function visible(place: Place): Promise<void> {
  await place.waitFor({ state: 'visible' });
}

async function expectText(place: Place, text: RegExp): Promise<void> {
  let last = '';
  await waitFor(`${String(text)} on the page`, 60_000, async () => {
    last = (await place.allInnerTexts()).join('\n');
    return text.test(last);
  }).catch((error: unknown) => {
    throw new Error(`${String(text)} is not in:\n${last.slice(0, 2_000)}`, { cause: error });
  });
}

/** Waits until what the page is about was asked for and is there. */
async function settled(own: Page, path: string): Promise<void> {
  await own.goto(`${desk.url}#/${path}`);
  await visible(own.getByRole('heading', { level: 1 }));
  if (path.includes(String(SID))) await visible(own.getByRole('dialog'));
  await waitFor(
    'the answers',
    60_000,
    async () => (await own.locator('[aria-busy=true], .loading').count()) === 0,
  );
}

async function expectFits(own: Page, where: string): Promise<void> {
  const wide: unknown = await own.evaluate('document.documentElement.scrollWidth > innerWidth');
  expect(wide, `${where} is wider than the window`).toBe(false);
}

async function deploy(reason: string): Promise<void> {
  await open('overview');
  await page.getByRole('button', { name: 'Deploy now…' }).click();
  const window = page.getByRole('dialog');
  await window.getByLabel('Reason').fill(reason);
  await window.getByRole('button', { name: 'Test and deploy' }).click();
  await window.waitFor({ state: 'detached' });
}

async function deployed(reason: string): Promise<void> {
  await deploy(reason);
  await idle();
  await expectText(page.getByRole('region', { name: 'What is live' }), /suricata\s+live/);
}

/** No job runs. */
async function idle(): Promise<void> {
  await waitFor('the job to end', 60_000, async () => {
    const { jobs } = (await desk.api('jobs.list', { limit: 1 })) as { jobs: { endedAt?: string }[] };
    return jobs.every(({ endedAt }) => endedAt !== undefined);
  });
}
