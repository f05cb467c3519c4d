import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';

export type Database = Sqlite.Database;

/** Where the database lies, and the native part of better-sqlite3 when it is not found by itself (in a bundle). */
export interface DatabasePlace {
  file: string;
  nativeBinding?: string;
}

const VERSION = 1;
/** A larger database is not checked page by page at the start: that reads all of it. Damage is still found in use. */
const CHECKED_BYTES = 64 * 1024 * 1024;
/** Damaged databases that are kept for somebody to look at. */
const KEPT_DAMAGED = 2;

/**
 * `reversed` is the name with its labels in reverse order: a name is one key, and what is below a domain is one range.
 * AUTOINCREMENT: a row number in memory must never come to mean another row.
 */
const SCHEMA = `
  CREATE TABLE rrsets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    reversed TEXT NOT NULL,
    rrtype TEXT NOT NULL,
    rdata TEXT NOT NULL,
    time_first INTEGER NOT NULL,
    time_last INTEGER NOT NULL,
    count INTEGER NOT NULL
  );
  CREATE UNIQUE INDEX rrsets_name ON rrsets (reversed, rrtype, rdata);
  CREATE INDEX rrsets_rdata ON rrsets (rdata);
  CREATE TABLE suffixes (suffix TEXT PRIMARY KEY, records INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE seen (slot INTEGER PRIMARY KEY, message TEXT NOT NULL);
  CREATE TABLE holds (value TEXT PRIMARY KEY, reversed TEXT NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
`;

/**
 * Opens the database, made anew where there is none. A damaged one is set aside and a new one is begun: what was acknowledged
 * to the bus cannot be asked for again.
 * @returns the file name under which a damaged one was set aside
 * @throws SqliteError when there is no room or the disk fails ({@link isNoRoom}); Error for one of a later version
 */
export function openDatabase(place: DatabasePlace): { db: Database; setAside: string | undefined } {
  try {
    return { db: openSound(place), setAside: undefined };
  } catch (error) {
    if (!isDamage(error)) throw error;
    const setAside = setDamagedAside(place.file);
    return { db: openSound(place), setAside };
  }
}

function openSound(place: DatabasePlace): Database {
  const db = new Sqlite(place.file, {
    ...(place.nativeBinding === undefined ? {} : { nativeBinding: place.nativeBinding }),
    timeout: 2_000,
  });
  try {
    db.pragma('journal_mode = WAL');
    // A commit is what the acknowledgement to the bus means, so it must survive the loss of power.
    db.pragma('synchronous = FULL');
    db.pragma('wal_autocheckpoint = 4000');
    db.pragma('journal_size_limit = 67108864');
    db.pragma('cache_size = -65536');
    // What is forgotten shall not stay in free pages.
    db.pragma('secure_delete = ON');
    const version = db.pragma('user_version', { simple: true }) as number;
    if (version > VERSION)
      throw new Error(`${place.file} was written by a later version of this instrument; it is left alone`);
    if (version === 0) {
      db.transaction(() => {
        db.exec(SCHEMA);
        db.pragma(`user_version = ${String(VERSION)}`);
      })();
    } else check(db, place.file);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function check(db: Database, file: string): void {
  if (statSync(file).size > CHECKED_BYTES) return;
  const found = db.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw new Sqlite.SqliteError(String(found).slice(0, 200), 'SQLITE_CORRUPT');
}

/** Renames a damaged database and keeps the newest two such. @returns the file name it has now */
export function setDamagedAside(file: string): string {
  const numbers = damagedNumbers(file);
  const name = `${file}.damaged-${String((numbers.at(-1) ?? 0) + 1)}`;
  renameSync(file, name);
  for (const part of ['-wal', '-shm']) rmSync(`${file}${part}`, { force: true });
  for (const number of numbers.slice(0, Math.max(0, numbers.length + 1 - KEPT_DAMAGED)))
    rmSync(`${file}.damaged-${String(number)}`, { force: true });
  return basename(name);
}

/** Removes what was set aside, when its room is needed. @returns how many files */
export function dropDamaged(file: string): number {
  const numbers = damagedNumbers(file);
  for (const number of numbers) rmSync(`${file}.damaged-${String(number)}`, { force: true });
  return numbers.length;
}

function damagedNumbers(file: string): number[] {
  const folder = dirname(file);
  if (!existsSync(folder)) return [];
  const start = `${basename(file)}.damaged-`;
  return readdirSync(folder)
    .filter((name) => name.startsWith(start) && /^\d{1,9}$/.test(name.slice(start.length)))
    .map((name) => Number(name.slice(start.length)))
    .sort((a, b) => a - b);
}

/** The database itself is broken: it cannot be used any more. */
export function isDamage(error: unknown): boolean {
  const code = codeOf(error);
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
}

/** Nothing can be written at the moment: no room, no inode, a failing or read-only disk. Tried again. */
export function isNoRoom(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === 'SQLITE_FULL' ||
    code.startsWith('SQLITE_IOERR') ||
    code.startsWith('SQLITE_CANTOPEN') ||
    code.startsWith('SQLITE_READONLY') ||
    code === 'SQLITE_BUSY' ||
    code === 'ENOSPC' ||
    code === 'EDQUOT'
  );
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : '';
}

/** The file of the database below the instrument's persistent folder. */
export function databaseFile(persistentDir: string): string {
  return join(persistentDir, 'dns.sqlite');
}
