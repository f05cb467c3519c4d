import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { bundleProgram } from './bundle-program.ts';

const COMMON = {
  apiVersion: 'bulkhead/1',
  version: '0.1.0',
  description: 'Only for tests.',
  image: 'base',
  command: ['/usr/bin/node', '/opt/instrument/main.mjs'],
  limits: { memoryMib: 384, cpuCores: 1, processes: 32, openFiles: 256 },
};

/**
 * Hands files to others, as its plan says: the file `plan.json` among its resources is read at every change, and each step that is
 * new is done; what came of it is published.
 */
const COURIER = `
import { openInstrument } from '@bulkhead/sdk';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const instrument = await openInstrument();
instrument.health(() => ({ state: 'ok' }));
const outbox = join(instrument.persistentDir, 'outbox');
await mkdir(outbox, { recursive: true });
const done = new Set();
const tell = (record) => instrument.publish('result', record);
const work = async () => {
  const plan = JSON.parse(await readFile(join(instrument.resourcesDir, 'plan.json'), 'utf8').catch(() => '[]'));
  for (const { id, service, content, repeat = 1, timeoutMs = 60_000, ...payload } of plan) {
    if (done.has(id)) continue;
    done.add(id);
    const file = {};
    if (content !== undefined) {
      const bytes = Buffer.from(content.repeat(repeat));
      file.sha256 = createHash('sha256').update(bytes).digest('hex');
      file.bytes = bytes.length;
      await writeFile(join(outbox, file.sha256), bytes);
    }
    await tell({ id, begun: true });
    try {
      await tell({ id, ok: true, result: await instrument.ask(service, { ...file, ...payload }, { timeoutMs }) });
    } catch (error) {
      await tell({ id, ok: false, code: error.fields?.reason ?? error.code });
    }
  }
};
let turn = Promise.resolve();
instrument.onResources(() => {
  turn = turn.then(work, work);
  return { ok: true, detail: 'the plan is being done' };
});
let jobs = [];
instrument.handle('download.jobs', (payload) => {
  jobs = payload.jobs;
  void tell({ jobs });
  return { accepted: jobs.length };
});
instrument.handle('download.status', () => ({
  jobs: jobs.map(({ id }) => ({ id, state: 'fetching', bytes: 512, totalBytes: 1024, failures: 0 })),
}));
instrument.handle('download.now', ({ id }) => ({ started: jobs.some((job) => job.id === id) }));
turn = turn.then(work, work);
`;

/** Gets files, tells which ones it has, and tries whether it can change one. */
const SHELF = `
import { openInstrument } from '@bulkhead/sdk';
import { appendFile, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const instrument = await openInstrument();
instrument.health(() => ({ state: 'ok' }));
const look = async () => {
  const files = {};
  for (const name of await readdir(instrument.resourcesDir)) {
    const file = await open(join(instrument.resourcesDir, name));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(100), 0, 100, 0);
    await file.close();
    files[name] = buffer.toString('utf8', 0, bytesRead);
  }
  const names = Object.keys(files);
  const tries = await Promise.allSettled([
    ...names.map((name) => appendFile(join(instrument.resourcesDir, name), 'x')),
    ...names.map((name) => rm(join(instrument.resourcesDir, name))),
  ]);
  const changed = tries.filter(({ status }) => status === 'fulfilled').length;
  await instrument.publish('seen', { files, changed });
  return { ok: true, detail: names.length + ' files' };
};
instrument.onResources(look);
await look();
`;

/** Address that the shelf's manifest wants to have fetched. */
export const FEED_URL = 'https://feed.example.org/feed.txt';

/**
 * Two small instruments, built: `courier` hands files to `shelf`, and fetches downloads as far as a test needs that.
 * @param appsDir where their packages go
 */
export async function buildFileInstruments(appsDir: string): Promise<void> {
  const courier = {
    ...COMMON,
    name: 'courier',
    title: 'Courier',
    asks: {
      deliver: [{ to: 'shelf' }],
      fetch: true,
      requestsDownloads: true,
      publish: ['result'],
      accept: ['download.jobs', 'download.status', 'download.now'],
    },
    volume: { sizeMib: 256 },
  };
  const shelf = {
    ...COMMON,
    name: 'shelf',
    title: 'Shelf',
    asks: { downloads: [{ name: 'feed', url: FEED_URL, as: 'feed.txt' }], publish: ['seen'] },
    volume: { sizeMib: 32 },
  };
  for (const [manifest, program] of [
    [courier, COURIER],
    [shelf, SHELF],
  ] as const) {
    const dir = join(appsDir, manifest.name);
    await mkdir(dir, { recursive: true, mode: 0o755 });
    await writeFile(join(dir, 'instrument.yaml'), stringify(manifest));
    await bundleProgram(program, join(dir, 'main.mjs'));
  }
}
