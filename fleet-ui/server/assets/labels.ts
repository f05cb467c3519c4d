import type { Database } from 'better-sqlite3';
import type { AssetLabel } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';

/** Tables of this room. Times in milliseconds since 1970. */
export const ASSETS_MIGRATIONS = [
  {
    room: 'assets',
    version: 1,
    sql: `CREATE TABLE assets_labels (
      sensor TEXT NOT NULL,
      address TEXT NOT NULL,          -- 8 or 32 hexadecimal digits
      name TEXT NOT NULL,
      note TEXT NOT NULL,
      critical INTEGER NOT NULL,
      by_id TEXT NOT NULL,
      by_name TEXT NOT NULL,
      at INTEGER NOT NULL,
      PRIMARY KEY (sensor, address)
    ) STRICT, WITHOUT ROWID;`,
  },
] as const;

/** More than people label by hand. Labelled addresses are never pushed out by others. */
const LABELS_MOST = 10_000;
/** Written last by the same person: so that nobody uses up what all share. */
const LABELS_MOST_OF_ONE = 2_000;

/** A label as it lies in the table. */
export interface LabelRow {
  sensor: string;
  address: string;
  name: string;
  note: string;
  critical: number;
  by_name: string;
  at: number;
}

export interface LabelChange {
  name: string;
  note: string;
  critical: boolean;
  by: { id: string; name: string };
  at: number;
}

/** What people say of addresses. It lies with the fleet's people and sensors, so it is in backups; events are not. */
export class Labels {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  all(): LabelRow[] {
    return this.#db
      .prepare('SELECT sensor, address, name, note, critical, by_name, at FROM assets_labels')
      .all() as LabelRow[];
  }

  /**
   * Replaces what was said. Without any words the label is taken off.
   * @returns the row as it is now; all of it empty when it is gone
   * @throws BulkheadError FLEET_ASSETS_LABELS_FULL
   */
  set(sensor: string, address: string, { name, note, critical, by, at }: LabelChange): LabelRow {
    const row = { sensor, address, name, note, critical: critical ? 1 : 0, by_name: by.name, at };
    this.#db.transaction(() => {
      if (name === '' && note === '' && !critical) {
        this.#db.prepare('DELETE FROM assets_labels WHERE sensor = ? AND address = ?').run(sensor, address);
        return;
      }
      this.#db
        .prepare(
          'INSERT OR REPLACE INTO assets_labels (sensor, address, name, note, critical, by_id, by_name, at) ' +
            'VALUES (@sensor, @address, @name, @note, @critical, @by_id, @by_name, @at)',
        )
        .run({ ...row, by_id: by.id });
      const { count, own } = this.#db
        .prepare('SELECT count(*) AS count, count(*) FILTER (WHERE by_id = ?) AS own FROM assets_labels')
        .get(by.id) as { count: number; own: number };
      if (count > LABELS_MOST) throw full(`${String(LABELS_MOST)} addresses are labelled: no more can be.`);
      if (own > LABELS_MOST_OF_ONE)
        throw full(`${String(LABELS_MOST_OF_ONE)} addresses are labelled by you: no more can be.`);
    })();
    return row;
  }

  get(sensor: string, address: string): LabelRow | undefined {
    return this.#db
      .prepare(
        'SELECT sensor, address, name, note, critical, by_name, at FROM assets_labels WHERE sensor = ? AND address = ?',
      )
      .get(sensor, address) as LabelRow | undefined;
  }
}

/** As it is answered. */
export function labelView(row: LabelRow | undefined): AssetLabel | undefined {
  if (row === undefined || (row.name === '' && row.note === '' && row.critical === 0)) return undefined;
  const { name, note, critical, by_name: by, at } = row;
  return { name, note, critical: critical === 1, by, at: new Date(at).toISOString() };
}

function full(message: string): BulkheadError {
  return new BulkheadError({ code: 'FLEET_ASSETS_LABELS_FULL', message });
}
