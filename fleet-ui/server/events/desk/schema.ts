/** Steps of this room's tables in the fleet's database: what people made, so that it is in its backups. */
export const EVENTS_MIGRATIONS: readonly { room: string; version: number; sql: string }[] = Object.freeze([
  {
    room: 'events',
    version: 1,
    sql: `
CREATE TABLE events_suppressions (
  id TEXT PRIMARY KEY,
  signature TEXT NOT NULL,
  text TEXT,                      -- of the signature
  address TEXT,
  side TEXT NOT NULL,
  sensors TEXT,                   -- JSON; NULL: all
  by_id TEXT NOT NULL, by_name TEXT NOT NULL, at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  expires INTEGER NOT NULL,
  ended_by_id TEXT, ended_by_name TEXT, ended_at INTEGER
) STRICT;
CREATE TABLE events_suppression_hits (
  suppression TEXT NOT NULL REFERENCES events_suppressions ON DELETE CASCADE,
  sensor TEXT NOT NULL,
  n INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (suppression, sensor)
) STRICT, WITHOUT ROWID;
CREATE TABLE events_views (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL, owner_name TEXT NOT NULL,
  name TEXT NOT NULL,
  shared INTEGER NOT NULL,
  search TEXT NOT NULL,           -- JSON
  at INTEGER NOT NULL,
  UNIQUE (owner, name)
) STRICT;
`,
  },
]);
