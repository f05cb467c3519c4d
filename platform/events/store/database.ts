import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

export type Db = Database.Database;

/** Ids of records are in order of time: milliseconds since 1970 × this, plus a number within the millisecond. */
export const IDS_PER_MS = 1024;

const FORMAT = 1;
const FILE = 'events.db';
/** What SQLite itself says of a damaged file; and what we say of one that another version made. */
const CORRUPT = 'SQLITE_CORRUPT';
const OTHER_FORMAT = 'STORE_FORMAT';
/** Damaged stores that are kept for whoever wants to look; older ones are removed. */
const SET_ASIDE = 1;
const BUSY_MS = 10_000;

/**
 * Packs hold records as they came, one message each: NDJSON, deflated, a record's place in it is its number. `words` is an
 * inverted index over them: which records have a word, an address, a name, a type (see facts.ts). It holds no text.
 */
const SCHEMA = `
CREATE TABLE packs (
  id INTEGER PRIMARY KEY,         -- of its first record
  count INTEGER NOT NULL,         -- ids that it takes
  live INTEGER NOT NULL,          -- records that are still there
  time INTEGER NOT NULL,          -- when it was packed, ms
  stored INTEGER NOT NULL,        -- age is counted from here: s of the store's own clock
  held INTEGER NOT NULL DEFAULT 0,-- 1: only records under a hold are left
  instrument TEXT NOT NULL,
  type TEXT NOT NULL,
  ce_id TEXT NOT NULL,
  records BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX packs_once ON packs (instrument, ce_id);
CREATE INDEX packs_age ON packs (type, stored, held);
CREATE VIRTUAL TABLE words USING fts5(
  text, content='', contentless_delete=1, detail=none, tokenize="ascii tokenchars '=._-:'");
CREATE TABLE counts (
  hour INTEGER NOT NULL, minute INTEGER NOT NULL, -- minute -1: the whole hour
  type TEXT NOT NULL, instrument TEXT NOT NULL, severity TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (minute, hour, type, instrument, severity)
) STRICT, WITHOUT ROWID;
CREATE TABLE positions (stream TEXT PRIMARY KEY, created TEXT NOT NULL, sequence INTEGER NOT NULL) STRICT;
CREATE TABLE marks (stream TEXT NOT NULL, sequence INTEGER NOT NULL, stored INTEGER NOT NULL,
  PRIMARY KEY (stream, sequence)) STRICT, WITHOUT ROWID;
CREATE TABLE dropped (reason TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
CREATE TABLE holds (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, value TEXT NOT NULL,
  reason TEXT NOT NULL, since TEXT NOT NULL, UNIQUE (kind, value)) STRICT;
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

export interface OpenedDatabase {
  db: Db;
  /** A store that could not be read was set aside, and this one is new; why. */
  damaged?: string;
}

/**
 * Opens the store for writing, or makes it. One that is damaged is set aside and replaced by an empty one, which is then filled
 * from the streams. A full or unreadable disk is no damage and is thrown.
 */
export function openForWriting(dir: string, nativeBinding: string | undefined): OpenedDatabase {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  try {
    return { db: open(dir, nativeBinding) };
  } catch (error) {
    if (!isDamage(error)) throw error;
    setAside(dir);
    return { db: open(dir, nativeBinding), damaged: error instanceof Error ? error.message : String(error) };
  }
}

/** Opens an existing store for questions only; sees what was committed before each of them. */
export function openForReading(dir: string, nativeBinding: string | undefined): Db {
  const db = new Database(join(dir, FILE), { readonly: true, timeout: BUSY_MS, ...native(nativeBinding) });
  db.pragma('cache_size = -32768');
  return db;
}

/** Is it the file itself that is wrong, so that another attempt would fail in the same way? */
export function isDamage(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return (
    code.startsWith('SQLITE_CORRUPT') ||
    code === 'SQLITE_NOTADB' ||
    code === OTHER_FORMAT ||
    // What SQLite says when the file is an intact database of something else.
    /malformed|no such (table|column)|vtable constructor failed/.test(message)
  );
}

/** Bytes in use and in all; pages that were freed are used again before the file grows. */
export function sizeOf(db: Db): { usedBytes: number; fileBytes: number } {
  const pageBytes = db.pragma('page_size', { simple: true }) as number;
  const pages = db.pragma('page_count', { simple: true }) as number;
  const free = db.pragma('freelist_count', { simple: true }) as number;
  return { usedBytes: (pages - free) * pageBytes, fileBytes: pages * pageBytes };
}

/** Id of the oldest record, and the one behind the newest; both 0 when there are none. */
export function extentOf(db: Db): { oldest: number; newest: number } {
  const oldest = db.prepare('SELECT id FROM packs ORDER BY id LIMIT 1').pluck().get();
  const newest = db.prepare('SELECT id + count FROM packs ORDER BY id DESC LIMIT 1').pluck().get();
  return { oldest: (oldest ?? 0) as number, newest: (newest ?? 0) as number };
}

/** Moves the files of a store away, so that a new one can be made. */
export function setAside(dir: string): void {
  const aside = join(dir, 'damaged');
  const kept = readdirSync(dir).filter((name) => name.startsWith('damaged'));
  for (const name of kept.sort().slice(0, Math.max(0, kept.length - SET_ASIDE + 1))) {
    rmSync(join(dir, name), { recursive: true, force: true });
  }
  // What is set aside counts against the volume: a large one would leave the new store no room.
  const bytes = statSync(join(dir, FILE), { throwIfNoEntry: false })?.size ?? 0;
  const to = `${aside}-${String(Date.now())}`;
  mkdirSync(to, { mode: 0o700 });
  for (const suffix of ['', '-wal', '-shm']) {
    const file = join(dir, `${FILE}${suffix}`);
    if (bytes > SET_ASIDE_MOST_BYTES) rmSync(file, { force: true });
    else if (statSync(file, { throwIfNoEntry: false }) !== undefined)
      renameSync(file, join(to, `${FILE}${suffix}`));
  }
}

const SET_ASIDE_MOST_BYTES = 256 * 1024 * 1024;

function open(dir: string, nativeBinding: string | undefined): Db {
  const db = new Database(join(dir, FILE), { timeout: BUSY_MS, ...native(nativeBinding) });
  try {
    // The volume has blocks of 4 KiB; the larger page halves the depth of the index and the seals of the journal.
    db.pragma('page_size = 8192');
    db.pragma('journal_mode = WAL');
    // An event counts as stored here only when it survives a power cut: its stream may be trimmed afterwards.
    db.pragma('synchronous = FULL');
    db.pragma('cache_size = -65536');
    db.pragma('temp_store = MEMORY');
    db.pragma(`journal_size_limit = ${String(64 * 1024 * 1024)}`);
    const format = db.pragma('user_version', { simple: true });
    if (format === 0) create(db);
    else if (format !== FORMAT) throw formatError(format);
    check(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function create(db: Db): void {
  db.transaction(() => {
    db.exec(SCHEMA);
    // Large segments from the start: fewer merges while it fills.
    db.prepare("INSERT INTO words (words, rank) VALUES ('hashsize', 8388608)").run();
    db.pragma(`user_version = ${String(FORMAT)}`);
  })();
}

/** Looks at what would be used first. A walk over every page would keep a large store closed for minutes. */
function check(db: Db): void {
  const { fileBytes } = sizeOf(db);
  if (fileBytes < 64 * 1024 * 1024) {
    const found = db.pragma('quick_check(1)', { simple: true });
    if (found !== 'ok') throw Object.assign(new Error(String(found)), { code: CORRUPT });
  }
  for (const sql of [
    'SELECT id, length(records) FROM packs ORDER BY id DESC LIMIT 1',
    'SELECT id FROM packs ORDER BY id LIMIT 1',
    'SELECT count(*) FROM positions',
    'SELECT count(*) FROM state',
    'SELECT rowid FROM words WHERE words MATCH \'"x=1"\' LIMIT 1',
    'SELECT type FROM packs INDEXED BY packs_age ORDER BY type, stored LIMIT 1',
    'SELECT ce_id FROM packs INDEXED BY packs_once ORDER BY instrument, ce_id LIMIT 1',
    'SELECT n FROM counts LIMIT 1',
  ]) {
    db.prepare(sql).get();
  }
}

function native(path: string | undefined): { nativeBinding?: string } {
  return path === undefined ? {} : { nativeBinding: path };
}

function formatError(format: unknown): Error {
  return Object.assign(new Error(`the store has the format ${String(format)}`), { code: OTHER_FORMAT });
}
