import { afterEach, beforeEach, expect, test } from 'vitest';
import type { GrantedRight } from '@bulkhead/fleet-api';
import { openLog } from '@bulkhead/platform/kernel';
import { AnswerParts } from '../../../fleet-ui/server/link/answer.ts';
import { forwardRoutes } from '../../../fleet-ui/server/link/forward.ts';
import type { Links } from '../../../fleet-ui/server/link/index.ts';
import { AskRunner } from '../../../platform/fleet-link/ask-runner.ts';
import { openPeopleWeb, signedInAs, type Browser, type PeopleWeb } from '../../support/fleet/people-web.ts';

const LAB = 's_aaaaaaaaaaaaaaaa';
const WARD = 's_bbbbbbbbbbbbbbbb';
const ALL: GrantedRight[] = [
  'sensors.read',
  'events.read',
  'events.handle',
  'sensors.operate',
  'sensors.configure',
  'settings.manage',
];

/** Roles that the sensor was told, question by question. */
const told: string[][] = [];
let on: PeopleWeb;
let ada: Browser;
beforeEach(async () => {
  told.length = 0;
  on = await openPeopleWeb({
    routes: (app) => {
      forwardRoutes(app, { ask: askSensor });
    },
  });
  ada = await on.setUp();
});
afterEach(() => on.close());

/** The sensor's own judgement, without a wire between. */
const askSensor: Links['ask'] = (_sensor, { method, path, user, roles, body }) => {
  told.push([...roles]);
  const parts = new AnswerParts(
    { maxBytes: 1e6, bufferBytes: 1e6, windowBytes: 1e6 },
    () => undefined,
    () => undefined,
  );
  const runner = new AskRunner({
    log: openLog('test', 'silent'),
    api: async () => ({
      status: 200,
      body: (async function* () {
        yield Buffer.from('{"did":true}');
      })(),
    }),
    send: async (part) => {
      parts.add(part);
    },
  });
  void runner.run({
    ...{ id: 1, method, path, user, roles: [...roles], deadlineMs: 0, windowBytes: 0 },
    bodyJson: Buffer.from(body ?? ''),
  });
  return parts.start();
};

/** Asks with a token of `owner`; the status of the answer. */
async function asks(owner: Browser, rights: GrantedRight[], narrowed: { sensors?: string[] } = {}) {
  const made = await owner.send('POST', '/api/v1/tokens', {
    ...{ label: 'robot', rights, expiresInDays: 1 },
    ...narrowed,
  });
  expect(made.statusCode, made.body).toBe(201);
  const headers = { authorization: `Bearer ${made.json<{ secret: string }>().secret}` };
  const robot = on.browser();
  return async (method: 'GET' | 'POST', path: string, sensor = LAB) => {
    const url = `/api/v1/sensors/${sensor}/api/v1/${path}`;
    const reply =
      method === 'GET' ? await robot.get(url, headers) : await robot.send('POST', url, {}, headers);
    return reply.statusCode;
  };
}

test('ABUSE 104: a token with some of an administrator’s rights is no administrator at the sensor', async () => {
  const whole = await asks(ada, ALL);
  expect(await whole('POST', 'data/purge')).toBe(200);
  expect(await whole('GET', 'search/export')).toBe(200);
  expect(told).toEqual([['admin'], ['admin']]);

  told.length = 0;
  const reader = await asks(ada, ['sensors.read', 'settings.manage']);
  expect(await reader('GET', 'status')).toBe(200);
  expect([await reader('POST', 'data/purge'), await reader('GET', 'search/export')]).toEqual([403, 403]);
  // What it may not ask never reached the sensor.
  expect(told).toEqual([['viewer']]);

  told.length = 0;
  const robot = await asks(ada, ['sensors.operate', 'events.read', 'settings.manage']);
  expect(await robot('POST', 'instruments/suricata/restart')).toBe(200);
  expect(await robot('GET', 'search')).toBe(200);
  expect([await robot('POST', 'data/purge'), await robot('GET', 'data/find')]).toEqual([403, 403]);
  expect(told).toEqual([['operator'], ['viewer'], ['operator'], ['viewer']]);
});

test('ABUSE 104: neither a narrowed token nor a narrowed role of an administrator purges what a sensor holds', async () => {
  const narrowed = await asks(ada, ALL, { sensors: [LAB] });
  const { browser: eve } = await signedInAs(on, ada, 'eve', [{ role: 'admin', sensors: [LAB] }]);
  for (const ask of [narrowed, await asks(eve, ALL)]) {
    told.length = 0;
    expect(await ask('POST', 'data/hold')).toBe(200);
    expect(await ask('POST', 'data/purge')).toBe(403);
    expect(await ask('GET', 'status', WARD)).toBe(403);
    expect(told).toEqual([['operator'], ['operator']]);
  }
});
