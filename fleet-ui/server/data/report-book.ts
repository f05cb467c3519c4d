import type { Database } from 'better-sqlite3';
import { createHash, randomBytes } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { reportSigner, type ReportSigner } from '@bulkhead/platform/kernel';

/** Tables of this room. Times in milliseconds since 1970. */
export const DATA_MIGRATIONS = [
  {
    room: 'data',
    version: 1,
    sql: `CREATE TABLE data_reports (
      sensor TEXT PRIMARY KEY,
      heard INTEGER NOT NULL,
      text BLOB NOT NULL,             -- canonical JSON as the sensor signed it, deflated
      sha256 TEXT NOT NULL,           -- of that text
      key TEXT NOT NULL,              -- with which it is signed, base64
      key_changed INTEGER             -- since when, if there was another before
    ) STRICT;
    CREATE TABLE data_signing (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      seed BLOB NOT NULL              -- of the fleet's own key (Ed25519)
    ) STRICT;`,
  },
] as const;

/** The largest report that is taken, as text. A sensor's is some ten thousand bytes. */
export const REPORT_BYTES_MOST = 2 * 2 ** 20;

/** What the fleet has of one sensor. */
export interface KeptReport {
  sensor: string;
  heard: number;
  sha256: string;
  key: string;
  keyChanged: number | undefined;
}

/** The newest data report of each sensor, and the key with which the fleet signs its own. */
export class ReportBook {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** @param text canonical JSON, its signature proven */
  keep(sensor: string, text: string, key: string, nowMs: number): void {
    const before = this.get(sensor);
    const changed = before !== undefined && before.key !== key ? nowMs : (before?.keyChanged ?? null);
    const sha256 = createHash('sha256').update(text).digest('hex');
    this.#db
      .prepare(
        'INSERT OR REPLACE INTO data_reports (sensor, heard, text, sha256, key, key_changed) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(sensor, nowMs, deflateRawSync(text, { level: 6 }), sha256, key, changed);
  }

  get(sensor: string): KeptReport | undefined {
    const row = this.#db
      .prepare(
        'SELECT sensor, heard, sha256, key, key_changed AS keyChanged FROM data_reports WHERE sensor = ?',
      )
      .get(sensor) as (Omit<KeptReport, 'keyChanged'> & { keyChanged: number | null }) | undefined;
    return row === undefined ? undefined : { ...row, keyChanged: row.keyChanged ?? undefined };
  }

  /** As the sensor signed it; undefined: there is none, or none that can be read. */
  text(sensor: string): string | undefined {
    const bytes = this.#db.prepare('SELECT text FROM data_reports WHERE sensor = ?').pluck().get(sensor) as
      Buffer | undefined;
    if (bytes === undefined) return undefined;
    try {
      return inflateRawSync(bytes, { maxOutputLength: REPORT_BYTES_MOST }).toString('utf8');
    } catch {
      // Of one sensor: it takes no other with it, and goes when the next one comes.
      return undefined;
    }
  }

  sensors(): string[] {
    return this.#db.prepare('SELECT sensor FROM data_reports').pluck().all() as string[];
  }

  remove(sensor: string): void {
    this.#db.prepare('DELETE FROM data_reports WHERE sensor = ?').run(sensor);
  }

  /** The fleet's key, made when it is asked for first. It is in backups: a restored fleet signs as before. */
  signer(): ReportSigner {
    this.#db.prepare('INSERT OR IGNORE INTO data_signing VALUES (1, ?)').run(randomBytes(32));
    return reportSigner(this.#db.prepare('SELECT seed FROM data_signing').pluck().get() as Buffer);
  }
}
