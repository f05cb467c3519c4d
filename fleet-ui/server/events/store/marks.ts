import type { EventFilter, EventMark, FleetEvent } from '@bulkhead/fleet-api';
import type { Db } from './database.ts';
import { idNumber } from './packs.ts';

/** A change of a mark, by somebody. */
export interface MarkChange {
  /** Null: nobody's any more. Undefined: as it was. */
  owner?: { id: string; name: string } | null | undefined;
  handled?: boolean | undefined;
  note?: string | undefined;
  by: { id: string; name: string };
  atMs: number;
}

interface MarkRow {
  owner: string | null;
  owner_name: string | null;
  handled: number;
  note: string;
  by_id: string;
  by_name: string;
  at: number;
}

/** Changes what is noted about an event that is there. */
export function changeMark(db: Db, id: number, change: MarkChange): EventMark {
  return db.transaction(() => {
    const before = rowOf(db, id);
    const owner =
      change.owner === undefined
        ? { id: before?.owner ?? null, name: before?.owner_name ?? null }
        : (change.owner ?? { id: null, name: null });
    db.prepare('INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
      ...[id, owner.id, owner.name, (change.handled ?? before?.handled === 1) ? 1 : 0],
      ...[change.note ?? before?.note ?? '', change.by.id, change.by.name, change.atMs],
    );
    const after = rowOf(db, id);
    if (after === undefined) throw new Error('a mark that was just written is not there');
    return markOf(after);
  })();
}

export function withMarks(db: Db, events: readonly FleetEvent[]): FleetEvent[] {
  return events.map((event) => {
    const row = rowOf(db, idNumber(event.id));
    return row === undefined ? event : { ...event, mark: markOf(row) };
  });
}

/** What a filter asks of marks: `only` these ids, newest first, or not those that it `hides`. */
export function markFilter(
  db: Db,
  { handled, owner }: Pick<EventFilter, 'handled' | 'owner'>,
): { only: ((from: number, to: number) => Iterable<number>) | undefined; hides: (id: number) => boolean } {
  if (handled === 'yes' || owner !== undefined) {
    const ids = db
      .prepare(
        'SELECT id FROM marks WHERE id >= @from AND id < @to AND (@handled IS NULL OR handled = @handled) ' +
          'AND (@owner IS NULL OR owner = @owner) ORDER BY id DESC',
      )
      .pluck();
    const asked = { handled: handled === undefined ? null : handled === 'yes' ? 1 : 0, owner: owner ?? null };
    return {
      only: (from, to) => ids.iterate({ from, to, ...asked }) as Iterable<number>,
      hides: () => false,
    };
  }
  if (handled === undefined) return { only: undefined, hides: () => false };
  const done = db.prepare('SELECT 1 FROM marks WHERE id = ? AND handled = 1');
  return { only: undefined, hides: (id) => done.get(id) !== undefined };
}

function rowOf(db: Db, id: number): MarkRow | undefined {
  return db.prepare('SELECT * FROM marks WHERE id = ?').get(id) as MarkRow | undefined;
}

function markOf(row: MarkRow): EventMark {
  return {
    ...(row.owner === null ? {} : { owner: { id: row.owner, name: row.owner_name ?? '' } }),
    handled: row.handled === 1,
    note: row.note,
    by: { id: row.by_id, name: row.by_name },
    at: new Date(row.at).toISOString(),
  };
}
