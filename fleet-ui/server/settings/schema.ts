/** Steps of this room's tables, for the store. */
export const SETTINGS_MIGRATIONS: readonly { room: string; version: number; sql: string }[] = Object.freeze([
  {
    room: 'settings',
    version: 1,
    sql: `
CREATE TABLE settings_values (
  name TEXT PRIMARY KEY,          -- as in the configuration file: events.storeMib
  value TEXT NOT NULL,
  author TEXT NOT NULL,
  at INTEGER NOT NULL             -- ms since 1970
) STRICT, WITHOUT ROWID;
`,
  },
]);
