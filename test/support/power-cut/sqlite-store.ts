import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { Durable } from './under-power-cuts.ts';

/**
 * A database as instruments and the platform use them: write-ahead log, many rows to a transaction, acknowledged when
 * the transaction is committed.
 */
export class SqliteStore implements Durable {
  readonly #database: Database.Database;
  #written = 0;

  private constructor(database: Database.Database) {
    this.#database = database;
  }

  static async open(folder: string, synchronous: 'FULL' | 'NORMAL'): Promise<SqliteStore> {
    await mkdir(folder, { recursive: true });
    const database = new Database(join(folder, 'rows.db'));
    database.pragma('journal_mode = WAL');
    database.pragma(`synchronous = ${synchronous}`);
    // Often, so that moving the log into the database is cut as well; that flushes, so never where flushes shall lack.
    database.pragma(`wal_autocheckpoint = ${synchronous === 'FULL' ? '40' : '0'}`);
    database.exec(
      'CREATE TABLE IF NOT EXISTS rows (number INTEGER PRIMARY KEY, id TEXT NOT NULL, filling BLOB)',
    );
    return new SqliteStore(database);
  }

  async write(acknowledge: (id: string) => void, signal: AbortSignal): Promise<void> {
    const insert = this.#database.prepare('INSERT INTO rows (id, filling) VALUES (?, zeroblob(300))');
    const commit = this.#database.transaction((ids: readonly string[]) => {
      for (const id of ids) insert.run(id);
    });
    while (!signal.aborted) {
      const ids = Array.from({ length: 8 }, () => String((this.#written += 1)));
      commit(ids);
      for (const id of ids) acknowledge(id);
      await turn();
    }
  }

  read(folder: string): Promise<string[]> {
    const database = new Database(join(folder, 'store', 'rows.db'));
    try {
      const [check] = database.pragma('integrity_check') as { integrity_check: string }[];
      if (check?.integrity_check !== 'ok') throw new Error(`damaged: ${String(check?.integrity_check)}`);
      return Promise.resolve(database.prepare('SELECT id FROM rows').pluck().all() as string[]);
    } finally {
      database.close();
    }
  }

  close(): void {
    this.#database.close();
  }
}
