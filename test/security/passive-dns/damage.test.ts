import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { run, waitFor } from '@bulkhead/platform/kernel';
import { Retention } from '../../../instruments/passive-dns/src/retention.ts';
import { answersMessage, dnsFolder, recordsOf, WIDE } from '../../support/dns-store.ts';

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

function dns(folder?: string) {
  const made = dnsFolder(folder);
  undo.push(made.dispose);
  return made;
}

/** A small file system of its own, so that full means full. */
async function smallDisk(options: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'bdns-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  undo.push(async () => {
    await run('umount', [folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  mkdirSync(join(folder, 'persistent'));
  return folder;
}

test('ABUSE 41: full disk: nothing is acknowledged, nothing acknowledged is lost, lookups go on, and it recovers by itself', async () => {
  const folder = await smallDisk('size=8m');
  const store = await dns(join(folder, 'persistent')).open();
  await store.take(answersMessage('before', ['before.example']));
  await store.settle();
  const ballast = join(folder, 'ballast');
  await run('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k', 'count=1000'], { timeoutMs: 20_000 }).catch(
    () => undefined,
  );
  let acknowledged = 0;
  const names = (i: number) =>
    Array.from({ length: 300 }, (_, n) => `n${String(n)}.m${String(i)}.${'x'.repeat(150)}.example`);
  const all = Array.from({ length: 40 }, (_, i) =>
    store.take(answersMessage(`m${String(i)}`, names(i))).then(() => {
      acknowledged += 1;
    }),
  );
  await waitFor('trouble', 20_000, () => store.trouble !== undefined);
  expect(store.trouble).toMatch(/ENOSPC|SQLITE_(FULL|IOERR)/);
  expect(acknowledged).toBeLessThan(40);
  expect(store.waiting).toBe(40 - acknowledged);
  expect(recordsOf(store, 'before.example')).toHaveLength(1);
  truncateSync(ballast, 0);
  await Promise.all(all);
  await store.settle();
  expect(store.trouble).toBeUndefined();
  expect(acknowledged).toBe(40);
  expect(store.writer?.records).toBe(40 * 300 + 1);
});

test('ABUSE 41: no inode left when it starts: it waits, says so, and begins when there is one', async () => {
  const folder = await smallDisk('size=8m,nr_inodes=4');
  for (const name of ['a', 'b']) writeFileSync(join(folder, name), '');
  const store = await dns(join(folder, 'persistent')).open();
  expect(store.trouble).toBeDefined();
  let acknowledged = false;
  const taken = store.take(answersMessage('m1', ['a.example'])).then(() => {
    acknowledged = true;
  });
  await waitFor('a second try', 10_000, () => store.counters.failures > 1);
  expect(acknowledged).toBe(false);
  await run('mount', ['-o', 'remount,nr_inodes=100', folder]);
  await taken;
  await store.settle();
  expect(recordsOf(store, 'a.example')).toHaveLength(1);
});

test('ABUSE 76: a damaged database is found at the start, set aside, and begun anew; two are kept', async () => {
  const folder = dns();
  for (let round = 1; round <= 4; round += 1) {
    const store = await folder.open();
    expect(store.writer?.records).toBe(0);
    expect(store.writer?.facts.get('damaged') ?? 0).toBe(round === 1 ? 0 : 1);
    const names = Array.from({ length: 500 }, (_, n) => `n${String(n)}.${'x'.repeat(100)}.example`);
    await store.take(answersMessage('m', names));
    await store.close();
    const bytes = readFileSync(folder.file);
    // The header, a page of an index, or all of it.
    if (round === 1) bytes.fill(0xff, 0, 100);
    else if (round === 2) bytes.fill(0xff, bytes.length / 2, bytes.length / 2 + 8_192);
    else bytes.fill(0);
    writeFileSync(folder.file, bytes);
  }
  const last = await folder.open();
  expect(last.trouble).toBeUndefined();
  const aside = readdirSync(folder.folder).filter((name) => name.includes('damaged'));
  expect(aside.sort()).toEqual(['dns.sqlite.damaged-3', 'dns.sqlite.damaged-4']);
  expect(folder.warnings.filter((text) => text.includes('damaged'))).toHaveLength(4);
});

test('ABUSE 76: damage that is met while it runs: what waits is not acknowledged before it is in the new one', async () => {
  const folder = dns();
  const store = await folder.open();
  const names = Array.from({ length: 2_000 }, (_, n) => `n${String(n)}.${'x'.repeat(100)}.example`);
  await store.take(answersMessage('m1', names));
  await store.settle();
  store.query((db) => db.pragma('wal_checkpoint(TRUNCATE)'));
  store.query((db) => db.pragma('cache_size = 0'));
  const bytes = readFileSync(folder.file);
  bytes.fill(0xff, 4_096);
  writeFileSync(folder.file, bytes);
  await store.take(answersMessage('m2', ['after.example']));
  await waitFor('the new database', 20_000, async () => {
    await store.settle().catch(() => undefined);
    return store.trouble === undefined && recordsOf(store, 'after.example').length === 1;
  });
  expect(readdirSync(folder.folder)).toContain('dns.sqlite.damaged-1');
  expect(store.writer?.facts.get('damaged')).toBe(1);
});

test('a database of a later version is left alone, and nothing is acknowledged', async () => {
  const folder = dns();
  const store = await folder.open();
  store.query((db) => db.pragma('user_version = 7'));
  await store.close();
  const before = readFileSync(folder.file);
  const older = await folder.open();
  expect(older.trouble).toContain('later version');
  expect(readFileSync(folder.file).equals(before)).toBe(true);
});

test('ABUSE 47: a clock that is a year off deletes nothing; retention as such deletes what is old, a bounded part at a time', async () => {
  const store = await dns().open();
  const day = 86_400_000;
  let now = Date.now();
  let steady = 0;
  const clock = { nowMs: () => now, steadyMs: () => steady, pause: () => Promise.resolve() };
  const retention = new Retention({
    store,
    retentionDays: () => 30,
    clockCheckedOn: () => undefined,
    ...clock,
  });
  const old = Array.from({ length: 3_000 }, (_, n) => `old${String(n)}.example`);
  await store.take(answersMessage('old', old, '192.0.2.1', now - 60 * day));
  await store.take(answersMessage('new', ['new.example'], '192.0.2.2', now));
  await store.settle();
  expect(store.writer?.records).toBe(3_001);
  await retention.pass();
  expect(retention.state).toMatchObject({ held: undefined, deleted: 1_000, more: true });
  for (const jump of [365 * day, -365 * day]) {
    now += jump;
    for (let hour = 0; hour < 48; hour += 1) {
      await retention.pass();
      now += 3_600_000;
      steady += 3_600_000;
    }
    expect(retention.state.held).toContain('clock');
    // After a restart with the clock still wrong.
    const again = new Retention({
      store,
      retentionDays: () => 30,
      clockCheckedOn: () => undefined,
      ...clock,
    });
    await again.pass();
    expect(again.state.held).toContain('clock');
    expect(store.writer?.records).toBe(2_001);
    now -= jump + 48 * 3_600_000;
    steady += 1;
  }
  await retention.pass();
  expect(retention.state.held).toBeUndefined();
  await retention.pass();
  expect(store.writer?.records).toBe(1);
  expect(recordsOf(store, 'new.example')).toHaveLength(1);
});

test('times that a clock ahead of time wrote are set back when it is right', async () => {
  const store = await dns().open({ bounds: () => WIDE });
  await store.take(answersMessage('m', ['a.example']));
  await store.settle();
  const future = Math.floor(Date.now() / 1000) + 300 * 86_400;
  store.query((db) => db.prepare('UPDATE rrsets SET time_last = ?').run(future));
  const retention = new Retention({ store, retentionDays: () => 30, clockCheckedOn: () => undefined });
  await retention.pass();
  expect(retention.state.corrected).toBe(1);
  expect(recordsOf(store, 'a.example')[0]?.time_last).toBeLessThan(future - 200 * 86_400);
});
