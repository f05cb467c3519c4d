import Database from 'better-sqlite3';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore, type Migration } from '@bulkhead/fleet-server/store';
import { openLog } from '@bulkhead/platform/kernel';

const log = openLog('test', 'silent');
const FIRST: Migration = {
  room: 'notes',
  version: 1,
  sql: 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT',
};
const SECOND: Migration = { room: 'notes', version: 2, sql: `ALTER TABLE notes ADD COLUMN author TEXT` };
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fleet-store-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const open = (...migrations: Migration[]) => openStore({ dir, migrations, log });

test('what was committed is there after opening again, and newer steps are applied to it once', () => {
  const before = open(FIRST);
  before.db.prepare('INSERT INTO notes (text) VALUES (?)').run('kept');
  before.close();
  for (let round = 0; round < 2; round += 1) {
    const after = open(FIRST, SECOND);
    expect(after.db.prepare('SELECT text, author FROM notes').all()).toEqual([
      { text: 'kept', author: null },
    ]);
    after.close();
  }
});

test('commits are durable: the journal is written ahead and flushed each time, foreign keys count', () => {
  const store = open(FIRST);
  const { db } = store;
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
  expect(db.pragma('synchronous', { simple: true })).toBe(2);
  expect(db.pragma('foreign_keys', { simple: true })).toBe(1);
  expect(statSync(join(dir, 'fleet.db')).mode & 0o777).toBe(0o600);
  store.close();
});

test('two at once are refused; who comes after the end of the first is not', () => {
  const first = open(FIRST);
  expect(() => open(FIRST)).toThrow(expect.objectContaining({ code: 'FLEET_STORE_IN_USE' }));
  first.close();
  open(FIRST).close();
});

test('a database of a newer version is refused and left as it is', () => {
  open(FIRST, SECOND).close();
  expect(() => open(FIRST)).toThrow(expect.objectContaining({ code: 'FLEET_STORE_NEWER' }));
  open(FIRST, SECOND).close();
});

test('steps that are out of order, or changed after a release, are refused', () => {
  expect(() => open(SECOND)).toThrow(expect.objectContaining({ code: 'FLEET_STORE_MIGRATION_INVALID' }));
  open(FIRST).close();
  expect(() => open({ ...FIRST, sql: `${FIRST.sql}, WITHOUT ROWID` })).toThrow(
    expect.objectContaining({ code: 'FLEET_STORE_MIGRATION_INVALID' }),
  );
});

test('a step that fails leaves nothing of itself and of the steps before it', () => {
  const broken: Migration = { room: 'other', version: 1, sql: 'CREATE TABLE other (x); CREATE NONSENSE' };
  expect(() => open(FIRST, broken)).toThrow(/NONSENSE/);
  const db = new Database(join(dir, 'fleet.db'), { readonly: true });
  expect(db.prepare("SELECT name FROM sqlite_schema WHERE name IN ('notes', 'other')").all()).toEqual([]);
  db.close();
});

test('a damaged database is refused with the way back, not repaired in silence', () => {
  const store = open(FIRST);
  const insert = store.db.prepare('INSERT INTO notes (text) VALUES (?)');
  store.db.transaction(() => {
    for (let n = 0; n < 500; n += 1) insert.run('x'.repeat(200));
  })();
  store.close();
  const file = openSync(join(dir, 'fleet.db'), 'r+');
  writeSync(file, Buffer.alloc(8_192, 0xff), 0, 8_192, 12_288);
  closeSync(file);
  expect(() => open(FIRST)).toThrow(expect.objectContaining({ code: 'FLEET_STORE_DAMAGED' }));
});

test('a copy taken while somebody writes is whole and for nobody else to read', async () => {
  const store = open(FIRST);
  store.db.prepare('INSERT INTO notes (text) VALUES (?)').run('before');
  const copy = join(dir, 'copy.db');
  await store.copyTo(copy);
  store.close();
  expect(statSync(copy).mode & 0o777).toBe(0o600);
  const db = new Database(copy, { readonly: true });
  expect(db.prepare('SELECT text FROM notes').all()).toEqual([{ text: 'before' }]);
  db.close();
});
