import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPeople } from '@bulkhead/fleet-server/people';
import { openLog } from '@bulkhead/platform/kernel';
import {
  openPeopleWeb,
  PASSWORD,
  signedInAs,
  type Browser,
  type PeopleWeb,
} from '../../support/fleet/people-web.ts';

const PAGE = 'https://rule-manager.lab.fleet.test:8443';
const OTHER = 'https://suricata.lab.fleet.test:8443';

let on: PeopleWeb;
let ada: Browser;
let openStreams = 0;
beforeEach(async () => {
  openStreams = 0;
  on = await openPeopleWeb({
    routes: (app) => {
      app.get('/api/v1/t/stream', { config: { right: 'events.read' } }, (_request, reply) => {
        void reply.hijack();
        reply.raw.writeHead(200).write('first');
        openStreams++;
        reply.raw.once('close', () => openStreams--);
      });
    },
  });
  ada = await on.setUp();
});
afterEach(() => on.close());

const identityOf = (browser: Browser) => {
  const secret = browser.cookies.get('__Host-bulkhead') ?? '';
  return on.people.pages.bySession(secret, undefined)!;
};

test('the audit log says who did what to whom, from where and how it ended, and holds no secrets', async () => {
  const { browser: eve, id } = await signedInAs(on, ada, 'eve', [{ role: 'viewer' }]);
  await eve.get('/api/v1/people');
  await ada.send('PATCH', `/api/v1/people/${id}`, { roles: [{ role: 'analyst' }] });
  await on
    .browser('198.51.100.5')
    .send('POST', '/api/v1/session', { name: 'ada', password: 'my other password' });
  await on
    .browser('198.51.100.5')
    .send('POST', '/api/v1/session', { name: 'my other password', password: 'x' });
  const made = await ada.send('POST', '/api/v1/tokens', {
    label: 'robot',
    rights: ['audit.read'],
    expiresInDays: 1,
  });
  const { secret, token } = made.json();
  await on.browser().get('/api/v1/audit', { authorization: `Bearer ${secret}` });

  const { entries } = (await ada.get('/api/v1/audit')).json();
  const told = entries
    .map((one: Record<string, string>) =>
      [
        one['name'],
        one['by'],
        one['action'],
        one['target'],
        one['address'],
        one['outcome'],
        one['code'],
      ].join(' | '),
    )
    .reverse();
  expect(told).toEqual([
    'ada | session | session.set-up |  | 192.0.2.10 | done | ',
    `ada | session | people.add | ${id} eve | 192.0.2.10 | done | `,
    'eve | session | session.accept-invitation |  | 192.0.2.10 | done | ',
    'eve | session | people.list |  | 192.0.2.10 | refused | FLEET_PEOPLE_NOT_PERMITTED',
    `ada | session | people.change | ${id} eve | 192.0.2.10 | done | `,
    'ada | none | session.sign-in | ada | 198.51.100.5 | refused | FLEET_PEOPLE_SIGN_IN_REFUSED',
    'nobody | none | session.sign-in |  | 198.51.100.5 | refused | FLEET_PEOPLE_SIGN_IN_REFUSED',
    `ada | session | tokens.make | ${token.id} robot | 192.0.2.10 | done | `,
    `ada | token ${token.id} | audit.read |  | 192.0.2.10 | done | `,
  ]);
  const change = entries.find((one: { action: string }) => one.action === 'people.change');
  expect(change.facts).toEqual({ rolesBefore: '[{"role":"viewer"}]', roles: '[{"role":"analyst"}]' });
  for (const secretText of [PASSWORD, 'my other password', secret, ...ada.cookies.values()]) {
    expect(JSON.stringify(entries)).not.toContain(secretText);
  }
});

test('the export is NDJSON whose chain can be checked elsewhere, and is itself written down', async () => {
  for (let n = 0; n < 5; n++) await ada.get('/api/v1/people');
  const reply = await ada.get('/api/v1/audit/export');
  expect(reply.headers['content-type']).toContain('application/x-ndjson');
  const lines = reply.body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  // Its own line is there before the first byte leaves.
  expect(lines.map(({ action }) => action).slice(-2)).toEqual(['people.list', 'audit.export']);
  expect((await ada.get('/api/v1/audit?action=audit.export')).json().entries).toHaveLength(1);
  const check = (await ada.get('/api/v1/audit/check')).json();
  expect(check).toMatchObject({ whole: true, fault: null });
  on.store.db.exec("DROP TRIGGER people_audit_stays; UPDATE people_audit SET name = 'eve' WHERE id = 2");
  expect((await ada.get('/api/v1/audit/check')).json()).toMatchObject({ whole: false, fault: { id: 2 } });
});

test('no address changes or removes a line, and strangers cannot fill the log', async () => {
  for (const method of ['POST', 'PATCH', 'DELETE'] as const) {
    expect((await ada.send(method, '/api/v1/audit')).statusCode).toBe(404);
    expect((await ada.send(method, '/api/v1/audit/1')).statusCode).toBe(404);
  }
  const stranger = on.browser('198.51.100.5');
  for (let n = 0; n < 100; n++) await stranger.send('POST', '/api/v1/tokens', {});
  on.clock.now += 60_000;
  await stranger.send('POST', '/api/v1/tokens', {});
  const { entries } = (await ada.get('/api/v1/audit?limit=500')).json();
  expect(entries.filter((one: { name: string }) => one.name === 'nobody')).toHaveLength(61);
  const [leftOut] = entries.filter((one: { action: string }) => one.action === 'audit.left-out');
  expect(leftOut.facts).toEqual({ refusalsOfStrangers: 40 });
  // Nor by the pages of instruments.
  on.clock.now += 60_000;
  const nobody = { person: { id: null, name: 'nobody' }, outcome: 'refused' as const };
  for (let n = 0; n < 100; n++) on.people.audit({ ...nobody, action: 'instrument.refuse' });
  const refused = (await ada.get('/api/v1/audit?limit=500&action=instrument')).json().entries;
  expect(refused).toHaveLength(60);
});

test('a code opens one page, once, for thirty seconds, and its session is worth nothing elsewhere', async () => {
  const { pages } = on.people;
  const person = identityOf(ada);
  const { code } = pages.handOver(person, PAGE)!;
  // Tried for another page it is spent.
  expect(pages.redeem({ code, origin: OTHER })).toBeUndefined();
  expect(pages.redeem({ code, origin: PAGE })).toBeUndefined();

  const opened = pages.redeem({ code: pages.handOver(person, PAGE)!.code, origin: PAGE })!;
  expect(opened.visitor).toMatchObject({ name: 'ada', by: 'session' });
  expect(pages.bySession(opened.cookie, PAGE)).toMatchObject({ name: 'ada' });
  expect(pages.bySession(opened.cookie, OTHER)).toBeUndefined();
  // Neither at the fleet, nor the fleet's there.
  const thief = on.browser();
  thief.cookies.set('__Host-bulkhead', opened.cookie);
  expect((await thief.get('/api/v1/session/list')).statusCode).toBe(401);
  expect(pages.bySession(ada.cookies.get('__Host-bulkhead')!, PAGE)).toBeUndefined();
  // A page's session opens no further pages.
  const further = pages.handOver(opened.visitor, OTHER)!;
  expect(pages.redeem({ code: further.code, origin: OTHER })).toBeUndefined();

  const late = pages.handOver(person, PAGE)!;
  on.clock.now += 30_000;
  expect(pages.redeem({ code: late.code, origin: PAGE })).toBeUndefined();
});

test('a page’s session ends with the one that it came from, and whoever serves it is told', async () => {
  const { pages } = on.people;
  const { cookie, visitor } = pages.redeem({
    code: pages.handOver(identityOf(ada), PAGE)!.code,
    origin: PAGE,
  })!;
  let told = 0;
  const off = pages.onChange(() => told++);
  expect(visitor.isAlive()).toBe(true);
  await ada.send('DELETE', '/api/v1/session');
  expect([visitor.isAlive(), pages.bySession(cookie, PAGE), told]).toEqual([false, undefined, 1]);
  off();
  await ada.send('POST', '/api/v1/session', { name: 'ada', password: PASSWORD });
  expect(told).toBe(1);
});

test('what goes on for long ends with the session or the role that it was asked for with', async () => {
  const port = await on.web.listen('127.0.0.1', 0);
  const streams = () => openStreams;
  const { browser: eve, id } = await signedInAs(on, ada, 'eve', [{ role: 'analyst' }]);
  /** @returns how it goes on after its first words */
  const open = async (browser: Browser): Promise<{ end: Promise<string> }> => {
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
    const headers = { host: 'fleet.test:8443', cookie };
    const reply = await new Promise<IncomingMessage>((go, fail) => {
      get({ host: '127.0.0.1', port, path: '/api/v1/t/stream', headers }, go).once('error', fail);
    });
    const [first] = (await once(reply, 'data')) as [Buffer];
    expect(first.toString()).toBe('first');
    return {
      end: new Promise<string>((go) => {
        reply.once('end', () => go('ended')).once('error', () => go('cut'));
        reply.resume();
      }),
    };
  };
  const [ofEve, ofAda] = [await open(eve), await open(ada)];
  expect(streams()).toBe(2);
  await ada.send('PATCH', `/api/v1/people/${id}`, { roles: [{ role: 'viewer' }] });
  expect(await ofEve.end).toBe('cut');
  await expect.poll(streams, { timeout: 20_000 }).toBe(1);
  await ada.send('DELETE', '/api/v1/session');
  expect(await ofAda.end).toBe('cut');
});

test('looking at the same thing again and again is one line; taking a copy is one each time', async () => {
  const count = async (action: string) =>
    (await ada.get(`/api/v1/audit?action=${action}`)).json().entries.length;
  for (let n = 0; n < 5; n++) {
    await ada.get('/api/v1/people');
    await ada.get('/api/v1/audit/export');
  }
  expect([await count('people.list'), await count('audit.export')]).toEqual([1, 5]);
  on.clock.now += 10 * 60_000;
  await ada.get('/api/v1/people');
  expect(await count('people.list')).toBe(2);
});

test('an edit of the log behind the fleet’s back needs attention after the next start', async () => {
  expect(on.people.feature.attention?.()).toEqual([]);
  on.store.db.exec("DROP TRIGGER people_audit_stays; UPDATE people_audit SET name = 'eve' WHERE id = 1");
  const again = openPeople({ store: on.store, log: openLog('test', 'silent'), encrypted: true });
  await again.feature.start();
  await expect
    .poll(() => again.feature.attention?.(), { timeout: 20_000 })
    .toMatchObject([{ id: 'audit-log', severity: 'critical', link: '/audit' }]);
  await again.feature.stop();
});
