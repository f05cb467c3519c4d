import type { Database } from './database.ts';

/** Single numbers that are kept with the data. */
export interface Facts {
  get(name: FactName): number | undefined;
  set(name: FactName, value: number): void;
}

export type FactName =
  /** The clock when retention last looked, in ms. */
  | 'tick_ms'
  /** When the database before this one was found damaged, in ms. */
  | 'damaged_ms'
  /** How often that happened. */
  | 'damaged'
  /** Records in `rrsets`. */
  | 'records'
  /** Last step of the journal that was applied. */
  | 'journal'
  /** Next slot in `seen`. */
  | 'slot'
  /** Records shed because of a bound, since the database was made. */
  | 'shed';

/** Reads and writes `facts`. */
export function openFacts(db: Database): Facts {
  const read = db.prepare<[string], { value: number }>('SELECT value FROM facts WHERE name = ?');
  const write = db.prepare<[string, number]>('INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)');
  return {
    get: (name) => read.get(name)?.value,
    set: (name, value) => {
      write.run(name, value);
    },
  };
}
