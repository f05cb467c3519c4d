import type { Database } from 'better-sqlite3';
import type { EventViewSearch } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { deskId } from './ids.ts';
import type { Who } from './suppressions.ts';

/** A search that somebody keeps; times in ms. */
export interface KeptView {
  id: string;
  owner: Who;
  name: string;
  shared: boolean;
  search: EventViewSearch;
  atMs: number;
}

interface Row {
  id: string;
  owner: string;
  owner_name: string;
  name: string;
  shared: number;
  search: string;
  at: number;
}

const MOST_OF_ONE = 50;
const SHARED_MOST = 100;
/** So that nobody uses up what all share. */
const SHARED_MOST_OF_ONE = 20;

/** Searches that people keep, each their own; some are shared with everybody. */
export class Views {
  readonly #db: Database;
  readonly #clock: () => number;

  constructor(db: Database, clock: () => number = Date.now) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Somebody's own, and those that are shared; by name. */
  list(person: string): KeptView[] {
    return this.#db
      .prepare<[string], Row>(
        'SELECT * FROM events_views WHERE owner = ? OR shared = 1 ORDER BY name COLLATE NOCASE, id',
      )
      .all(person)
      .map(keptOf);
  }

  /** Keeps a view; one's own of that name is replaced. @throws BulkheadError FLEET_EVENTS_VIEWS_FULL */
  keep({ name, search, shared }: Pick<KeptView, 'name' | 'search' | 'shared'>, owner: Who): KeptView {
    return this.#db.transaction(() => {
      const count = (where: string, ...values: string[]): number =>
        this.#db
          .prepare(`SELECT count(*) FROM events_views WHERE NOT (owner = ? AND name = ?) AND ${where}`)
          .pluck()
          .get(owner.id, name, ...values) as number;
      const isSharingFull = () =>
        count('shared = 1') >= SHARED_MOST ||
        count('shared = 1 AND owner = ?', owner.id) >= SHARED_MOST_OF_ONE;
      if (count('owner = ?', owner.id) >= MOST_OF_ONE || (shared && isSharingFull())) {
        throw new BulkheadError({
          code: 'FLEET_EVENTS_VIEWS_FULL',
          message: `One keeps ${String(MOST_OF_ONE)} views and shares ${String(SHARED_MOST_OF_ONE)} of them; all together share ${String(SHARED_MOST)}.`,
        });
      }
      const row = this.#db
        .prepare<unknown[], Row>(
          'INSERT INTO events_views (id, owner, owner_name, name, shared, search, at) VALUES (?, ?, ?, ?, ?, ?, ?) ' +
            'ON CONFLICT (owner, name) DO UPDATE SET owner_name = excluded.owner_name, shared = excluded.shared, ' +
            'search = excluded.search, at = excluded.at RETURNING *',
        )
        .get(
          ...[deskId('v'), owner.id, owner.name, name, shared ? 1 : 0, JSON.stringify(search), this.#clock()],
        );
      if (row === undefined) throw new Error('a view that was just written is not there');
      return keptOf(row);
    })();
  }

  /** @param person who asks: of a view that is neither theirs nor shared they are told nothing */
  find(id: string, person: string): KeptView {
    const row = this.#db
      .prepare<[string, string], Row>('SELECT * FROM events_views WHERE id = ? AND (owner = ? OR shared = 1)')
      .get(id, person);
    if (row === undefined) {
      throw new BulkheadError({
        code: 'FLEET_EVENTS_VIEW_UNKNOWN',
        message: `There is no view ${id}, or it is not yours.`,
        fields: { id },
      });
    }
    return keptOf(row);
  }

  remove(id: string): void {
    this.#db.prepare('DELETE FROM events_views WHERE id = ?').run(id);
  }
}

function keptOf(row: Row): KeptView {
  return {
    id: row.id,
    owner: { id: row.owner, name: row.owner_name },
    name: row.name,
    shared: row.shared === 1,
    search: JSON.parse(row.search) as EventViewSearch,
    atMs: row.at,
  };
}
