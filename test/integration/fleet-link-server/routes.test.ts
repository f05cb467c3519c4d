import { afterEach, beforeEach, expect, test } from 'vitest';
import { linkFeature, LiveHub } from '@bulkhead/fleet-server/link';
import { openWeb, type FleetFeature, type Person, type Web } from '@bulkhead/fleet-server/web';
import { openLog, waitFor } from '@bulkhead/platform/kernel';
import { openLinkBench, type LinkBench } from '../../support/fleet/link-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const A = testSensorId(1);
const B = testSensorId(2);
const API = `/api/v1/sensors/${A}/api/v1`;

let bench: LinkBench;
let web: Web;
let live: LiveHub;
let base = '';
let rightsChanged: () => void = () => undefined;
const audited: string[] = [];
beforeEach(async () => {
  audited.length = 0;
  bench = await openLinkBench();
  live = new LiveHub();
  const feature = linkFeature({
    // The bench started it already.
    server: Object.create(bench.server, { start: { value: async () => undefined } }) as LinkBench['server'],
    live,
    nameOf: () => 'lab',
    onRightsChange: (listener) => (rightsChanged = listener),
  });
  const people: FleetFeature = {
    ...{ name: 'people', start: async () => undefined, stop: async () => undefined },
    guard: {
      // Rights as `right` (everywhere) or `right@sensor`.
      onRequest: async (request) => {
        const rights = String(request.headers['x-rights'] ?? '').split(',');
        const may: Person['may'] = (right, sensor) =>
          rights.some((one) => one === right || one === `${right}@${sensor ?? ''}`);
        request.person = { id: 'p1', name: 'ann', roles: ['admin'], may };
      },
      // What the audit log is told.
      onResponse: async (request) => {
        const { audit } = request.routeOptions.config;
        if (audit !== undefined) audited.push(`${audit} ${request.audited?.target ?? ''}`.trim());
      },
    },
  };
  web = await openWeb({
    log: openLog('web', 'silent'),
    ...{ version: '0.1.0', tls: undefined, knowsHost: () => true, instrumentHosts: '*.localhost' },
    ...{ features: [people, feature], pagesDir: undefined },
  });
  await feature.start();
  base = `http://127.0.0.1:${String(await web.listen('127.0.0.1', 0))}`;
});
afterEach(async () => {
  live.stop();
  await web.close();
  await bench.dispose();
});

const get = (path: string, rights: string, init: RequestInit = {}) =>
  fetch(base + path, { ...init, headers: { 'x-rights': rights, ...init.headers } });
const post = (path: string, rights: string, body: string, type = 'application/json') =>
  get(path, rights, { method: 'POST', body, headers: { 'content-type': type } });

test('the status of a sensor, whether it is there, was there, or never was', async () => {
  const status = `/api/v1/sensors/${A}/status`;
  expect((await get(status, 'events.read')).status).toBe(403);
  expect((await get(status, `sensors.read@${B}`)).status).toBe(403);
  const never = await get(status, `sensors.read@${A}`);
  expect(await never.json()).toEqual({
    link: { sensor: A, attached: false, clockWrong: false, tunnels: 0 },
    statusUnreadable: false,
  });
  const sensor = await bench.sensor(1);
  await sensor.attach();
  sensor.sendState({ sensor: 'lab', healthy: true, instruments: [{ name: 'suricata', fresh: 'news' }] });
  await waitFor('the state', 5_000, () => bench.server.links.state(A).status);
  expect(await (await get(status, 'sensors.read')).json()).toMatchObject({
    link: { attached: true, version: '0.1.0' },
    status: { sensor: 'lab', instruments: [{ name: 'suricata', fresh: 'news' }] },
  });
});

test('how all sensors are, in one answer, each only for whoever may read there', async () => {
  const all = '/api/v1/sensors/status';
  const briefs = async (rights: string) =>
    ((await (await get(all, rights)).json()) as { sensors: Record<string, unknown>[] }).sensors;
  expect((await get(all, 'events.read')).status).toBe(403);
  expect(await briefs('sensors.read')).toEqual([]);
  const [first, second] = [await bench.sensor(1), await bench.sensor(2)];
  await Promise.all([first.attach(), second.attach()]);
  first.sendState({
    ...{ healthy: false, attention: ['x'], instruments: [{ name: 'suricata', state: 'held' }] },
    monitors: [
      { name: 'mon', check: { state: 'missed' }, packets: { received: 10, lost: 1, framesSent: 0 } },
    ],
  });
  await waitFor('the state', 5_000, () => bench.server.links.state(A).status);
  const seen = await briefs('sensors.read');
  expect(seen.map(({ sensor }) => sensor).sort()).toEqual([A, B].sort());
  expect(seen.find(({ sensor }) => sensor === A)).toMatchObject({
    ...{ attached: true, healthy: false, attention: 1, received: 10, lost: 1, check: 'blind' },
    instrumentsDown: 1,
  });
  // Nothing was said by the other yet.
  expect(seen.find(({ sensor }) => sensor === B)).toMatchObject({
    attached: true,
    attention: 0,
    received: 0,
  });
  // Narrowed to one sensor, and so held somewhere.
  expect((await briefs(`sensors.read@,sensors.read@${B}`)).map(({ sensor }) => sensor)).toEqual([B]);
});

test('who looks into what a sensor keeps of events is in the audit log, with what they looked for', async () => {
  await (await bench.sensor(1)).attach();
  for (const path of [
    'search?text=anna&limit=50&cursor=abc',
    'search/export?text=anna',
    'data/find?subject=ip:10.0.0.7',
    'dns/lookup?query=10.0.0.7',
    'search/histogram',
    'status',
  ]) {
    await (await get(`${API}/${path}`, 'events.read,sensors.read')).text();
  }
  await waitFor('what was asked', 5_000, () => audited.length >= 4);
  expect(audited).toEqual([
    `sensor.search ${A} text=anna`,
    `sensor.search.export ${A} text=anna`,
    `sensor.data-find ${A} subject=ip:10.0.0.7`,
    'sensor.dns-lookup',
  ]);
});

test('a sensor’s own API by way of the fleet: each method and path needs its right, there', async () => {
  await (await bench.sensor(1)).attach();
  const allowed: [string, string, string][] = [
    ['GET', 'status', 'sensors.read'],
    ['GET', 'events?type=alert', 'events.read'],
    ['GET', 'search/histogram', 'events.read'],
    ['POST', 'instruments/suricata/restart', 'sensors.operate'],
    ['POST', 'grants/give', 'sensors.configure'],
  ];
  const ask = (method: string, path: string, rights: string) =>
    method === 'GET' ? get(`${API}/${path}`, rights) : post(`${API}/${path}`, rights, '{"reason":"why"}');
  const rights = ['sensors.read', 'events.read', 'sensors.operate', 'sensors.configure', 'audit.read'];
  for (const [method, path, right] of allowed) {
    for (const other of rights) {
      const expected = other === right ? 200 : 403;
      expect((await ask(method, path, `${other}@${A}`)).status, `${method} ${path} with ${other}`).toBe(
        expected,
      );
    }
    expect((await ask(method, path, `${right}@${B}`)).status).toBe(403);
  }
  const asked = (await (
    await ask(
      'POST',
      'instruments/suricata/restart',
      `sensors.operate@${A},sensors.read@${A},settings.manage@${B}`,
    )
  ).json()) as { user: string; roles: string[]; path: string; bodyJson: { data: number[] } };
  expect(asked).toMatchObject({
    path: '/v1/instruments/suricata/restart',
    user: 'ann',
    // An administrator who may no more than this here.
    roles: ['operator'],
  });
  expect(Buffer.from(asked.bodyJson.data).toString()).toBe('{"reason":"why"}');
});

test('what is no plain path, no known method, no JSON or too large is refused before a sensor is asked', async () => {
  const sensor = await bench.sensor(1);
  await sensor.attach();
  const all = 'sensors.read,events.read,sensors.operate,sensors.configure';
  for (const path of ['a%20b', 'eve%6Ets', 'a//b', 'a/.hidden', 'a;b', 'x'.repeat(65), '~', 'a/']) {
    expect((await get(`${API}/${path}`, all)).status, path).toBe(400);
  }
  expect((await get(`${API}/status`, all, { method: 'DELETE' })).status).toBe(404);
  expect((await get(`${API}/status`, all, { method: 'HEAD' })).status).toBe(404);
  expect((await post(`${API}/x`, all, 'a=1', 'application/x-www-form-urlencoded')).status).toBe(415);
  expect((await post(`${API}/x`, all, '[1]')).status).toBe(400);
  expect((await post(`${API}/x`, all, JSON.stringify({ a: 'x'.repeat(200 << 10) }))).status).toBe(413);
  expect((await get(`/api/v1/sensors/nobody/api/v1/status`, all)).status).toBe(400);
  expect(sensor.received.filter(({ $case }) => $case === 'ask')).toEqual([]);
  expect((await get(`/api/v1/sensors/${B}/api/v1/status`, all)).status).toBe(503);
});

test('lines stream through as they come; a reader that leaves cancels the question', async () => {
  let cancelled = false;
  const sensor = await bench.sensor(1, {
    answer: (_ask, signal) => {
      signal.addEventListener('abort', () => (cancelled = true));
      return {
        status: 200,
        body: (async function* () {
          yield Buffer.from('{"n":1}\n');
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
          yield Buffer.from('{"n":2}\n');
        })(),
      };
    },
  });
  await sensor.attach();
  const reply = await get(`${API}/events?follow=1`, 'events.read');
  expect(reply.headers.get('content-type')).toBe('application/x-ndjson');
  const reader = reply.body!.getReader();
  const { value } = (await reader.read()) as { value: Uint8Array };
  expect(Buffer.from(value).toString()).toBe('{"n":1}\n');
  await reader.cancel();
  await waitFor('the sensor to be told', 5_000, () => cancelled);
});

test('an answer of the sensor that is no success comes with its status, as JSON', async () => {
  const body = [Buffer.from('{"error":{"code":"FLEET_LINK_ASK_FORBIDDEN"}}')];
  await (await bench.sensor(1, { answer: () => ({ status: 403, body }) })).attach();
  const reply = await get(`${API}/events`, 'events.read');
  expect(reply.status).toBe(403);
  expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(await reply.json()).toEqual({ error: { code: 'FLEET_LINK_ASK_FORBIDDEN' } });
});

test('what changes is told to open pages, to each what they may see; new rights end the stream', async () => {
  const abort = new AbortController();
  const reply = await get('/api/v1/live', `sensors.read@${A}`, { signal: abort.signal });
  expect(reply.headers.get('content-type')).toBe('text/event-stream');
  let text = '';
  const ended = (async () => {
    for await (const part of reply.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(part).toString();
    }
  })();
  await (await bench.sensor(2)).attach();
  const sensor = await bench.sensor(1);
  await sensor.attach();
  sensor.sendState({ healthy: false, attention: ['a', 'b'] });
  await waitFor('the state', 5_000, () => text.includes('sensor.state'));
  sensor.send({
    $case: 'notice',
    value: { noticeJson: Buffer.from('{"kind":"right-asked","instrument":"x"}') },
  });
  await waitFor('the notice', 5_000, () => text.includes('right-asked'));
  sensor.close();
  await waitFor('that it left', 5_000, () => text.includes('sensor.detached'));
  const events = [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!) as object);
  expect(events).toMatchObject([
    { kind: 'hello' },
    { kind: 'sensor.attached', sensor: A },
    { kind: 'sensor.state', sensor: A, healthy: false, attention: 2 },
    { kind: 'sensor.notice', sensor: A, notice: { kind: 'right-asked', instrument: 'x' } },
    { kind: 'sensor.detached', sensor: A, code: 'FLEET_LINKS_CLOSED' },
  ]);
  expect(text).not.toContain(B);
  rightsChanged();
  await ended;
});
