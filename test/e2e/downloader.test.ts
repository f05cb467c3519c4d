import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ActiveRig, OUTSIDE } from '../integration/network/active-fixture.ts';
import { bundleProgram } from '../support/bundle-program.ts';
import { openFeedSite, type FeedSite } from '../support/feed-site.ts';
import { startTestSensor, type TestSensor } from '../support/sensor.ts';

const DNS = '127.77.0.54';
const PORT = 8443;
const HOST = 'feed.site.example';

/** An instrument that reads a file from elsewhere, and says what it got. */
const READER = `
import { readFileSync } from 'node:fs';
import { openInstrument } from '../instruments/sdk/src/index.ts';
const instrument = await openInstrument();
instrument.health(() => ({ state: 'ok' }));
instrument.onResources(async () => {
  await instrument.publish('feed.read', { text: readFileSync(instrument.resourcesDir + '/feed.txt', 'utf8') });
  return { ok: true };
});
`;

const MANIFEST = `apiVersion: bulkhead/1
name: reader
version: 0.1.0
title: Reader
description: Reads a feed.
image: base
command: [/usr/bin/node, /opt/instrument/main.mjs]
asks:
  publish: [feed.read]
  requestsDownloads: true
volume:
  sizeMib: 64
limits:
  memoryMib: 256
  cpuCores: 1
  processes: 32
  openFiles: 256
`;

let rig: ActiveRig;
let dir: string;
let feed: FeedSite;
let sensor: TestSensor;

interface Wanted {
  name: string;
  path: string;
  host?: string;
  ca?: string;
}

function config(downloads: readonly Wanted[]) {
  return {
    version: 1,
    sensor: { name: 'lab' },
    detectionCheck: { enabled: false },
    dns: { servers: [DNS] },
    activeInterfaces: [{ name: 'out', kind: 'bridged', device: rig.bridge }],
    instruments: [
      {
        name: 'downloader',
        package: 'downloader',
        active: { net0: { interface: 'out', address: '10.77.0.10/24', gateway: OUTSIDE.gateway } },
        grants: { publish: ['download.finished', 'download.failed'], fetch: true },
      },
      {
        name: 'reader',
        package: 'reader',
        grants: {
          publish: ['feed.read'],
          downloads: downloads.map(({ name, path, host = HOST, ca = feed.ca }) => ({
            ...{ name, url: `https://${host}:${String(PORT)}${path}`, as: `${name}.txt` },
            ...{ everyS: 3600, maxMib: 1, ca },
          })),
        },
      },
    ],
  };
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-b68-'));
  const apps = join(dir, 'apps');
  await mkdir(join(apps, 'reader'), { recursive: true });
  await writeFile(join(apps, 'reader', 'instrument.yaml'), MANIFEST);
  await bundleProgram(READER, join(apps, 'reader', 'main.mjs'));
  const built = fileURLToPath(new URL('../../build/apps/downloader', import.meta.url));
  await cp(built, join(apps, 'downloader'), { recursive: true });
  rig = await ActiveRig.open('b67');
  await rig.useBridge();
  feed = await openFeedSite({
    ...{ folder: dir, namespace: rig.namespace('lan'), port: PORT, dns: DNS },
    hosts: [HOST, 'inner.site.example'],
    // A public address outside, and one of the network that the sensor itself stands in.
    names: { [HOST]: [OUTSIDE.web], 'inner.site.example': [OUTSIDE.neighbour] },
  });
  sensor = await startTestSensor('b68', config([{ name: 'feed', path: '/feed.txt' }]), apps);
}, 240_000);

afterAll(async () => {
  // Each on its own: what one leaves the others must not.
  feed.close();
  const ends = [() => sensor.remove(), () => rig.close()];
  const ended = await Promise.allSettled(ends.map(async (end) => end()));
  await rm(dir, { recursive: true, force: true });
  expect(ended.filter(({ status }) => status === 'rejected')).toEqual([]);
}, 180_000);

const read = (text: string) =>
  sensor.event(`the feed "${text}"`, { type: 'feed.read' }, ({ record }) => record['text'] === text);
const failed = (id: string) =>
  sensor.event(`the failure of ${id}`, { type: 'download.failed' }, ({ record }) => record['id'] === id);
const now = (name: string) => sensor.client.post('/downloads/now', { instrument: 'reader', name });

test('an approved file is fetched over TLS, delivered by the platform, announced, and read by who asked for it', async () => {
  await sensor.healthy();
  await now('feed');
  await read('first');
  const sha256 = createHash('sha256').update('first').digest('hex');
  const finished = await sensor.event('the end', { type: 'download.finished' }, () => true);
  expect(finished.record).toMatchObject({ id: 'reader/feed', for: 'reader', bytes: 5, sha256, status: 200 });
  await now('feed');
  await expect.poll(() => feed.requests(), { timeout: 30_000 }).toContain(`/feed.txt "${sha256}"`);
  await feed.publish('second');
  await now('feed');
  await read('second');
  expect(await sensor.stored({ type: 'feed.read' })).toHaveLength(2);
}, 180_000);

test('ABUSE 27: from inside the sensor neither a redirect, nor a name, nor another authority leads elsewhere', async () => {
  await sensor.configure(
    config([
      { name: 'feed', path: '/feed.txt' },
      { name: 'away', path: '/away' },
      { name: 'inner', path: '/feed.txt', host: 'inner.site.example' },
      { name: 'unknown', path: '/feed.txt', host: 'unknown.site.example' },
      { name: 'endless', path: '/endless' },
    ]),
  );
  await sensor.client.reload();
  expect((await failed('reader/away')).record).toMatchObject({ code: 'DOWNLOADER_REDIRECT_REFUSED' });
  expect((await failed('reader/inner')).record).toMatchObject({ code: 'DOWNLOADER_NOT_RESOLVED' });
  expect((await failed('reader/unknown')).record).toMatchObject({ code: 'DOWNLOADER_NOT_RESOLVED' });
  expect((await failed('reader/endless')).record).toMatchObject({ code: 'DOWNLOADER_TOO_LARGE' });
  const asked = feed.requests();
  expect(asked.filter((line) => line.startsWith('/away'))).not.toEqual([]);
  const status = await sensor.status();
  expect(status.instruments.find(({ name }) => name === 'downloader')).toMatchObject({ health: 'degraded' });
  expect(status.instruments.find(({ name }) => name === 'reader')).toMatchObject({ health: 'ok' });
}, 120_000);
