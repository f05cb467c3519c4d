import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLog } from '@bulkhead/platform/kernel';
import { openStore, type Store } from '@bulkhead/fleet-server/store';
import { Ports, PROXY_MIGRATIONS } from '../../../fleet-ui/server/proxy/ports.ts';
import { openServer, SERVER_LIMITS } from '../../../fleet-ui/server/web/server.ts';
import { LAB, startProxy, type TestProxy } from '../../support/fleet/ui-proxy.ts';
import { freePort } from '../../support/nats.ts';

let at: TestProxy;
let dir: string;
let store: Store;
let seen: IncomingHttpHeaders = {};
const log = openLog('ports', 'silent');

beforeAll(async () => {
  at = await startProxy();
  await at.instrument('rules', (request, response) => {
    seen = request.headers;
    response.writeHead(200, ['Set-Cookie', 'theme=dark']).end('page');
  });
  dir = await mkdtemp(join(tmpdir(), 'ports-'));
  store = openStore({ dir, migrations: PROXY_MIGRATIONS, log });
});

afterAll(async () => {
  await at.close();
  store.close();
  await rm(dir, { recursive: true, force: true });
});

function ports(first: number, last: number): Ports {
  return new Ports({
    ...{ db: store.db, first, last, address: '127.0.0.1', log },
    open: (given) =>
      openServer((_request, response) => response.writeHead(421).end(), {
        tls: undefined,
        hosts: [at.proxy.onPort(given)],
        limits: SERVER_LIMITS,
      }),
  });
}

function ask(port: number, headers: Record<string, string>, method = 'GET', body?: string) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; body: string }>((resolve, reject) => {
    const path = method === 'POST' && body !== undefined ? '/.bulkhead/enter' : '/';
    const asked = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (part: Buffer) => (text += part.toString()));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** The first of two ports, one after the other, on which nobody listens. */
async function freePair(): Promise<number> {
  for (;;) {
    const first = await freePort();
    const next = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      next.once('error', () => resolve(false)).listen(first + 1, '127.0.0.1', () => resolve(true));
    });
    await new Promise((resolve) => next.close(resolve));
    if (isFree) return first;
  }
}

test('an instrument has a port of its own for good: its origin, its session, its cookie', async () => {
  const first = await freePair();
  const one = ports(first, first + 1);
  await one.start();
  const port = await one.portOf(LAB, 'rules');
  expect(port).toBe(first);
  const origin = `http://localhost:${String(port)}`;
  const fleet = `http://localhost:${String(at.port)}`;
  const entered = await ask(
    port,
    { host: `localhost:${String(port)}`, origin: fleet, 'content-type': 'application/x-www-form-urlencoded' },
    'POST',
    new URLSearchParams({ code: at.people.code(origin) }).toString(),
  );
  expect(entered.status).toBe(303);
  const cookie = entered.headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '';
  expect(cookie).toContain(`__Host-bulkhead-ui-${String(port)}=`);
  const inside = await ask(port, { host: `localhost:${String(port)}`, cookie });
  expect([inside.status, inside.body]).toEqual([200, 'page']);
  expect(seen).toMatchObject({ host: `localhost:${String(port)}`, 'x-bulkhead-user': 'anna' });
  // Ports of one host share their cookies: the page sets none.
  expect(inside.headers['set-cookie']).toBeUndefined();
  // Another instrument's page is not the fleet.
  const form = { host: `localhost:${String(port)}`, 'content-type': 'application/x-www-form-urlencoded' };
  const stranger = { ...form, origin: `http://localhost:${String(first + 1)}` };
  expect((await ask(port, stranger, 'POST', `code=${at.people.code(origin)}`)).status).toBe(403);
  // Other names, other ports, no port: refused.
  for (const host of [
    'evil.example',
    `evil.example:${String(port)}`,
    'localhost',
    `localhost:${String(at.port)}`,
  ]) {
    expect([host, (await ask(port, { host, cookie })).status]).toEqual([host, 421]);
  }
  // After a restart it is the same one, whoever asks first.
  await one.stop();
  const again = ports(first, first + 1);
  await again.start();
  expect((await ask(port, { host: `localhost:${String(port)}`, cookie })).status).toBe(200);
  expect(await again.portOf(LAB, 'other')).toBe(first + 1);
  expect(await again.portOf(LAB, 'rules')).toBe(port);
  await expect(again.portOf(LAB, 'third')).rejects.toMatchObject({ code: 'FLEET_PROXY_NO_PORT' });
  await again.stop();
});

test('a port that another program has is told, and hinders no other', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  store.db.exec('DELETE FROM proxy_ports');
  const one = ports(port, port);
  await expect(one.portOf(LAB, 'rules')).rejects.toMatchObject({ code: 'FLEET_PROXY_NO_PORT' });
  await one.start();
  await new Promise((resolve) => taken.close(resolve));
  expect(await one.portOf(LAB, 'rules')).toBe(port);
  await one.stop();
});
