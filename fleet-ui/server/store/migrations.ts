import type { Database as Db } from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { BulkheadError, type Logger } from '@bulkhead/platform/kernel';

/** One step that brings a room's tables from `version - 1` to `version`. Once released it never changes. */
export interface Migration {
  /** Who owns the tables: their names start with it (`people_sessions`). */
  room: string;
  /** 1, 2, 3, … within the room. */
  version: number;
  sql: string;
}

interface Applied {
  version: number;
  digest: string;
}

/**
 * Applies what is missing, room by room in the order given, all or nothing.
 * @throws BulkheadError FLEET_STORE_NEWER when the database knows steps that this program does not,
 *         FLEET_STORE_MIGRATION_INVALID when steps are out of order or a released one was changed
 */
export function migrate(db: Db, migrations: readonly Migration[], log: Logger): void {
  const rooms = inOrder(migrations);
  db.exec(`CREATE TABLE IF NOT EXISTS store_migrations (
    room TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL, applied TEXT NOT NULL,
    PRIMARY KEY (room, version)) STRICT, WITHOUT ROWID`);
  const known = db
    .prepare<[], Applied & { room: string }>('SELECT room, version, digest FROM store_migrations')
    .all();
  const strange = known.find(({ room, version }) => rooms.get(room)?.[version - 1] === undefined);
  if (strange !== undefined) throw newer(strange.room, strange.version);
  const note = db.prepare(
    'INSERT INTO store_migrations (room, version, digest, applied) VALUES (?, ?, ?, ?)',
  );
  db.transaction(() => {
    for (const [room, steps] of rooms) {
      const done = new Map(known.filter((row) => row.room === room).map((row) => [row.version, row.digest]));
      for (const { version, sql } of steps) {
        const before = done.get(version);
        if (before === digestOf(sql)) continue;
        if (before !== undefined) throw invalid(room, version, 'was changed after it had been applied');
        db.exec(sql);
        note.run(room, version, digestOf(sql), new Date().toISOString());
        log.info({ room, version }, 'the database was brought up to date');
      }
    }
  })();
}

function inOrder(migrations: readonly Migration[]): Map<string, Migration[]> {
  const rooms = new Map<string, Migration[]>();
  for (const migration of migrations) {
    const steps = rooms.get(migration.room) ?? [];
    if (migration.version !== steps.length + 1) {
      throw invalid(migration.room, migration.version, `does not follow step ${steps.length}`);
    }
    rooms.set(migration.room, [...steps, migration]);
  }
  return rooms;
}

/** Of the words of a step: how its lines are indented may change. */
function digestOf(sql: string): string {
  return createHash('sha256').update(sql.trim().replaceAll(/\s+/g, ' ')).digest('hex');
}

function newer(room: string, version: number): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_STORE_NEWER',
    message: `The database holds step ${version} of ${room}, which this fleetd does not know.`,
    hint: 'It was written by a newer version: run that one.',
    fields: { room, version },
  });
}

function invalid(room: string, version: number, what: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_STORE_MIGRATION_INVALID',
    message: `Step ${version} of ${room} ${what}.`,
    fields: { room, version },
  });
}
