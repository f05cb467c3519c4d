/** Steps of this room's tables, for the store. Times are milliseconds since 1970. */
export const NOTIFY_MIGRATIONS: readonly { room: string; version: number; sql: string }[] = Object.freeze([
  {
    room: 'notify',
    version: 1,
    sql: `
CREATE TABLE notify_channels (
  id TEXT PRIMARY KEY,
  settings TEXT NOT NULL,         -- JSON, without secrets
  sealed TEXT,                    -- password, secret, address of a webhook
  created INTEGER NOT NULL,
  outbox TEXT NOT NULL,           -- JSON: what waits, when it spoke
  sent INTEGER NOT NULL DEFAULT 0,
  success INTEGER, answer TEXT,
  error_at INTEGER, error TEXT
) STRICT;
CREATE TABLE notify_standing (
  key TEXT PRIMARY KEY,
  matter TEXT NOT NULL            -- JSON
) STRICT, WITHOUT ROWID;
`,
  },
]);
