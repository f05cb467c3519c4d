import type { EventKeepingChange, Settings } from '@bulkhead/fleet-api';
import type { Database } from 'better-sqlite3';

/** How long the fleet keeps events, and how large their store may be. */
export interface Keeping {
  retentionDays: number;
  storeMib: number;
}

interface Row {
  name: string;
  value: string;
  author: string;
  at: number;
}

const NAMES = { retentionDays: 'events.retentionDays', storeMib: 'events.storeMib' } as const;

/** What was set in the app in place of the configuration file. Kept in memory too: upkeep asks often. */
export class Overrides {
  readonly #db: Database;
  readonly #file: Readonly<Keeping>;
  #rows: ReadonlyMap<string, Row>;

  constructor(db: Database, file: Readonly<Keeping>) {
    this.#db = db;
    this.#file = { retentionDays: file.retentionDays, storeMib: file.storeMib };
    this.#rows = this.#read();
  }

  keeping(): Keeping {
    return { retentionDays: this.#one('retentionDays').value, storeMib: this.#one('storeMib').value };
  }

  view(): Settings['events'] {
    return { retentionDays: this.#one('retentionDays'), storeMib: this.#one('storeMib') };
  }

  /** null goes back to what the file says. */
  set(change: EventKeepingChange, author: string, nowMs: number): void {
    this.#db.transaction(() => {
      for (const [key, name] of Object.entries(NAMES) as [keyof Keeping, string][]) {
        const value = change[key];
        if (value === null) this.#db.prepare('DELETE FROM settings_values WHERE name = ?').run(name);
        else if (this.#rows.get(name)?.value !== String(value)) {
          this.#db
            .prepare('INSERT OR REPLACE INTO settings_values VALUES (?, ?, ?, ?)')
            .run(name, String(value), author, nowMs);
        }
      }
    })();
    this.#rows = this.#read();
  }

  #one(key: keyof Keeping): Settings['events']['retentionDays'] {
    const file = this.#file[key];
    const row = this.#rows.get(NAMES[key]);
    if (row === undefined) return { value: file, from: 'file', file };
    const at = new Date(row.at).toISOString();
    return { value: Number(row.value), from: 'app', file, by: row.author, at };
  }

  #read(): ReadonlyMap<string, Row> {
    const rows = this.#db.prepare<[], Row>('SELECT * FROM settings_values').all();
    return new Map(rows.map((row) => [row.name, row]));
  }
}
