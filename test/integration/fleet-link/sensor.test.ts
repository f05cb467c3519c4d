import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BulkheadError, site, sitePaths, type Site } from '@bulkhead/platform/kernel';
import { main } from '../../../platform/cli/main.ts';
import { openApi } from '../../../platform/sensord/api.ts';
import type { FeatureContext } from '../../../platform/sensord/feature.ts';
import { fleetFeature, fleetOf, type FleetFeature } from '../../../platform/sensord/fleet-feature.ts';
import { openFleetBench, TEST_LOG, type FleetBench } from '../../support/fleet-link/fleet-bench.ts';

let fleet: FleetBench;
let dir: string;
let at: Site;
let feature: FleetFeature;
let api: { close: () => Promise<void> };
let changed: { document: string; author: string; reason: string }[];
let failure: Error | undefined;
const PERSON = { user: 'ada', roles: ['operator'] };

beforeEach(async () => {
  fleet = await openFleetBench();
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-fs-'));
  at = site({ prefix: 'b9', stateDir: join(dir, 'state'), runDir: join(dir, 'run') });
  [changed, failure] = [[], undefined];
  const status = async () => ({ sensor: 'lab', healthy: true, attention: feature.attention?.() ?? [] });
  feature = fleetFeature({
    site: at,
    log: TEST_LOG,
    rooms: { network: { checkDevice: async () => ({ ok: true }) } },
    configuration: {
      revisions: {
        current: { document: 'version: 1\nsensor: { name: lab }\n' },
        get: (number: number) => ({ revision: { number, basedOn: number - 1 } }),
      },
    },
    sensor: {
      desired: {
        instruments: [
          { name: 'rule-manager', enabled: true, rights: { ui: true } },
          { name: 'suricata', enabled: true, rights: { ui: false } },
          { name: 'asleep', enabled: false, rights: { ui: true } },
        ],
      },
    },
    changes: {
      apply: async (request: { document: string; author: string; reason: string }) => {
        changed.push(request);
        if (failure !== undefined) throw failure;
        return { changed: true, revision: 12 };
      },
    },
    status,
  } as unknown as FeatureContext);
  // The API that a sensor listens with, on a socket of its own.
  api = await openApi(sitePaths(at).sensordSocket, {
    log: TEST_LOG,
    status,
    routes: [(app: Parameters<NonNullable<FleetFeature['routes']>>[0]) => feature.routes?.(app)],
    instrumentLog: async (name: string, lines: number) => [`${name} ${String(lines)}`],
    restart: async () => undefined,
    reload: async () => ({ changed: false }),
    async *events(_filter: unknown, signal: AbortSignal) {
      for (let n = 0; !signal.aborted; n += 1) {
        yield { id: String(n), instrument: 'suricata', type: 'alert', time: '', record: {} };
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    shutdown: async () => undefined,
  } as unknown as Parameters<typeof openApi>[1]);
  await feature.start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await feature.stop();
  await api.close();
  await fleet.dispose();
  await rm(dir, { recursive: true, force: true });
});

async function bulkhead(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const written: { out: string; err: string } = { out: '', err: '' };
  const out = vi
    .spyOn(process.stdout, 'write')
    .mockImplementation((text) => ((written.out += String(text)), true));
  const err = vi
    .spyOn(process.stderr, 'write')
    .mockImplementation((text) => ((written.err += String(text)), true));
  const code = await main(['--socket', sitePaths(at).sensordSocket, ...args]);
  out.mockRestore();
  err.mockRestore();
  return { code, ...written };
}

async function joined(): Promise<string> {
  expect((await bulkhead('fleet', 'join', fleet.token())).code).toBe(0);
  await expect.poll(() => feature.up(), { timeout: 15_000 }).toBe(true);
  return feature.sensorId() ?? '';
}

test('bulkhead fleet: join, status and leave, for people and for programs', async () => {
  expect(await bulkhead('fleet', 'status')).toMatchObject({
    code: 0,
    out: expect.stringContaining('no fleet'),
  });
  expect(await bulkhead('fleet', 'join', 'nonsense')).toMatchObject({
    code: 1,
    err: expect.stringContaining('FLEET_LINK_TOKEN_INVALID'),
  });
  // From standard input, where no list of processes shows it.
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(
    Readable.from([Buffer.from(`${fleet.token()}\n`)]) as unknown as typeof process.stdin,
  );
  const join = await bulkhead('--json', 'fleet', 'join', '-', '--name', 'lab-7');
  expect(join.code).toBe(0);
  expect(JSON.parse(join.out)).toMatchObject({ joined: true, sensor: feature.sensorId() });
  expect(fleet.adopted).toMatchObject([{ name: 'lab-7' }]);
  await expect.poll(() => feature.up(), { timeout: 15_000 }).toBe(true);
  const { code, out } = await bulkhead('fleet', 'status');
  expect(code).toBe(0);
  expect(out).toContain('connected since');
  expect(out).toContain(feature.sensorId());
  expect(JSON.parse((await bulkhead('--json', 'fleet', 'status')).out)).toMatchObject({ state: 'up' });
  expect((await bulkhead('fleet', 'join', fleet.token('BBBB-BBBB-BBBB'))).err).toContain('--replace');
  expect((await bulkhead('fleet', 'leave')).code).toBe(0);
  expect(await bulkhead('fleet', 'leave')).toMatchObject({
    code: 1,
    err: expect.stringContaining('FLEET_LINK_NOT_JOINED'),
  });
});

test("what the fleet asks is answered by the sensor's own API, streams and errors included", async () => {
  const id = await joined();
  const { links } = fleet.link;
  const get = (path: string) => links.collect(id, { method: 'GET', path, ...PERSON });
  expect(await get('/v1/status')).toMatchObject({ status: 200, json: { sensor: 'lab' } });
  expect(await get('/v1/instruments/suricata/log?lines=3')).toMatchObject({
    json: { lines: ['suricata 3'] },
  });
  expect(await get('/v1/instruments/suricata/log?lines=x')).toMatchObject({
    status: 400,
    json: { error: { code: 'SENSORD_REQUEST_INVALID' } },
  });
  const answer = await links.ask(id, { method: 'GET', path: '/v1/events?follow=1', ...PERSON });
  let text = '';
  for await (const part of answer) {
    text += part.toString();
    if (text.includes('"id":"5"')) break;
  }
  expect(text.trim().split('\n').length).toBeGreaterThan(5);
});

test('the configuration of the fleet is a change of the sensor, in the name of the person', async () => {
  const id = await joined();
  const yaml = 'version: 1\nsensor: { name: lab }\nmonitorInterfaces: [{ name: mon, device: tap9 }]\n';
  const desired = { revision: 1, yaml, author: 'ada', reason: 'tap' };
  expect(await fleet.link.links.desire(id, desired)).toEqual({ revision: 1, ok: true, sensorRevision: 12 });
  expect(changed).toMatchObject([
    { document: yaml, author: 'fleet/ada', reason: 'tap (fleet revision 1)', origin: 'apply' },
  ]);
  failure = new BulkheadError({
    code: 'SENSORD_CONFIG_ROLLED_BACK',
    message: 'suricata did not start',
    fields: { revision: 13, rolledBackTo: 12 },
  });
  expect(await fleet.link.links.desire(id, { ...desired, revision: 2 })).toMatchObject({
    ok: false,
    code: 'SENSORD_CONFIG_ROLLED_BACK',
  });
  // The sensor ends: that is nothing that the configuration did.
  failure = Object.assign(new Error('aborted'), { name: 'AbortError' });
  const third = fleet.link.links.desire(id, { ...desired, revision: 3 }).catch((error: unknown) => error);
  await expect.poll(() => changed.length, { timeout: 10_000 }).toBe(3);
  await feature.stop();
  await third;
  const left = feature.attention?.() ?? [];
  expect(left.filter((line) => line.includes('revision 3'))).toEqual([]);
});

test('pages are those of instruments that are granted one, by the socket that only root may use', async () => {
  const id = await joined();
  const page = createServer((request, response) => response.end(request.url));
  await mkdir(sitePaths(at).pagesDir, { recursive: true });
  await new Promise<void>((resolve) => page.listen(sitePaths(at).pageSocket('rule-manager'), resolve));
  try {
    const { links } = fleet.link;
    const tunnel = await links.openTunnel(id, { instrumentUi: 'rule-manager' }, PERSON);
    tunnel.write('GET /deploy HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    let text = '';
    tunnel.on('data', (data: Buffer) => (text += data.toString()));
    await once(tunnel, 'end');
    expect(text).toContain('/deploy');
    for (const instrumentUi of ['suricata', 'asleep', 'nobody']) {
      await expect(links.openTunnel(id, { instrumentUi }, PERSON)).rejects.toMatchObject({
        code: 'FLEET_LINKS_TUNNEL_REFUSED',
      });
    }
  } finally {
    page.closeAllConnections();
    await new Promise((resolve) => page.close(resolve));
  }
});

test('other features find the link, and hear when it comes and goes', async () => {
  expect(fleetOf([feature])).toBe(feature);
  expect(fleetOf([])).toBeUndefined();
  const heard: boolean[] = [];
  const end = feature.watch((up) => heard.push(up));
  await joined();
  await fleet.stopLink();
  await expect.poll(() => heard, { timeout: 15_000 }).toEqual([true, false]);
  end();
  await expect(feature.notify({ kind: 'test' })).rejects.toMatchObject({ code: 'FLEET_LINK_DOWN' });
});
