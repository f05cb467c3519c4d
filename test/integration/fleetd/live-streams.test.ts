import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRunningFleet, type FleetVisitor, type RunningFleet } from '../../support/fleet/running-fleet.ts';

const SOON = { timeout: 20_000 };
let fleet: RunningFleet;
const open: IncomingMessage[] = [];

beforeEach(async () => {
  fleet = await openRunningFleet();
});
afterEach(async () => {
  for (const stream of open.splice(0)) stream.destroy();
  await fleet.dispose();
});

/** A stream that runs, as a program with a token opens it. */
async function listen(path: string, token: string): Promise<{ over(): boolean }> {
  const ca = await readFile(join(fleet.dir, 'state/ca/ca.pem'), 'utf8');
  const port = fleet.service.port;
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { host: fleet.host(), authorization: `Bearer ${token}` };
    httpsRequest(
      { host: '127.0.0.1', servername: 'localhost', port, path, ca, headers, agent: false },
      resolve,
    )
      .on('error', reject)
      .end();
  });
  open.push(reply);
  expect(reply.statusCode).toBe(200);
  let over = false;
  reply.on('error', () => (over = true)).on('close', () => (over = true));
  // Its first words are there: from now on it runs.
  await new Promise((resolve) => reply.once('data', resolve));
  return { over: () => over };
}

async function tokenOf(person: FleetVisitor): Promise<{ id: string; secret: string }> {
  const rights = ['sensors.read', 'events.read'];
  const { status, body } = await person.ask('POST', '/api/v1/tokens', {
    ...{ label: 'wall', rights, expiresInDays: 1 },
  });
  expect(status).toBe(201);
  return { id: body.token.id, secret: body.secret };
}

test('who loses a role or a token loses what runs with it; everybody else keeps theirs', async () => {
  const anna = await fleet.setUp();
  const { body: made } = await anna.ask('POST', '/api/v1/people', {
    ...{ name: 'bob', roles: [{ role: 'analyst' }] },
  });
  const bob = fleet.visitor();
  const password = 'another long sentence of words';
  const accepted = await bob.ask('POST', '/api/v1/session/invitation', {
    ...{ code: made.invitation.code, password },
  });
  expect(accepted.status).toBe(200);
  const [first, second, third] = [await tokenOf(anna), await tokenOf(anna), await tokenOf(bob)];
  const streams = async (token: string) => [
    await listen('/api/v1/live', token),
    await listen('/api/v1/events/live', token),
  ];
  const [kept, ended, others] = [
    await streams(first.secret),
    await streams(second.secret),
    await streams(third.secret),
  ];
  const over = (all: { over(): boolean }[]) => all.map((one) => one.over());

  const roles = [{ role: 'viewer' }];
  expect((await anna.ask('PATCH', `/api/v1/people/${made.person.id}`, { roles })).status).toBe(200);
  await expect.poll(() => over(others), SOON).toEqual([true, true]);
  expect([...over(kept), ...over(ended)]).toEqual([false, false, false, false]);

  expect((await anna.ask('DELETE', `/api/v1/tokens/${second.id}`)).status).toBe(200);
  await expect.poll(() => over(ended), SOON).toEqual([true, true]);
  // Anything that would have ended them was asked for before this answer.
  expect((await anna.ask('GET', '/api/v1/session')).status).toBe(200);
  expect(over(kept)).toEqual([false, false]);
});
