import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPeopleWeb, PASSWORD, signedInAs, type PeopleWeb } from '../../support/fleet/people-web.ts';

let on: PeopleWeb;
beforeEach(async () => {
  on = await openPeopleWeb();
});
afterEach(() => on.close());

test('a wrong password, an unknown name, an invited and a disabled account are answered alike', async () => {
  const ada = await on.setUp();
  await ada.send('POST', '/api/v1/people', { name: 'invited', roles: [{ role: 'viewer' }] });
  const { id } = await signedInAs(on, ada, 'disabled', [{ role: 'viewer' }]);
  await ada.send('PATCH', `/api/v1/people/${id}`, { disabled: true });
  const replies = [];
  for (const [name, password] of [
    ['ada', 'wrong password'],
    ['nobody', 'wrong password'],
    ['invited', 'wrong password'],
    ['disabled', `${PASSWORD} too`],
    ["' OR 1=1 --", 'wrong password'],
  ]) {
    const reply = await on.browser('198.51.100.7').send('POST', '/api/v1/session', { name, password });
    const { 'x-request-id': _id, date: _date, ...headers } = reply.headers;
    replies.push(JSON.stringify([reply.statusCode, reply.body, headers]));
  }
  expect(new Set(replies).size).toBe(1);
  expect(replies[0]).toContain('FLEET_PEOPLE_SIGN_IN_REFUSED');
});

test('whether a name exists is not told by time: the same work is done', async () => {
  await on.setUp();
  const browser = on.browser('198.51.100.7');
  // What it costs, and not what the clock says: other programs of the machine take time as well.
  const timed = async (name: string) => {
    const from = process.cpuUsage();
    await browser.send('POST', '/api/v1/session', { name, password: 'wrong password' });
    const { user, system } = process.cpuUsage(from);
    return user + system;
  };
  // The decoy is made with the first one.
  await timed('somebody');
  const rounds = 4;
  const [known, unknown] = [[] as number[], [] as number[]];
  for (let n = 0; n < rounds; n++) {
    known.push(await timed('ada'));
    unknown.push(await timed(`nobody-${n}`));
  }
  // Without the decoy an unknown name would cost about fifty times less.
  expect(Math.min(...unknown)).toBeGreaterThan(Math.min(...known) / 5);
});

test('guessing is held up for the account, existing or not, and told in the same words', async () => {
  await on.setUp();
  const told = [];
  for (const name of ['ada', 'nobody']) {
    let last: unknown;
    for (let n = 0; n < 6; n++) {
      const browser = on.browser(`203.0.113.${n + 1}`);
      const reply = await browser.send('POST', '/api/v1/session', { name, password: 'wrong password' });
      last = {
        status: reply.statusCode,
        retryAfter: reply.headers['retry-after'],
        body: reply.json(),
      };
    }
    told.push(last);
  }
  expect(told[0]).toEqual(told[1]);
  expect(told[0]).toMatchObject({
    status: 429,
    retryAfter: '5',
    body: { code: 'FLEET_PEOPLE_TOO_MANY', fields: { retryAfterS: 5 } },
  });
  // The right password is not even looked at meanwhile, from a place that nobody knows.
  const right = { name: 'ada', password: PASSWORD };
  expect((await on.browser('203.0.113.99').send('POST', '/api/v1/session', right)).statusCode).toBe(429);
  // Where ada has signed in before, strangers do not hold her up: no lock-out of an administrator by a flood.
  expect((await on.browser().send('POST', '/api/v1/session', right)).statusCode).toBe(200);
  on.clock.now += 5_000;
  expect((await on.browser('203.0.113.99').send('POST', '/api/v1/session', right)).statusCode).toBe(200);
});

test('one address that tries many names, invitations or set-up codes is held up', async () => {
  const browser = on.browser('198.51.100.66');
  const codes = [];
  for (let n = 0; n < 21; n++) {
    const body = { code: `0000-0000-${1000 + n}`, name: 'eve', password: 'another long sentence' };
    codes.push((await browser.send('POST', '/api/v1/session/set-up', body)).json().code);
  }
  expect(codes.slice(0, 20).every((code) => code === 'FLEET_PEOPLE_SET_UP_REFUSED')).toBe(true);
  expect(codes.at(-1)).toBe('FLEET_PEOPLE_TOO_MANY');
  const invitation = { code: '0000-0000-0000', password: 'another long sentence' };
  expect((await browser.send('POST', '/api/v1/session/invitation', invitation)).statusCode).toBe(429);
  // The one with the code sits elsewhere and is not held up.
  await on.setUp();
});

test('a flood of sign-ins is answered, and takes a bounded share of the machine', async () => {
  await on.setUp();
  const before = process.memoryUsage().rss;
  const replies = await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      on
        .browser(`198.51.100.${n}`)
        .send('POST', '/api/v1/session', { name: `name-${n}`, password: 'wrong password' }),
    ),
  );
  const codes = replies.map((reply) => reply.json<{ code: string }>().code);
  expect(codes.filter((code) => code === 'FLEET_PEOPLE_BUSY').length).toBeGreaterThanOrEqual(20);
  expect(new Set(codes)).toEqual(new Set(['FLEET_PEOPLE_BUSY', 'FLEET_PEOPLE_SIGN_IN_REFUSED']));
  // Sixty at once would be 3.75 GiB.
  expect(process.memoryUsage().rss - before).toBeLessThan(600 * 1024 * 1024);
});
