import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { DownloadJobsRequestSchema } from '@bulkhead/sdk';
import {
  DownloadAskSchema,
  DownloadGrantSchema,
  ManifestSchema,
  SensorConfigSchema,
} from '@bulkhead/platform/contracts';
import { openLog } from '@bulkhead/platform/kernel';
import { desiredState, type DesiredState } from '../../../platform/sensord/desired.ts';
import { allowedDelivery } from '../../../platform/sensord/deliveries/target.ts';
import { DownloadDecisions } from '../../../platform/sensord/downloads/decisions.ts';
import { compileJobs, fetchProblems } from '../../../platform/sensord/downloads/jobs.ts';
import { downloadAttention, downloadViews } from '../../../platform/sensord/downloads/overview.ts';
import { MAX_REQUESTED, WantedDownloads } from '../../../platform/sensord/downloads/wanted.ts';

const FEED = { name: 'feed', url: 'https://feeds.example.org/a.txt', as: 'a.txt' };
const MIB = 1 << 20;

/** A sensor with a downloader, somebody who wants files, and whatever is said about them. */
function sensor(
  grants: Record<string, unknown> = {},
  more: { asks?: Record<string, unknown>; fetchers?: string[]; enabled?: boolean } = {},
): DesiredState {
  const manifest = (name: string, asks: Record<string, unknown>) =>
    ManifestSchema.parse({
      apiVersion: 'bulkhead/1',
      name,
      version: '0.1.0',
      title: name,
      description: name,
      image: 'base',
      command: ['/bin/true'],
      asks,
      volume: { sizeMib: 32 },
      limits: { memoryMib: 64, cpuCores: 1, processes: 8, openFiles: 64 },
    });
  const config = SensorConfigSchema.parse({
    version: 1,
    sensor: { name: 'lab' },
    instruments: [
      ...(more.fetchers ?? ['downloader']).map((name) => ({
        name,
        package: 'downloader',
        grants: { fetch: true },
      })),
      { name: 'ids', package: 'ids', enabled: more.enabled ?? true, grants },
    ],
  });
  return desiredState(config, (name) => ({
    manifest: manifest(
      name,
      name === 'downloader'
        ? { fetch: true, deliver: [{ to: 'ids' }] }
        : (more.asks ?? { requestsDownloads: true }),
    ),
    appDir: '/apps/x',
    digest: 'd',
    image: { file: '/i', fingerprint: 'f' },
  }));
}

const grant = (values: Record<string, unknown> = {}) => DownloadGrantSchema.parse({ ...FEED, ...values });

test('jobs are the approved downloads of enabled instruments, as the sdk takes them, within what a delivery may have', () => {
  const downloads = [
    grant({ redirectHosts: ['cdn.example.org'], everyS: 0, maxMib: 1 }),
    grant({ name: 'large', maxMib: 4096, privateAddresses: true, sha256: 'a'.repeat(64), ca: 'PEM' }),
  ];
  const { list, leftOut } = compileJobs(sensor({ downloads }), {
    host: 'proxy.example.org',
    port: 3128,
    privateAddress: true,
  });
  expect(leftOut).toEqual([]);
  expect(DownloadJobsRequestSchema.parse(list)).toEqual(list);
  expect(list).toEqual({
    jobs: [
      {
        id: 'ids/feed',
        for: 'ids',
        url: FEED.url,
        redirectHosts: ['cdn.example.org'],
        everyS: 0,
        maxBytes: MIB,
        privateAddresses: false,
      },
      {
        id: 'ids/large',
        for: 'ids',
        url: FEED.url,
        redirectHosts: [],
        everyS: 86_400,
        maxBytes: 256 * MIB,
        sha256: 'a'.repeat(64),
        ca: 'PEM',
        privateAddresses: true,
      },
    ],
    proxy: { host: 'proxy.example.org', port: 3128, privateAddress: true },
  });
  expect(compileJobs(sensor({ downloads }, { enabled: false }), undefined).list).toEqual({ jobs: [] });
  const notAsked = sensor(
    { downloads },
    { asks: { downloads: [{ ...FEED, url: 'https://other.example.org/' }] } },
  );
  expect(compileJobs(notAsked, undefined).list.jobs, 'granted, but not asked for').toEqual([]);
});

test('a list that would be too large for the bus is cut, and what is left out is named', () => {
  const downloads = Array.from({ length: 10 }, (_, number) =>
    grant({ name: `d${String(number)}`, ca: 'x'.repeat(40_000) }),
  );
  const { list, leftOut } = compileJobs(sensor({ downloads }), undefined);
  expect(Buffer.byteLength(JSON.stringify(list))).toBeLessThan(256 * 1024);
  expect(list.jobs.length + leftOut.length).toBe(10);
  expect(leftOut).toContain('ids/d9');
});

test('that nobody fetches, or several may, is said', () => {
  const downloads = [grant()];
  expect(fetchProblems(sensor({ downloads }), 1)).toEqual([]);
  expect(fetchProblems(sensor({ downloads }, { fetchers: [] }), 1)).toEqual([
    'downloads are approved, and no instrument may fetch them',
  ]);
  expect(fetchProblems(sensor({}, { fetchers: ['downloader', 'second'] }), 0)).toEqual([
    'only downloader fetches downloads; second may too, and does not',
  ]);
});

test('a delivery for a download goes where it was approved for, and comes from the one that fetches', () => {
  const desired = sensor(
    { downloads: [grant({ maxMib: 2, sha256: 'a'.repeat(64) })] },
    { fetchers: ['downloader', 'second'] },
  );
  const payload = { sha256: 'a'.repeat(64), bytes: 5, download: 'ids/feed' };
  expect(allowedDelivery(desired, 'downloader', payload)).toEqual({
    to: 'ids',
    as: 'a.txt',
    sha256: 'a'.repeat(64),
    bytes: 5,
    maxBytes: 2 * MIB,
    announce: true,
    remove: [],
    download: 'ids/feed',
  });
  const refused = (from: string, value: unknown) => {
    try {
      return allowedDelivery(desired, from, value);
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  expect(refused('second', payload)).toBe('SENSORD_DELIVERY_NOT_GRANTED');
  expect(refused('ids', payload)).toBe('SENSORD_DELIVERY_NOT_GRANTED');
  expect(refused('downloader', { ...payload, download: 'ids/other' })).toBe('SENSORD_DELIVERY_NOT_GRANTED');
  expect(refused('downloader', { ...payload, sha256: 'b'.repeat(64) })).toBe('SENSORD_DELIVERY_DIGEST');
  expect(refused('downloader', { ...payload, as: 'elsewhere' })).toBe('SENSORD_REQUEST_INVALID');
  const direct = { sha256: 'a'.repeat(64), bytes: 5, to: 'ids', as: 'x' };
  expect(refused('downloader', direct), 'asked for, not granted').toBe('SENSORD_DELIVERY_NOT_GRANTED');
  for (const odd of [
    null,
    'x',
    [],
    {},
    { ...direct, bytes: -1 },
    { ...direct, to: '../x' },
    { ...direct, more: 1 },
  ])
    expect(refused('downloader', odd)).toBe('SENSORD_REQUEST_INVALID');
});

const DOCUMENT = `# of the ward
version: 1
sensor: { name: lab }
instruments:
  - name: downloader # the way out
    package: downloader
    grants: { fetch: true }
  # sees everything
  - name: ids
    package: ids
`;

test('an approval and its end are edits of the document in force; comments and the rest stay', async () => {
  let document = DOCUMENT;
  const reasons: string[] = [];
  const told: unknown[] = [];
  const config = () => SensorConfigSchema.parse(parse(document));
  const wanted = await wantedAt(T1);
  const desired = () => ({
    ...sensor(),
    instruments: sensor(config().instruments[1]?.grants ?? {}, { asks: { downloads: [FEED] } }).instruments,
  });
  await wanted.follow(desired().instruments, new Set());
  const decisions = new DownloadDecisions({
    wanted,
    desired,
    configuration: { withhold: () => () => undefined },
    changes: {
      apply: ({ document: next, reason }) => {
        const before = document;
        document = typeof next === 'string' ? next : next(document);
        reasons.push(reason);
        return Promise.resolve({ changed: before !== document, revision: reasons.length });
      },
    },
    publish: (type, { decision }) => told.push([type, decision]),
  });
  const which = { instrument: 'ids', name: 'feed', author: 'ada', reason: '' };
  const approved = () => config().instruments[1]?.grants.downloads;
  const ca = '-----BEGIN X-----\nabc\n-----END X-----\n';
  expect(await decisions.approve({ ...which, ca, everyS: 60 })).toEqual({ changed: true, revision: 1 });
  expect(approved()).toEqual([grant({ ca, everyS: 60 })]);
  for (const comment of ['# of the ward', '# the way out', '# sees everything'])
    expect(document).toContain(comment);
  expect(reasons).toEqual([`the download ids/feed (${FEED.url}) is approved`]);
  await decisions.approve({ ...which, redirectHosts: ['cdn.example.org'] });
  // What was said of the same address holds on.
  expect(approved()).toEqual([grant({ ca, everyS: 60, redirectHosts: ['cdn.example.org'] })]);
  await expect(decisions.approve({ ...which, name: 'other' })).rejects.toMatchObject({
    code: 'SENSORD_DOWNLOAD_UNKNOWN',
  });
  await decisions.refuse({ ...which, reason: 'no' });
  expect(wanted.find('ids', 'feed')).toMatchObject({ refused: { by: 'ada', reason: 'no' } });
  await decisions.approve(which);
  expect(wanted.find('ids', 'feed'), 'approved after all').not.toHaveProperty('refused');
  await decisions.revoke(which);
  expect(approved()).toEqual([]);
  await expect(decisions.revoke(which)).rejects.toMatchObject({ code: 'SENSORD_DOWNLOAD_UNKNOWN' });
  expect(told).toEqual(
    ['approved', 'approved', 'refused', 'approved', 'revoked'].map((decision) => [
      'download.decided',
      decision,
    ]),
  );
});

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bh-wanted-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function wantedAt(time: string): Promise<WantedDownloads> {
  const wanted = new WantedDownloads(
    join(dir, 'wanted.json'),
    openLog('downloads', 'silent'),
    () => new Date(time),
  );
  await wanted.open();
  return wanted;
}

const T1 = '2026-01-01T00:00:00.000Z';
const T2 = '2026-01-02T00:00:00.000Z';

test('what a manifest asks for waits since it was first seen, over restarts, until it asks for something else', async () => {
  const asking = (url: string) => sensor({}, { asks: { downloads: [{ ...FEED, url }] } }).instruments;
  await (await wantedAt(T1)).follow(asking('https://a.example.org/'), new Set());
  const later = await wantedAt(T2);
  await later.follow(asking('https://a.example.org/'), new Set());
  expect(later.list()).toMatchObject([{ instrument: 'ids', name: 'feed', asked: 'manifest', since: T1 }]);
  await later.judge('ids', 'feed', { by: 'ada', reason: 'no' });
  await later.follow(asking('https://a.example.org/'), new Set());
  expect(later.find('ids', 'feed')).toMatchObject({ refused: { by: 'ada', at: T2, reason: 'no' } });
  await later.follow(asking('https://b.example.org/'), new Set());
  expect(later.find('ids', 'feed')).toMatchObject({ since: T2, url: 'https://b.example.org/' });
  expect(later.find('ids', 'feed')).not.toHaveProperty('refused');
  await later.follow([], new Set(['ids']));
  expect(later.list(), 'its package cannot be read at the moment').toHaveLength(1);
  await later.follow([], new Set());
  expect(later.list()).toEqual([]);
});

test('what is asked for by message is bounded; what was decided makes room, what waits does not', async () => {
  const wanted = await wantedAt(T1);
  const [, ids] = sensor().instruments;
  if (ids === undefined) throw new Error('there is no ids');
  const ask = (name: string) => wanted.request(ids, DownloadAskSchema.parse({ ...FEED, name }), 'because');
  for (let number = 0; number < MAX_REQUESTED; number += 1) await ask(`d${String(number)}`);
  expect(await ask('d0'), 'the same again').toBe(false);
  await expect(ask('more')).rejects.toMatchObject({ code: 'SENSORD_DOWNLOAD_LIMIT' });
  await wanted.judge('ids', 'd3', { by: 'ada', reason: '' });
  expect(await ask('more')).toBe(true);
  expect(wanted.find('ids', 'd3')).toBeUndefined();
  await wanted.withdraw('ids', 'd4');
  expect(await ask('again')).toBe(true);
  expect((await wantedAt(T2)).list()).toEqual(wanted.list());
  const [, named] = sensor({}, { asks: { requestsDownloads: true, downloads: [FEED] } }).instruments;
  if (named === undefined) throw new Error('there is no ids');
  await expect(wanted.request(named, DownloadAskSchema.parse(FEED), '')).rejects.toMatchObject({
    code: 'SENSORD_REQUEST_INVALID',
  });
});

test('a damaged list is set aside, and what is wanted is taken up anew', async () => {
  await writeFile(join(dir, 'wanted.json'), '{"version":1,"wanted":[{}]}');
  const wanted = await wantedAt(T1);
  expect(wanted.list()).toEqual([]);
  expect(await readFile(join(dir, 'wanted.json.damaged'), 'utf8')).toContain('wanted');
});

test('the overview joins what is wanted, what was approved and how it goes', () => {
  const wish = (name: string, url: string) => ({
    instrument: 'ids',
    ...DownloadAskSchema.parse({ ...FEED, name, url }),
    why: '',
    asked: 'message' as const,
    since: T1,
  });
  const refused = { by: 'ada', at: T2, reason: '' };
  const desired = sensor({
    downloads: [grant(), grant({ name: 'moved', ca: 'PEM' }), grant({ name: 'silent' })],
  });
  const views = downloadViews(
    desired,
    [wish('feed', FEED.url), wish('moved', 'https://b.example.org/'), { ...wish('no', FEED.url), refused }],
    [
      { id: 'ids/feed', state: 'failed', failures: 3, code: 'X', message: 'it is gone' },
      { id: 'ids/unknown', state: 'fresh', failures: 0 },
    ],
  );
  expect(views.map(({ id, approval }) => [id, approval])).toEqual([
    ['ids/feed', 'approved'],
    ['ids/moved', 'waiting'],
    ['ids/no', 'refused'],
    ['ids/silent', 'approved'],
  ]);
  expect(views[0]?.status).toEqual({ state: 'failed', failures: 3, code: 'X', message: 'it is gone' });
  expect(views[1]?.approved).toMatchObject({ url: FEED.url, ca: true });
  expect(downloadAttention(views)).toEqual([
    'downloads wait for approval: ids/moved (`bulkhead downloads approve` or `refuse`)',
    'the download ids/feed failed 3 times: it is gone',
  ]);
});
