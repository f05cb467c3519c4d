import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Ask } from '@bulkhead/platform/contracts/fleet';
import { waitFor } from '@bulkhead/platform/kernel';
import { openFleetBench, type FleetBench } from '../../support/fleet-link/fleet-bench.ts';
import {
  openHostileFleet,
  type HostileCall,
  type HostileFleet,
  type HostileOptions,
} from '../../support/fleet-link/hostile-fleet.ts';
import { openTestSensor, type TestSensor } from '../../support/fleet-link/test-sensor.ts';

let fleet: FleetBench;
let sensor: TestSensor;
let hostile: HostileFleet;

/** The sensor joined an honest fleet, which then fell into other hands. */
async function takeOver(options: Partial<HostileOptions> = {}): Promise<void> {
  hostile.close();
  const { key, cert } = fleet.ca.linkPair();
  hostile = await openHostileFleet({ ca: fleet.ca.certificate, certificate: cert, key, ...options });
  await sensor.link.stop();
  const file = join(sensor.dir, 'fleet', 'membership.json');
  const membership = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  const link = { host: '127.0.0.1', port: hostile.port };
  await writeFile(file, JSON.stringify({ ...membership, link }));
  await sensor.restart();
}

beforeEach(async () => {
  fleet = await openFleetBench();
  sensor = await openTestSensor();
  await sensor.link.join({ token: fleet.token() });
  const { key, cert } = fleet.ca.linkPair();
  hostile = await openHostileFleet({ ca: fleet.ca.certificate, certificate: cert, key });
});
afterEach(async () => {
  hostile.close();
  await sensor.dispose();
  await fleet.dispose();
});

const attached = () => waitFor('the sensor to attach', 15_000, () => hostile.attached());

function ask(values: Partial<Ask> & { id: number }): { $case: 'ask'; value: Ask } {
  return {
    $case: 'ask',
    value: {
      method: 'GET',
      path: '/v1/status',
      bodyJson: Buffer.alloc(0),
      user: 'ada',
      roles: ['admin'],
      deadlineMs: 5_000,
      windowBytes: 0,
      ...values,
    },
  };
}

async function answered(call: HostileCall, id: number): Promise<{ status: number; text: string }> {
  return waitFor(`the answer to ${String(id)}`, 10_000, () => {
    const answer = call.answer(id);
    return answer.ended ? answer : undefined;
  });
}

test('no path leads past the list, however it is written', async () => {
  await takeOver();
  const call = await attached();
  const paths = [
    ...[
      '/v1/shutdown',
      '/v1/keys/rotate',
      '/v1/fleet/leave',
      '/v1/fleet',
      '/v1/resources/import/x',
      '/v1/support',
    ],
    ...[
      '/v1/config/apply',
      '/v1/config/rollback',
      '/v1/config/reload',
      '/v1/dev/instruments',
      '/v1/data/exports',
    ],
    ...['/v1/status/../shutdown', '/v1/instruments/../shutdown/restart', '/v1/instruments/%2e%2e/restart'],
    ...[
      '/v1/instruments/..%2f..%2fshutdown/log',
      '/v1/instruments/a%252fb/log',
      '/v1//status',
      '/v1/status/',
    ],
    ...[
      '\\v1\\shutdown',
      '/v1/instruments/a\\b/log',
      '/v1/status\0',
      '/v1/instruments/a\0/restart',
      '/v1/./status',
    ],
    ...[
      'http://127.0.0.1/v1/status',
      '//evil/v1/status',
      'v1/status',
      '',
      '/',
      '*',
      '/V1/status',
      '/metrics',
    ],
    ...[
      '/v1/status HTTP/1.1\r\nx: y',
      '/v1/status?x=1\r\nx: y',
      '/v1/status?x= y',
      '/v1/status#x',
      '/v1/status?x#y',
    ],
    ...[`/v1/${'a/'.repeat(4_000)}`, `/v1/status?x=${'a'.repeat(9_000)}`],
  ];
  for (const [index, path] of paths.entries()) {
    for (const [step, method] of ['GET', 'POST'].entries()) {
      call.say(ask({ id: 1 + index * 2 + step, method, path }));
      const { status, text } = await answered(call, 1 + index * 2 + step);
      expect([400, 403], `${method} ${path}`).toContain(status);
      expect(text).toMatch(/FLEET_LINK_ASK_(INVALID|FORBIDDEN)/);
    }
  }
  call.say(ask({ id: 8_999, method: 'POST', path: '/v1/resources/import' }));
  expect((await answered(call, 8_999)).status).toBe(403);
  for (const [index, method] of ['DELETE', 'PUT', 'CONNECT', 'get', 'GET\r\n', ''].entries()) {
    call.say(ask({ id: 9_000 + index, method }));
    expect((await answered(call, 9_000 + index)).status).toBe(403);
  }
  expect(sensor.asked).toEqual([]);
});

test('a question without a person, with roles of its own invention or with a bad body is refused', async () => {
  await takeOver();
  const call = await attached();
  const post = { method: 'POST', path: '/v1/grants/give' };
  const bad: Partial<Ask>[] = [
    { user: '' },
    { user: 'x'.repeat(300) },
    { roles: [] },
    { roles: ['root', 'superuser', 'ADMIN', '__proto__', 'constructor'] },
    { roles: Array.from({ length: 1_000 }, () => 'admin') },
    { bodyJson: Buffer.from('{}') },
    { ...post, bodyJson: Buffer.from('[1]') },
    { ...post, bodyJson: Buffer.from('{"a":') },
    { ...post, bodyJson: Buffer.from('null') },
    { ...post, roles: ['analyst'] },
  ];
  for (const [index, values] of bad.entries()) {
    call.say(ask({ id: index + 1, ...values }));
    expect([400, 403]).toContain((await answered(call, index + 1)).status);
  }
  expect(sensor.asked).toEqual([]);
  // Whoever asks is named, and nobody else.
  const body = '{"author":"root","__proto__":{"x":1},"instrument":"suricata"}';
  call.say(ask({ id: 100, ...post, user: 'a\u202ed\nroot', bodyJson: Buffer.from(body) }));
  expect((await answered(call, 100)).status).toBe(200);
  expect(JSON.parse(sensor.asked[0]?.body ?? '')).toMatchObject({ author: 'fleet/a d root' });
});

test('questions without end are answered 64 at a time, and a fleet that does not read loses its link', async () => {
  await takeOver();
  let running = 0;
  let most = 0;
  sensor.answer = async function* () {
    running += 1;
    most = Math.max(most, running);
    try {
      for (let n = 0; n < 1_000_000; n += 1) {
        yield Buffer.alloc(64 << 10);
        await sleep(1);
      }
    } finally {
      running -= 1;
    }
  };
  const call = await attached();
  call.stream.pause();
  for (let id = 1; id <= 2_000; id += 1) call.say(ask({ id, deadlineMs: 0xffff_ffff }));
  await waitFor('the link to be cut', 30_000, () => call.over);
  expect(most).toBeLessThanOrEqual(64);
  await waitFor('the answers to end', 15_000, () => running === 0);
  const again = await attached();
  expect(again).not.toBe(call);
  expect(process.memoryUsage().arrayBuffers).toBeLessThan(300 << 20);
});

test('an answer waits for credit no longer than its deadline, and an id in use is not used twice', async () => {
  await takeOver();
  sensor.answer = () => [Buffer.alloc(10_000)];
  const call = await attached();
  call.say(ask({ id: 5, windowBytes: 100, deadlineMs: 1_500 }));
  call.say(ask({ id: 5 }));
  await waitFor('the second one to be refused', 10_000, () =>
    call.answer(5).text.includes('FLEET_LINK_ASK_INVALID'),
  );
  await waitFor('the first one to be cut', 10_000, () => sensor.link.status().asks === 0);
  expect(call.over).toBe(false);
});

test('tunnels lead to pages that are granted, and nowhere else', async () => {
  await takeOver();
  const call = await attached();
  const targets = [
    '../api/sensord',
    '/run/bulkhead/api/sensord.sock',
    'suricata',
    '',
    'rule-manager\0',
    'RULE-MANAGER',
  ];
  const open = (id: string, instrument: string | undefined, user = 'ada') => {
    const target =
      instrument === undefined ? undefined : ({ $case: 'instrumentUi', value: instrument } as const);
    call.say({ $case: 'openTunnel', value: { id, target, user, roles: ['admin'] } });
  };
  for (const [index, target] of targets.entries()) open(`tunnel-${String(index)}`, target);
  open('tunnel-none', undefined);
  open('tunnel-user', 'rule-manager', '');
  await waitFor('every refusal', 10_000, () => hostile.tunnels.length === targets.length + 2);
  for (const { refused } of hostile.tunnels)
    expect(refused).toMatch(/^FLEET_LINK_(UI_REFUSED|TUNNEL_INVALID)$/);
  for (const id of ['', 'short', 'uplink', '../../etc', 'x'.repeat(500), 'a b c d e f', 'new\nline-x']) {
    open(id, 'rule-manager');
  }
  // As many connections as there may be, and no more.
  for (let n = 0; n < 300; n += 1) open(`many-tunnels-${String(n)}`, 'rule-manager');
  await waitFor('the last', 20_000, () => hostile.tunnels.length === targets.length + 2 + 300);
  expect(sensor.link.status().tunnels).toBeLessThanOrEqual(128);
  expect(call.over).toBe(false);
});

test('nothing is done for a fleet that did not say welcome', async () => {
  await takeOver({ welcome: false });
  const call = await attached();
  call.say(ask({ id: 1 }));
  const config = { revision: 1, configYaml: Buffer.from('version: 1'), author: 'x', reason: '' };
  call.say({ $case: 'desiredConfig', value: config });
  const open = { id: 'tunnel-1', target: undefined, user: 'ada', roles: ['admin'] };
  call.say({ $case: 'openTunnel', value: open });
  await sleep(500);
  expect(call.heard.map(({ $case }) => $case)).toEqual(['hello']);
  expect(sensor.asked).toEqual([]);
  expect(sensor.applied).toEqual([]);
  expect(hostile.tunnels).toEqual([]);
});

test('a message of gigabytes is not taken: the link ends, and the sensor comes back', async () => {
  await takeOver();
  const call = await attached();
  const configYaml = Buffer.alloc(16 << 20, 'a');
  call.say({ $case: 'desiredConfig', value: { revision: 1, configYaml, author: 'x', reason: '' } });
  await waitFor('the link to be cut', 15_000, () => call.over);
  await attached();
  expect(sensor.applied).toEqual([]);
});

test('a configuration that is no text is refused, and an endless stream of them costs one try at a time', async () => {
  await takeOver();
  const call = await attached();
  const desire = (revision: number, configYaml: Buffer) => {
    call.say({ $case: 'desiredConfig', value: { revision, configYaml, author: 'x', reason: '' } });
  };
  const results = () => call.heard.flatMap((what) => (what.$case === 'configResult' ? [what.value] : []));
  desire(1, Buffer.from([0xff, 0xfe, 0xfd]));
  await waitFor('the result', 10_000, () => results().length === 1);
  expect(results()[0]).toMatchObject({ revision: 1, ok: false, code: 'FLEET_LINK_CONFIG_INVALID' });
  const good = Buffer.from('version: 1\nsensor: { name: lab }\n');
  sensor.applyMs = 200;
  for (let revision = 2; revision < 500; revision += 1) desire(revision, good);
  await waitFor('all results', 20_000, () => results().length === 499);
  expect(results().at(-1)).toMatchObject({ revision: 499, ok: true });
  expect(sensor.applyingMost).toBe(1);
  expect(sensor.applied.length).toBeLessThan(498);
});

test('a certificate that is none is not kept, and renewals are asked for at the pace of the sensor', async () => {
  await takeOver();
  const before = await sensor.membership();
  const call = await attached();
  const beganMs = performance.now();
  for (let n = 0; n < 500; n += 1) call.say({ $case: 'askRenewal', value: {} });
  await waitFor('a renewal', 10_000, () => hostile.renewals > 0);
  await sleep(500);
  // One each fifth of a second, as the pace of this test has it; a minute in the field.
  expect(hostile.renewals).toBeLessThanOrEqual(2 + (performance.now() - beganMs) / 200);
  const after = await sensor.membership();
  expect(after['keyPem']).toBe(before['keyPem']);
  expect(after['chainPem']).toBe(before['chainPem']);
  expect(sensor.link.up).toBe(true);
});
