import { createHmac, randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { canonicalJson, DataKeeper, DataSources, reportText, verifyReport } from '@bulkhead/platform/data';
import type { DataSource } from '@bulkhead/platform/data';
import { openLog } from '@bulkhead/platform/kernel';

let dir: string;
let published: [string, Record<string, unknown>][];
const master = randomBytes(32);
const subject = { address: '10.0.0.7' };
const asked = { reason: 'a request of that person', by: 'anna' };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'data-'));
  published = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function open(...sources: DataSource[]): Promise<{ keeper: DataKeeper; register: DataSources }> {
  const register = new DataSources();
  for (const source of sources) register.register(source);
  const keeper = new DataKeeper({
    dir,
    log: openLog('data', 'silent'),
    secret: (purpose) => createHmac('sha256', master).update(purpose).digest(),
    sources: register,
    head: () => ({
      sensor: 'lab',
      versions: { sensord: '1' },
      configuration: { digest: 'd', loadedAt: 'now' },
    }),
    publish: (type, record) => published.push([type, record]),
  });
  await keeper.open();
  return { keeper, register };
}

/** A store with one record about the subject. */
function store(name: string, behaviour: { fails?: boolean } = {}) {
  const state = { records: 1, purges: [] as string[], held: [] as boolean[] };
  const source: DataSource = {
    name,
    copies: () => Promise.resolve([]),
    find: () => Promise.resolve([{ copy: name, records: state.records, basis: 'measured', complete: true }]),
    purge: (_subject, requestId) => {
      state.purges.push(requestId);
      if (behaviour.fails === true) return Promise.reject(new Error('is away'));
      const deleted = state.records;
      state.records = 0;
      return Promise.resolve([{ copy: name, deleted, basis: 'measured' }]);
    },
    hold: (_subject, hold) => Promise.resolve(void state.held.push(hold)),
  };
  return { source, state, behaviour };
}

test('a hold is told to every source, refuses a purge, and outlives a restart until it is released', async () => {
  const a = store('a');
  const first = await open(a.source);
  await first.keeper.hold(subject, asked);
  await expect(first.keeper.purge(subject, { ...asked, requestId: 'request-1' })).rejects.toMatchObject({
    code: 'DATA_HELD',
    message: expect.stringContaining('anna') as string,
  });
  const { keeper } = await open(a.source);
  expect(keeper.holds()).toMatchObject([{ subject, ...asked }]);
  await expect(keeper.purge(subject, { ...asked, requestId: 'request-1' })).rejects.toMatchObject({
    code: 'DATA_HELD',
  });
  await keeper.round();
  expect(a.state).toEqual({ records: 1, purges: [], held: [true, true] });
  await keeper.release(subject, asked);
  await expect(keeper.release(subject, asked)).rejects.toMatchObject({ code: 'DATA_HOLD_UNKNOWN' });
  expect(await keeper.purge(subject, { ...asked, requestId: 'request-2' })).toMatchObject({ finished: true });
  expect(a.state.records).toBe(0);
  expect(a.state.held.at(-1)).toBe(false);
});

test('a purge goes on after a crash and an absence, asks no source twice, and is the same for the same request', async () => {
  const a = store('a');
  const b = store('b', { fails: true });
  const first = await open(a.source, b.source);
  const begun = await first.keeper.purge(subject, { ...asked, requestId: 'request-1' });
  expect(begun).toMatchObject({ finished: false, waiting: [{ source: 'b', error: 'is away' }] });
  await expect(
    first.keeper.purge({ address: '10.0.0.8' }, { ...asked, requestId: 'request-1' }),
  ).rejects.toMatchObject({ code: 'DATA_REQUEST_REUSED' });

  // Nobody said goodbye to the first one.
  const { keeper } = await open(a.source, b.source);
  expect(keeper.unfinishedPurges()).toMatchObject([{ subject, requestId: 'request-1', by: 'anna' }]);
  expect(keeper.attention()).toEqual([expect.stringMatching(/1 deletions on request are not finished/)]);
  b.behaviour.fails = false;
  await keeper.round();
  expect(keeper.unfinishedPurges()).toEqual([]);
  expect(a.state.purges).toEqual(['request-1']);
  expect(b.state.purges).toEqual(['request-1', 'request-1']);
  expect(published).toContainEqual(['data.purged', { requestId: 'request-1', deleted: 2 }]);
  const again = await keeper.purge(subject, { ...asked, requestId: 'request-1' });
  expect(again).toMatchObject({ finished: true, results: [{ deleted: 1 }, { deleted: 1 }] });
  expect(b.state.purges).toHaveLength(2);
});

test('a purge whose subject is held meanwhile waits', async () => {
  const b = store('b', { fails: true });
  const { keeper } = await open(b.source);
  await keeper.purge(subject, { ...asked, requestId: 'request-1' });
  b.behaviour.fails = false;
  await keeper.hold(subject, asked);
  await keeper.round();
  expect(b.state.records).toBe(1);
  expect(keeper.unfinishedPurges()).toHaveLength(1);
});

test('nothing about a subject lies readable on disk, and nothing at all is kept of it when it was purged', async () => {
  const { keeper } = await open(store('a').source);
  await keeper.hold(subject, asked);
  await keeper.release(subject, asked);
  await keeper.purge(subject, { ...asked, requestId: 'request-1' });
  for (const file of await readdir(dir)) {
    const text = await readFile(join(dir, file), 'latin1');
    expect(text).not.toMatch(/10\.0\.0\.7|anna/);
  }
  const { report } = await keeper.report();
  expect(JSON.stringify([report, published])).not.toContain('10.0.0.7');
});

test('damaged holds stop every purge and every hold, and the report goes on', async () => {
  const a = store('a');
  const first = await open(a.source);
  await first.keeper.hold(subject, asked);
  const sealed = join(dir, 'holds.sealed');
  for (const damage of ['', 'garbage', `${(await readFile(sealed, 'utf8')).slice(0, -8)}AAAAAAAA`]) {
    await writeFile(sealed, damage);
    const { keeper } = await open(a.source);
    await expect(
      keeper.purge({ address: '10.0.0.8' }, { ...asked, requestId: 'request-1' }),
    ).rejects.toMatchObject({
      code: 'DATA_STATE_DAMAGED',
    });
    expect(keeper.attention()[0]).toMatch(/DATA_STATE_DAMAGED/);
    expect((await keeper.report()).report.kind).toBe('bulkhead-data-report');
  }
  expect(a.state.purges).toEqual([]);
});

test('exports are on record over a torn line; the report is signed and has its words for people', async () => {
  const first = await open();
  await first.register.recordExport({
    kind: 'export',
    what: 'alerts as CSV',
    where: '/tmp/x.csv',
    by: 'anna',
    records: 3,
  });
  await appendFile(join(dir, 'journal.log'), 'torn');
  const { keeper, register } = await open();
  await register.recordExport({ kind: 'backup', what: 'everything', where: 'tape', by: 'bert' });
  const signed = await keeper.report();
  expect(signed.report.copies.map(({ kind }) => kind).sort()).toEqual(['backup', 'export', 'journal']);
  expect(signed.report.attention).toEqual(['journal/data has 1 entries that cannot be read']);
  expect(verifyReport(canonicalJson(signed), keeper.publicKey).report).toMatchObject({ sensor: 'lab' });
  const text = reportText(signed);
  expect(text).toMatch(/Data report of the sensor lab/);
  expect(text).toMatch(/alerts as CSV, made .* by anna/);
  expect(text).toMatch(/NEEDS ATTENTION/);
});

test('a source that throws costs no other its place in the report', async () => {
  const broken: DataSource = { name: 'broken', copies: () => Promise.reject(new Error('no')) };
  const { keeper } = await open(broken, store('a').source);
  const { report } = await keeper.report();
  expect(report.unanswered).toEqual([{ source: 'broken', error: 'no' }]);
  expect(report.copies.map(({ copy }) => copy)).toEqual(['journal/data']);
  expect((await keeper.find(subject)).matches).toMatchObject([{ copy: 'a', records: 1 }]);
});
