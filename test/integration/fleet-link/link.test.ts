import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { openCable } from '../../support/fleet/cable.ts';
import { openFleetBench, type FleetBench } from '../../support/fleet-link/fleet-bench.ts';
import { openTestSensor, type TestSensor } from '../../support/fleet-link/test-sensor.ts';

let fleet: FleetBench;
let sensor: TestSensor;
let id: string;
const PERSON = { user: 'ada', roles: ['operator'] };

beforeEach(async () => {
  fleet = await openFleetBench();
  sensor = await openTestSensor();
  await sensor.link.join({ token: fleet.token() });
  await sensor.up();
  id = sensor.link.sensor ?? '';
});
afterEach(async () => {
  await sensor.dispose();
  await fleet.dispose();
});

const attachedAgain = () => once(fleet.link.links.events, 'attached');

test('the fleet knows how the sensor stands, and hears of a change within seconds', async () => {
  const { links } = fleet.link;
  expect(links.view(id)).toMatchObject({ attached: true, version: '0.1.0', clockWrong: false });
  await expect.poll(() => links.state(id).status, { timeout: 10_000 }).toMatchObject({ healthy: true });
  sensor.status = { ...sensor.status, healthy: false, attention: ['the disk is full'] };
  await expect
    .poll(() => links.state(id).status, { timeout: 10_000 })
    .toMatchObject({ healthy: false, attention: ['the disk is full'] });
});

test('the fleet asks the sensor, in the name of a person', async () => {
  const { links } = fleet.link;
  const answer = await links.collect(id, { method: 'GET', path: '/v1/search?type=alert&limit=5', ...PERSON });
  expect(answer).toMatchObject({ status: 200, json: { path: '/v1/search?type=alert&limit=5' } });

  const body = Buffer.from(JSON.stringify({ instrument: 'suricata', rights: ['ui'], author: 'root' }));
  await links.collect(id, { method: 'POST', path: '/v1/grants/give', body, ...PERSON });
  const { method, path, body: sent = '' } = sensor.asked.at(-1) ?? {};
  expect({ method, path }).toEqual({ method: 'POST', path: '/v1/grants/give' });
  expect(JSON.parse(sent)).toEqual({ instrument: 'suricata', rights: ['ui'], author: 'fleet/ada' });

  const refused = await links.collect(id, {
    method: 'POST',
    path: '/v1/shutdown',
    user: 'eve',
    roles: ['admin'],
  });
  expect(refused).toMatchObject({ status: 403, json: { error: { code: 'FLEET_LINK_ASK_FORBIDDEN' } } });
  const viewer = { user: 'vic', roles: ['viewer'] };
  const restart = { method: 'POST' as const, path: '/v1/instruments/suricata/restart' };
  expect(await links.collect(id, { ...restart, ...viewer })).toMatchObject({
    status: 403,
    json: { error: { code: 'FLEET_LINK_ROLE_MISSING' } },
  });
  expect(sensor.asked).toHaveLength(2);
});

test('a large answer comes whole and no faster than it is read, while small ones pass it', async () => {
  const { links } = fleet.link;
  let made = 0;
  sensor.answer = async function* ({ path }) {
    if (!path.startsWith('/v1/search/export')) {
      yield Buffer.from('{}');
      return;
    }
    for (let piece = 0; piece < 300; piece += 1) {
      made += 1;
      yield Buffer.alloc(20_000, piece % 256);
      await sleep(0);
    }
  };
  const answer = await links.ask(id, {
    method: 'GET',
    path: '/v1/search/export',
    user: 'ada',
    roles: ['analyst'],
  });
  const reader = answer[Symbol.asyncIterator]();
  const first = await reader.next();
  let bytes = (first.value as Buffer).length;
  await links.collect(id, { method: 'GET', path: '/v1/status', ...PERSON });
  await sleep(500);
  expect(made).toBeLessThan(100);
  for (let part = await reader.next(); part.done !== true; part = await reader.next()) {
    bytes += part.value.length;
  }
  expect(bytes).toBe(300 * 20_000);
});

test('what is followed ends on the sensor when nobody wants it any more', async () => {
  const { links } = fleet.link;
  let ended = false;
  sensor.answer = async function* () {
    try {
      for (;;) {
        yield Buffer.from('{"event":1}\n');
        await sleep(20);
      }
    } finally {
      ended = true;
    }
  };
  const answer = await links.ask(id, { method: 'GET', path: '/v1/events?follow=1', ...PERSON });
  const reader = answer[Symbol.asyncIterator]();
  await reader.next();
  expect(sensor.link.status().asks).toBe(1);
  answer.cancel();
  await expect.poll(() => ended, { timeout: 10_000 }).toBe(true);
  await expect.poll(() => sensor.link.status().asks, { timeout: 10_000 }).toBe(0);
});

test('a configuration of the fleet comes into force once, with the name and the reason of the person', async () => {
  const { links } = fleet.link;
  const yaml = 'version: 1\nsensor: { name: lab }\n';
  const first = { revision: 7, yaml, author: 'ada', reason: 'new monitor' };
  expect(await links.desire(id, first)).toEqual({ revision: 7, ok: true, sensorRevision: 41 });
  expect(sensor.applied).toEqual([
    { document: yaml, author: 'fleet/ada', reason: 'new monitor (fleet revision 7)' },
  ]);
  // The same again, also after both restarted, changes nothing and is answered the same.
  expect(await links.desire(id, first)).toEqual({ revision: 7, ok: true, sensorRevision: 41 });
  await sensor.restart();
  await sensor.up();
  expect(fleet.link.links.view(id)).toMatchObject({ configRevision: 7 });
  expect(await links.desire(id, first)).toEqual({ revision: 7, ok: true, sensorRevision: 41 });
  expect(sensor.applied).toHaveLength(1);
  expect(await links.desire(id, { ...first, revision: 6 })).toMatchObject({
    ok: false,
    code: 'FLEET_LINK_CONFIG_OLD',
  });
});

test('a configuration that is none, that cuts the sensor off, or that fails is refused, and the fleet is told why', async () => {
  const { links } = fleet.link;
  const desire = (revision: number, yaml: string) =>
    links.desire(id, { revision, yaml, author: 'ada', reason: 'try' });
  expect(await desire(1, 'monitorInterfaces: 7')).toMatchObject({
    ok: false,
    code: 'SENSORD_CONFIG_INVALID',
  });
  const cut = 'version: 1\nsensor: { name: lab }\nmonitorInterfaces: [{ name: mon, device: lo }]\n';
  expect(await desire(2, cut)).toMatchObject({
    ok: false,
    code: 'FLEET_LINK_CONFIG_CUTS_OFF',
    message: expect.stringContaining('lo') as string,
  });
  expect(sensor.applied).toEqual([]);
  sensor.refuse = new BulkheadError({
    code: 'SENSORD_CONFIG_ROLLED_BACK',
    message: 'suricata did not start',
  });
  expect(await desire(3, 'version: 1\nsensor: { name: lab }\n')).toMatchObject({
    ok: false,
    code: 'SENSORD_CONFIG_ROLLED_BACK',
    message: 'suricata did not start',
  });
  expect(sensor.link.status().config).toMatchObject({ revision: 3, state: 'failed', inForce: 0 });
  expect(sensor.link.attention()).toHaveLength(1);
  sensor.refuse = undefined;
  expect(await desire(4, 'version: 1\nsensor: { name: lab }\n')).toMatchObject({ ok: true });
  expect(sensor.link.attention()).toEqual([]);
});

test('a sensor that ends in order while a configuration is brought in force does it after its next start', async () => {
  const { links } = fleet.link;
  const desired = { revision: 5, yaml: 'version: 1\nsensor: { name: lab }\n', author: 'ada', reason: '' };
  sensor.refuse = new BulkheadError({ code: 'FLEET_LINK_CONFIG_INTERRUPTED', message: 'the sensor ends' });
  const lost = links.desire(id, desired).catch((error: unknown) => error);
  await expect.poll(() => sensor.applied.length, { timeout: 10_000 }).toBe(1);
  sensor.refuse = undefined;
  await sensor.restart();
  await lost;
  await sensor.up();
  expect(fleet.link.links.view(id)).toMatchObject({ configRevision: 0 });
  expect(await links.desire(id, desired)).toMatchObject({ ok: true });
});

/** One HTTP request over a tunnel. */
async function get(tunnel: Duplex, headers: Record<string, string> = {}): Promise<string> {
  const asked = request({
    path: '/rules?x=1',
    headers: { host: 'page', ...headers },
    createConnection: () => tunnel,
  });
  asked.end();
  const [response] = (await once(asked, 'response')) as [AsyncIterable<Buffer>];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

test('people reach the page of an instrument, in both directions and for long', async () => {
  const { links } = fleet.link;
  const target = { instrumentUi: 'rule-manager' };
  const tunnel = await links.openTunnel(id, target, PERSON);
  expect(await get(tunnel)).toBe('page of page /rules?x=1');

  const other = await links.openTunnel(id, target, PERSON);
  other.write('GET / HTTP/1.1\r\nhost: page\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
  let back = Buffer.alloc(0);
  other.on('data', (data: Buffer) => (back = Buffer.concat([back, data])));
  await expect.poll(() => back.toString('latin1'), { timeout: 10_000 }).toContain('101');
  const sent = Buffer.alloc(1_000_000, 'bulkhead');
  back = Buffer.alloc(0);
  other.write(sent);
  await expect.poll(() => back.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(sent.length);
  expect(back.subarray(-sent.length).equals(sent)).toBe(true);
  expect(sensor.link.status().tunnels).toBeGreaterThan(0);
  other.destroy();
  await expect.poll(() => sensor.link.status().tunnels, { timeout: 10_000 }).toBe(0);
});

test('a page is opened neither without the grant nor without a role, and closed when the grant is taken', async () => {
  const { links } = fleet.link;
  const refused = { code: 'FLEET_LINKS_TUNNEL_REFUSED', fields: { reason: 'FLEET_LINK_UI_REFUSED' } };
  await expect(links.openTunnel(id, { instrumentUi: 'suricata' }, PERSON)).rejects.toMatchObject(refused);
  await expect(
    links.openTunnel(id, { instrumentUi: 'rule-manager' }, { user: 'eve', roles: ['somebody'] }),
  ).rejects.toMatchObject(refused);
  const tunnel = await links.openTunnel(id, { instrumentUi: 'rule-manager' }, PERSON);
  tunnel.on('error', () => undefined);
  tunnel.resume();
  sensor.pages.delete('rule-manager');
  await expect.poll(() => tunnel.destroyed || tunnel.readableEnded, { timeout: 10_000 }).toBe(true);
  await expect.poll(() => sensor.link.status().tunnels, { timeout: 10_000 }).toBe(0);
});

test('the uplink carries bytes with the key of the bus, and ends with the link', async () => {
  const stream = await sensor.link.openUplink('UAKEY');
  await expect.poll(() => fleet.uplinks.length, { timeout: 10_000 }).toBe(1);
  const [uplink] = fleet.uplinks;
  expect(uplink).toMatchObject({ sensor: id, publicKey: 'UAKEY' });
  uplink?.stream.write('INFO');
  expect(String((await once(stream, 'data'))[0])).toBe('INFO');
  stream.write('CONNECT');
  expect(String((await once(uplink!.stream, 'data'))[0])).toBe('CONNECT');
  const closed = once(stream, 'close');
  stream.on('error', () => undefined);
  await fleet.stopLink();
  await closed;
  await expect(sensor.link.openUplink('UAKEY')).rejects.toMatchObject({ code: 'FLEET_LINK_DOWN' });
});

test('a certificate is renewed when the fleet asks, and the link goes on with the new one', async () => {
  const before = await sensor.membership();
  const again = attachedAgain();
  expect(fleet.link.links.askRenewal(id)).toBe(true);
  const [, facts] = await again;
  await sensor.up();
  const after = await sensor.membership();
  expect(after['keyPem']).not.toBe(before['keyPem']);
  expect(after['renewal']).toBeUndefined();
  expect(facts).toMatchObject({ serial: fleet.link.links.link(id)?.serial });
});

test('a certificate of which two thirds are over is renewed by itself', async () => {
  await sensor.certifiedAt(fleet, -25 * 86_400_000);
  await expect
    .poll(() => Date.parse(sensor.link.status().certificate?.notAfter ?? ''), { timeout: 20_000 })
    .toBeGreaterThan(Date.now() + 20 * 86_400_000);
  await sensor.up();
});

test('a fleet that falls silent without a word is noticed within 3 s, and found again when it is back', async () => {
  const cable = await openCable(fleet.link.address.port);
  const far = await openTestSensor();
  try {
    await far.link.join({ token: fleet.token('EEEE-EEEE-EEEE') });
    await far.up();
    const member = (await far.membership()) as Record<string, unknown>;
    const [host, port] = cable.address.split(':');
    member['link'] = { host, port: Number(port) };
    await writeFile(`${far.dir}/fleet/membership.json`, JSON.stringify(member));
    await far.restart();
    await far.up();
    const changes: boolean[] = [];
    far.link.watch((up) => changes.push(up));
    cable.pull();
    await expect.poll(() => far.link.up, { timeout: 20_000, interval: 20 }).toBe(false);
    const { error } = far.link.status();
    expect(error?.code).toBe('FLEET_LINK_SILENT');
    // As the sensor measured it: what a loaded machine adds is not the silence of the fleet.
    const [, seconds] = /silent for ([0-9.]+) s/.exec(error?.message ?? '') ?? [];
    expect(Number(seconds)).toBeLessThan(3.6);
    cable.plug();
    await far.up(30_000);
    expect(changes).toEqual([false, true]);
  } finally {
    await far.dispose();
    await cable.dispose();
  }
});

test('a fleet that restarts is found again; a sensor that restarts takes its own place', async () => {
  await fleet.restartLink();
  await sensor.up();
  await expect.poll(() => fleet.link.links.attached(id), { timeout: 15_000 }).toBe(true);
  const again = attachedAgain();
  await sensor.restart();
  await again;
  await sensor.up();
});
