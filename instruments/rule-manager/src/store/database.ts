import { existsSync, renameSync, rmSync } from 'node:fs';
import Sqlite from 'better-sqlite3';

export type Database = Sqlite.Database;

/** Where a database lies, and the native part of better-sqlite3 when it is not found by itself (in a bundle). */
export interface DatabasePlace {
  file: string;
  nativeBinding?: string;
}

const VERSION = 1;

/** Documents and history; files of sources and their rules; rulesets, jobs, IDSs. */
const RULES_SCHEMA = `
  CREATE TABLE documents (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, scope TEXT NOT NULL, body TEXT NOT NULL,
    author TEXT NOT NULL, time TEXT NOT NULL, reason TEXT NOT NULL, expires INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX documents_subject ON documents (kind, subject);
  CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, author TEXT NOT NULL, action TEXT NOT NULL, kind TEXT NOT NULL,
    subject TEXT NOT NULL, reason TEXT NOT NULL, old TEXT, new TEXT
  );
  CREATE INDEX history_subject ON history (kind, subject);
  CREATE TABLE source_files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, digest TEXT NOT NULL, time TEXT NOT NULL, bytes INTEGER NOT NULL,
    rules INTEGER NOT NULL, skipped INTEGER NOT NULL, state TEXT NOT NULL, code TEXT, message TEXT, faults TEXT NOT NULL
  );
  CREATE INDEX source_files_source ON source_files (source, state);
  CREATE TABLE rules (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, sid INTEGER NOT NULL, gid INTEGER NOT NULL, rev INTEGER NOT NULL,
    action TEXT NOT NULL, msg TEXT NOT NULL, classtype TEXT, priority INTEGER, enabled INTEGER NOT NULL, text TEXT NOT NULL,
    refs TEXT NOT NULL, metadata TEXT NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL
  );
  CREATE INDEX rules_version ON rules (version, sid, enabled);
  CREATE INDEX rules_sid ON rules (sid);
  CREATE VIRTUAL TABLE rule_words USING fts5 (
    msg, classtype, refs, content, detail = none, prefix = '1 2 3'
  );
  CREATE TABLE catalogue (source TEXT PRIMARY KEY, entries TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE downloads (source TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE versions (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
  CREATE TABLE jobs (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
  CREATE TABLE targets (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE exclusions (
    sid INTEGER PRIMARY KEY, digest TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, time TEXT NOT NULL
  );
  CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
`;

/** Alerts of the last days: a database of its own, so that what is deleted from it cannot slow the rules down. */
const ALERTS_SCHEMA = `
  CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sid INTEGER NOT NULL, gid INTEGER NOT NULL, time INTEGER NOT NULL,
    src TEXT NOT NULL, dst TEXT NOT NULL
  );
  CREATE INDEX alerts_sid ON alerts (sid, time);
  CREATE INDEX alerts_time ON alerts (time);
  CREATE INDEX alerts_src ON alerts (src);
  CREATE INDEX alerts_dst ON alerts (dst);
  CREATE TABLE seen (slot INTEGER PRIMARY KEY, message TEXT NOT NULL);
  CREATE TABLE holds (address TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
`;

const SCHEMAS = { rules: RULES_SCHEMA, alerts: ALERTS_SCHEMA } as const;

/**
 * Opens a database, made anew where there is none. A damaged one is set aside as `<file>.damaged` (the last one is kept) and a new
 * one is begun.
 * @throws SqliteError when there is no room; Error for a database of a later version
 */
export function openDatabase(
  place: DatabasePlace,
  schema: keyof typeof SCHEMAS,
): { db: Database; wasDamaged: boolean } {
  try {
    return { db: openSound(place, SCHEMAS[schema]), wasDamaged: false };
  } catch (error) {
    if (!isDamage(error)) throw error;
    renameSync(place.file, `${place.file}.damaged`);
    for (const part of ['-wal', '-shm']) rmSync(`${place.file}${part}`, { force: true });
    return { db: openSound(place, SCHEMAS[schema]), wasDamaged: true };
  }
}

function openSound(place: DatabasePlace, schema: string): Database {
  const isNew = !existsSync(place.file);
  const db = new Sqlite(place.file, {
    ...(place.nativeBinding === undefined ? {} : { nativeBinding: place.nativeBinding }),
    timeout: 2_000,
  });
  try {
    db.pragma('journal_mode = WAL');
    // What a person was told is saved must survive the loss of power.
    db.pragma('synchronous = FULL');
    db.pragma('journal_size_limit = 67108864');
    db.pragma('cache_size = -65536');
    // What is forgotten shall not stay in free pages; rules are no secret.
    db.pragma(`secure_delete = ${schema === ALERTS_SCHEMA ? 'ON' : 'FAST'}`);
    const version = db.pragma('user_version', { simple: true }) as number;
    if (version > VERSION)
      throw new Error(`${place.file} was written by a later version of this instrument; it is left alone`);
    if (version === 0) {
      db.transaction(() => {
        db.exec(schema);
        db.pragma(`user_version = ${String(VERSION)}`);
      })();
    } else if (!isNew) {
      const found = db.pragma('quick_check(1)', { simple: true });
      if (found !== 'ok') throw new Sqlite.SqliteError(String(found).slice(0, 200), 'SQLITE_CORRUPT');
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB');
}
