import Database, { type Database as Db } from 'better-sqlite3';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BulkheadError, type Logger } from '@bulkhead/platform/kernel';
import { migrate, type Migration } from './migrations.ts';

export type { Db };

/** The fleet's database. Rooms keep tables of their own in it, named after them, and touch no others. */
export interface Store {
  readonly db: Db;
  /** A consistent copy into a new file (mode 0600), while the store is in use. */
  copyTo(file: string): Promise<void>;
  close(): void;
}

export interface StoreOptions {
  /** State folder; made with mode 0700 when it is missing. */
  dir: string;
  /** Of all rooms. */
  migrations: readonly Migration[];
  log: Logger;
  /** File of SQLite's native part; undefined: beside this program if it is there, else where npm put it. */
  nativeBinding?: string;
}

/** Below the state folder. */
export const STORE_FILE = 'fleet.db';
const LOCK_FILE = 'fleet.lock';
const BUSY_MS = 5_000;

/**
 * Opens the database, proves that it is whole, and brings it up to date.
 * What is committed survives a power cut. Only one process holds a store at a time; others may read the file.
 * @throws BulkheadError FLEET_STORE_IN_USE, FLEET_STORE_DAMAGED, FLEET_STORE_UNREADABLE, FLEET_STORE_NEWER
 */
export function openStore(options: StoreOptions): Store {
  const native = bindingOption(options.nativeBinding);
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  const lock = holdLock(join(options.dir, LOCK_FILE), native);
  const file = join(options.dir, STORE_FILE);
  let db: Db | undefined;
  try {
    db = openFile(file, native);
    migrate(db, options.migrations, options.log);
  } catch (error) {
    db?.close();
    lock.close();
    throw error;
  }
  const open = db;
  return {
    db: open,
    copyTo: (to) => copyDatabase(open, to),
    close: () => {
      // The last writer folds the journal in: what is left is one file.
      if (open.open) {
        open.pragma('wal_checkpoint(TRUNCATE)');
        open.close();
      }
      lock.close();
    },
  };
}

/** The option for better-sqlite3's constructor that finds the native part beside a bundled program. */
export function bindingOption(path?: string): { nativeBinding?: string } {
  const beside = path ?? join(dirname(fileURLToPath(import.meta.url)), 'better_sqlite3.node');
  return existsSync(beside) ? { nativeBinding: beside } : {};
}

/** A consistent copy by SQLite's own means; readers and writers go on meanwhile. */
export async function copyDatabase(db: Db, to: string): Promise<void> {
  await db.backup(to);
  chmodSync(to, 0o600);
}

/** Reads all of a database and checks that it is one. @throws BulkheadError FLEET_STORE_DAMAGED */
export function checkWhole(db: Db, file: string): void {
  let found: string;
  try {
    found = db.pragma('integrity_check(5)', { simple: true }) as string;
  } catch (cause) {
    throw damaged(file, cause);
  }
  if (found !== 'ok') throw damaged(file, new Error(found));
}

function openFile(file: string, native: { nativeBinding?: string }): Db {
  let db: Db;
  try {
    db = new Database(file, { timeout: BUSY_MS, ...native });
    chmodSync(file, 0o600);
  } catch (cause) {
    throw isDamage(cause) ? damaged(file, cause) : unreadable(file, cause);
  }
  try {
    db.pragma('journal_mode = WAL');
    // A session that was ended, a certificate that was revoked must stay so after a power cut.
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma('trusted_schema = OFF');
    db.pragma('secure_delete = ON');
    db.pragma('journal_size_limit = 16777216');
    checkWhole(db, file);
    return db;
  } catch (cause) {
    db.close();
    if (cause instanceof BulkheadError) throw cause;
    throw isDamage(cause) ? damaged(file, cause) : unreadable(file, cause);
  }
}

/**
 * SQLite's lock on a file of its own, held as long as the process lives: the kernel takes it back whatever happens to us, and
 * the database itself stays readable for a backup by another process.
 */
function holdLock(file: string, native: { nativeBinding?: string }): Db {
  let lock: Db | undefined;
  try {
    lock = new Database(file, { timeout: 0, ...native });
    chmodSync(file, 0o600);
    lock.pragma('locking_mode = EXCLUSIVE');
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock?.close();
    if ((cause as { code?: string }).code?.startsWith('SQLITE_BUSY') !== true) throw unreadable(file, cause);
    throw new BulkheadError({
      code: 'FLEET_STORE_IN_USE',
      message: `${dirname(file)} belongs to a fleetd that is running`,
      hint: 'End that one, or give this one a state folder of its own.',
      fields: { path: file },
      cause,
    });
  }
}

function isDamage(error: unknown): boolean {
  const { code = '' } = error as { code?: string };
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
}

function damaged(file: string, cause: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_STORE_DAMAGED',
    message: `${file} is damaged`,
    hint: 'Restore a backup with `fleetd restore` into an empty state folder; keep this one for who may repair it.',
    fields: { path: file },
    cause,
  });
}

function unreadable(file: string, cause: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_STORE_UNREADABLE',
    message: `${file} cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`,
    fields: { path: file },
    cause,
  });
}
