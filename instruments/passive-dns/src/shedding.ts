import type { Database } from './database.ts';
import { suffixOf } from './names.ts';

/** Rows of one window in which the rarest and oldest are looked for; a look costs some 20 ms. */
const WINDOW = 20_000;
/** What is held stays, as a value and as a name. */
export const NOT_HELD =
  'rdata NOT IN (SELECT value FROM holds) AND reversed NOT IN (SELECT reversed FROM holds)';

/** Takes records out of the database and keeps the counts right. Call inside of a transaction. */
export class Shedding {
  readonly #db: Database;
  readonly #delete;
  readonly #lessSuffix;
  readonly #emptySuffix;
  readonly #inSuffix;
  readonly #inWindow;
  #cursor = 0;

  constructor(db: Database) {
    this.#db = db;
    this.#delete = db.prepare<[number], { reversed: string }>(
      'DELETE FROM rrsets WHERE id = ? RETURNING reversed',
    );
    this.#lessSuffix = db.prepare<[number, string]>(
      'UPDATE suffixes SET records = records - ? WHERE suffix = ?',
    );
    this.#emptySuffix = db.prepare<[string]>('DELETE FROM suffixes WHERE suffix = ? AND records <= 0');
    this.#inSuffix = db.prepare<[string, string, string, number], { id: number }>(
      `SELECT id FROM (
         SELECT id, count, time_last, rdata, reversed FROM rrsets WHERE reversed = ?
         UNION ALL SELECT id, count, time_last, rdata, reversed FROM rrsets WHERE reversed > ? AND reversed < ?
       ) WHERE ${NOT_HELD} ORDER BY count, time_last, id LIMIT ?`,
    );
    this.#inWindow = db.prepare<[number, number, number], { id: number }>(
      `SELECT id FROM (SELECT id, count, time_last, rdata, reversed FROM rrsets WHERE id > ? ORDER BY id LIMIT ?)
       WHERE ${NOT_HELD} ORDER BY count, time_last, id LIMIT ?`,
    );
  }

  /** Deletes rows. @returns how many there were */
  remove(rows: Iterable<number>): number {
    let removed = 0;
    const suffixes = new Map<string, number>();
    for (const row of rows) {
      const gone = this.#delete.get(row);
      if (gone === undefined) continue;
      removed += 1;
      const suffix = suffixOf(gone.reversed);
      suffixes.set(suffix, (suffixes.get(suffix) ?? 0) + 1);
    }
    for (const [suffix, records] of suffixes) {
      this.#lessSuffix.run(records, suffix);
      this.#emptySuffix.run(suffix);
    }
    return removed;
  }

  /** Takes the rarest and oldest records below a registered name. */
  fromSuffix(suffix: string, records: number): number {
    // '/' follows '.', so this range is all that is below; the name itself is the other half.
    return this.remove(idsOf(this.#inSuffix.all(suffix, `${suffix}.`, `${suffix}/`, records)));
  }

  /** Takes the rarest and oldest records out of a window that moves over the whole, longest known first. */
  fromAll(records: number): number {
    const window = this.#db
      .prepare<[number, number], { last: number | null }>(
        'SELECT max(id) AS last FROM (SELECT id FROM rrsets WHERE id > ? ORDER BY id LIMIT ?)',
      )
      .get(this.#cursor, WINDOW);
    if (window === undefined || window.last === null) {
      this.#cursor = 0;
      return 0;
    }
    const removed = this.remove(
      idsOf(this.#inWindow.all(this.#cursor, WINDOW, Math.min(records, WINDOW / 2))),
    );
    this.#cursor = window.last;
    return removed;
  }
}

function idsOf(rows: readonly { id: number }[]): number[] {
  return rows.map(({ id }) => id);
}
