import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LightMyRequestResponse } from 'fastify';
import {
  openPeople,
  PEOPLE_MIGRATIONS,
  type People,
  type PeopleOptions,
} from '@bulkhead/fleet-server/people';
import { openStore, type Store } from '@bulkhead/fleet-server/store';
import { openWeb, type FleetApp, type Web } from '@bulkhead/fleet-server/web';
import { openLog } from '@bulkhead/platform/kernel';

export const PASSWORD = 'seven mice in a teapot';
export const FLEET_ORIGIN = 'https://fleet.test:8443';

export interface PeopleWeb {
  people: People;
  web: Web;
  store: Store;
  dir: string;
  /** Milliseconds since 1970; set it to let time pass. */
  clock: { now: number };
  /** A new browser, or a program when it never gets a cookie. */
  browser(address?: string): Browser;
  /** Sets the fleet up; the browser is then signed in as `ada`, an administrator. */
  setUp(): Promise<Browser>;
  close(): Promise<void>;
}

/** What a browser does: keeps cookies, says where a request comes from. */
export interface Browser {
  cookies: Map<string, string>;
  get(url: string, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
  send(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<LightMyRequestResponse>;
}

/** The people of a fleet behind its listener's real frame, without a port. */
export async function openPeopleWeb(
  options: Partial<PeopleOptions> & { routes?: (app: FleetApp) => void } = {},
): Promise<PeopleWeb> {
  const dir = mkdtempSync(join(tmpdir(), 'fleet-people-'));
  const log = openLog('test', 'silent');
  const store = openStore({ dir, migrations: PEOPLE_MIGRATIONS, log });
  const clock = { now: Date.parse('2026-11-21T08:00:00Z') };
  const people = openPeople({ store, log, encrypted: true, clock: () => clock.now, ...options });
  await people.feature.start();
  const web = await openWeb({
    log,
    version: '0.0.0',
    tls: undefined,
    knowsHost: (host) => host === 'fleet.test',
    instrumentHosts: '*.fleet.test:*',
    features: [
      people.feature,
      {
        name: 'test',
        start: async () => undefined,
        stop: async () => undefined,
        routes: (app) => options.routes?.(app),
      },
    ],
    pagesDir: undefined,
  });
  const browser = (address = '192.0.2.10') => newBrowser(web, address);
  return {
    ...{ people, web, store, dir, clock, browser },
    setUp: async () => {
      const first = browser();
      const reply = await first.send('POST', '/api/v1/session/set-up', {
        code: people.setUpCode(),
        name: 'ada',
        password: PASSWORD,
      });
      if (reply.statusCode !== 200) throw new Error(`set-up was refused: ${reply.body}`);
      return first;
    },
    close: async () => {
      await web.close();
      await people.feature.stop();
      store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Makes an account with that role and signs a new browser in to it. */
export async function signedInAs(
  on: PeopleWeb,
  admin: Browser,
  name: string,
  roles: readonly object[],
): Promise<{ browser: Browser; id: string }> {
  const made = await admin.send('POST', '/api/v1/people', { name, roles });
  if (made.statusCode !== 201) throw new Error(`the account was refused: ${made.body}`);
  const { person, invitation } = made.json<{ person: { id: string }; invitation: { code: string } }>();
  const browser = on.browser();
  const accepted = await browser.send('POST', '/api/v1/session/invitation', {
    code: invitation.code,
    password: `${PASSWORD} too`,
  });
  if (accepted.statusCode !== 200) throw new Error(`the invitation was refused: ${accepted.body}`);
  return { browser, id: person.id };
}

function newBrowser(web: Web, address: string): Browser {
  const cookies = new Map<string, string>();
  const ask = async (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    headers: Record<string, string>,
    body?: object,
  ) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const reply = await web.app.inject({
      method,
      url,
      remoteAddress: address,
      headers: {
        host: 'fleet.test:8443',
        'user-agent': 'Test/1.0',
        ...(cookie === '' ? {} : { cookie }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: body }),
    });
    for (const { name, value, maxAge } of reply.cookies) {
      if (maxAge === 0) cookies.delete(name);
      else cookies.set(name, value);
    }
    return reply;
  };
  return {
    cookies,
    get: (url, headers = {}) => ask('GET', url, { 'sec-fetch-site': 'same-origin', ...headers }),
    send: (method, url, body, headers = {}) =>
      ask(method, url, { origin: FLEET_ORIGIN, 'sec-fetch-site': 'same-origin', ...headers }, body),
  };
}
