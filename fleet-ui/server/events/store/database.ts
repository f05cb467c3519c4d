import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

export type Db = Database.Database;

/** Ids of records are in order of time: milliseconds since 1970 × this, plus a number within the millisecond. */
export const IDS_PER_MS = 1024;
export const EVENTS_FILE = 'events.db';

const FORMAT = 1;
const BUSY_MS = 10_000;

/**
 * Packs hold the records of one message each: NDJSON, deflated, a record's place in it is its number. `words` is an inverted index
 * over them: which records have a word, an address, a name, a type (facts.ts). It holds no text.
 */
const SCHEMA = `
CREATE TABLE streams (
  n INTEGER PRIMARY KEY,          -- a stream of a sensor, as it was made once
  sensor TEXT NOT NULL, stream TEXT NOT NULL, created TEXT NOT NULL,
  last INTEGER NOT NULL,          -- highest sequence that arrived
  floor INTEGER NOT NULL,         -- what is not above it arrived and may have gone again
  UNIQUE (sensor, stream, created)
) STRICT;
CREATE TABLE holes (              -- what was sent between two messages and has not arrived: after < sequence <= upto
  stream INTEGER NOT NULL, after INTEGER NOT NULL, upto INTEGER NOT NULL, since INTEGER NOT NULL,
  PRIMARY KEY (stream, after)
) STRICT, WITHOUT ROWID;
CREATE TABLE packs (
  id INTEGER PRIMARY KEY,         -- of its first record
  count INTEGER NOT NULL,         -- ids that it takes
  live INTEGER NOT NULL,          -- records that are there
  time INTEGER NOT NULL,          -- when it was packed, ms
  sensor TEXT NOT NULL, instrument TEXT NOT NULL, type TEXT NOT NULL,
  stream INTEGER NOT NULL, sequence INTEGER NOT NULL,
  ce_id TEXT NOT NULL,
  records BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX packs_once ON packs (stream, sequence);
CREATE VIRTUAL TABLE words USING fts5(
  text, content='', contentless_delete=1, detail=none, tokenize="ascii tokenchars '=._-:'");
CREATE TABLE counts (
  level INTEGER NOT NULL, sensor TEXT NOT NULL, at INTEGER NOT NULL, -- see counts.ts
  instrument TEXT NOT NULL, type TEXT NOT NULL, severity TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (level, sensor, at, instrument, type, severity)
) STRICT, WITHOUT ROWID;
CREATE INDEX counts_age ON counts (level, at);
CREATE TABLE signature_counts (
  hour INTEGER NOT NULL, sensor TEXT NOT NULL, instrument TEXT NOT NULL, type TEXT NOT NULL, severity TEXT NOT NULL,
  signature TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (hour, sensor, instrument, type, severity, signature)
) STRICT, WITHOUT ROWID;
CREATE TABLE signatures (id TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE marks (
  id INTEGER PRIMARY KEY, owner TEXT, owner_name TEXT, handled INTEGER NOT NULL, note TEXT NOT NULL,
  by_id TEXT NOT NULL, by_name TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE TABLE dropped (reason TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
CREATE TABLE sensor_facts (sensor TEXT PRIMARY KEY, records INTEGER NOT NULL, newest INTEGER NOT NULL,
  dropped INTEGER NOT NULL) STRICT;
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

/** What came later and is no other format: made where it is missing. */
const INDEXES = 'CREATE INDEX IF NOT EXISTS signature_hours ON signature_counts (signature, hour)';

/** Opens the store for writing, or makes it. @throws what SQLite says, with its `code` */
export function openForWriting(dir: string, nativeBinding: string | undefined): Db {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const db = new Database(join(dir, EVENTS_FILE), { timeout: BUSY_MS, ...native(nativeBinding) });
  try {
    db.pragma('page_size = 8192');
    db.pragma('journal_mode = WAL');
    // The hub forgets a message when it is stored here: that must survive the loss of power.
    db.pragma('synchronous = FULL');
    db.pragma('cache_size = -131072');
    db.pragma('temp_store = MEMORY');
    db.pragma(`journal_size_limit = ${String(64 * 1024 * 1024)}`);
    const format = db.pragma('user_version', { simple: true });
    if (format === 0) create(db);
    else if (format !== FORMAT)
      throw new Error(`the event store has the format ${String(format)}, made by a newer version`);
    db.exec(INDEXES);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens an existing store for questions; each sees what was committed before it. */
export function openForReading(dir: string, nativeBinding: string | undefined): Db {
  const db = new Database(join(dir, EVENTS_FILE), {
    readonly: true,
    timeout: BUSY_MS,
    ...native(nativeBinding),
  });
  db.pragma('cache_size = -65536');
  db.pragma('temp_store = MEMORY');
  return db;
}

/** Bytes in use; pages that were freed are used again before the file grows. */
export function usedBytes(db: Db): number {
  const pageBytes = db.pragma('page_size', { simple: true }) as number;
  const pages = db.pragma('page_count', { simple: true }) as number;
  return (pages - (db.pragma('freelist_count', { simple: true }) as number)) * pageBytes;
}

/** Bytes on disk, journal and all. */
export function bytesOnDisk(dir: string): number {
  return ['', '-wal'].reduce(
    (sum, suffix) =>
      sum + (statSync(join(dir, `${EVENTS_FILE}${suffix}`), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

/** Id of the oldest record, and the one behind the newest; both 0 when there are none. */
export function extentOf(db: Db): { oldest: number; newest: number } {
  const oldest = db.prepare('SELECT id FROM packs ORDER BY id LIMIT 1').pluck().get();
  const newest = db.prepare('SELECT id + count FROM packs ORDER BY id DESC LIMIT 1').pluck().get();
  return { oldest: (oldest ?? 0) as number, newest: (newest ?? 0) as number };
}

export function state(db: Db, key: string): string | undefined {
  return db.prepare('SELECT value FROM state WHERE key = ?').pluck().get(key) as string | undefined;
}

export function setState(db: Db, key: string, value: string): void {
  db.prepare('INSERT INTO state VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(
    key,
    value,
  );
}

function create(db: Db): void {
  db.transaction(() => {
    db.exec(SCHEMA);
    // Large segments from the start: fewer merges while it fills.
    db.prepare("INSERT INTO words (words, rank) VALUES ('hashsize', 16777216)").run();
    db.pragma(`user_version = ${String(FORMAT)}`);
  })();
}

function native(path: string | undefined): { nativeBinding?: string } {
  return path === undefined ? {} : { nativeBinding: path };
}
