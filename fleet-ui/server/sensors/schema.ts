/** Tables of this room. Times in milliseconds since 1970. */
export const SENSORS_MIGRATIONS = [
  {
    room: 'sensors',
    version: 1,
    sql: `CREATE TABLE sensors_groups (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      description TEXT NOT NULL,
      config TEXT NOT NULL,           -- JSON: what it lays over the base of its sensors
      revision INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE sensors_group_revisions (
      group_id TEXT NOT NULL REFERENCES sensors_groups (id) ON DELETE CASCADE,
      number INTEGER NOT NULL,
      config TEXT NOT NULL,
      author TEXT NOT NULL,
      reason TEXT NOT NULL,
      at_ms INTEGER NOT NULL,
      PRIMARY KEY (group_id, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE sensors_sensors (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      state TEXT NOT NULL CHECK (state IN ('active', 'mapping', 'revoked')),
      group_id TEXT REFERENCES sensors_groups (id),
      tags TEXT NOT NULL,             -- JSON
      notes TEXT NOT NULL,
      hardware TEXT NOT NULL,         -- JSON
      former_hardware TEXT,           -- JSON: of what it replaced, until it is mapped
      version TEXT NOT NULL,
      adopted_ms INTEGER NOT NULL,
      seen_ms INTEGER,
      address TEXT,
      base TEXT,                      -- JSON: what it came with
      overrides TEXT NOT NULL,        -- JSON
      problem TEXT,                   -- JSON: why the layers make no configuration
      ahead INTEGER,                  -- a revision that it has and the fleet does not know
      clone_ms INTEGER,
      clone_text TEXT
    ) STRICT;
    CREATE INDEX sensors_sensors_group ON sensors_sensors (group_id);
    CREATE TABLE sensors_revisions (
      sensor TEXT NOT NULL REFERENCES sensors_sensors (id) ON DELETE CASCADE,
      number INTEGER NOT NULL,
      document TEXT NOT NULL,         -- YAML
      author TEXT NOT NULL,
      reason TEXT NOT NULL,
      at_ms INTEGER NOT NULL,
      cause TEXT NOT NULL,
      restores INTEGER,
      state TEXT NOT NULL,
      result_ms INTEGER,
      code TEXT,
      message TEXT,
      sensor_revision INTEGER,
      PRIMARY KEY (sensor, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE sensors_codes (
      id TEXT PRIMARY KEY,
      hash TEXT NOT NULL UNIQUE,      -- SHA-256 of the code; the code itself is nowhere
      name TEXT,
      group_id TEXT,
      replaces TEXT,
      created_ms INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      expires_ms INTEGER NOT NULL,
      used_ms INTEGER,
      used_by TEXT,
      withdrawn_ms INTEGER
    ) STRICT;
    CREATE TABLE sensors_returns (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      sensor TEXT NOT NULL,
      serial TEXT NOT NULL,
      key_digest TEXT NOT NULL,
      address TEXT NOT NULL,
      version TEXT,
      hostname TEXT,
      why TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('waiting', 'granted', 'refused')),
      asked_ms INTEGER NOT NULL,
      last_ms INTEGER NOT NULL,
      decided_ms INTEGER,
      chain TEXT,                     -- PEM, once it was fetched
      UNIQUE (sensor, key_digest)
    ) STRICT;`,
  },
  {
    room: 'sensors',
    version: 2,
    sql: `CREATE TABLE sensors_restores (
      at_ms INTEGER PRIMARY KEY,
      acknowledged INTEGER NOT NULL DEFAULT 0
    ) STRICT;`,
  },
  {
    room: 'sensors',
    version: 3,
    // Whether the sensor may have it from here. Of what was there before, it may.
    sql: 'ALTER TABLE sensors_revisions ADD COLUMN handed INTEGER NOT NULL DEFAULT 1;',
  },
] as const;

/**
 * After a backup was put back: codes that were used since, and decisions that were taken since, must not work again. Who was
 * revoked since is not known to it: that is shown until a person has looked at it.
 */
export const SENSORS_AFTER_RESTORE = {
  room: 'sensors',
  sql: `DELETE FROM sensors_codes;
    DELETE FROM sensors_returns;
    INSERT OR IGNORE INTO sensors_restores (at_ms) VALUES (CAST(strftime('%s', 'now') AS INTEGER) * 1000);`,
} as const;
