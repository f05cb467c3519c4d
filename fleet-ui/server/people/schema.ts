/** Steps of this room's tables, for the store. Times are milliseconds since 1970; secrets are kept as hashes. */
export const PEOPLE_MIGRATIONS: readonly { room: string; version: number; sql: string }[] = Object.freeze([
  {
    room: 'people',
    version: 1,
    sql: `
CREATE TABLE people_accounts (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  roles TEXT NOT NULL,            -- JSON: RoleAssignment[]
  disabled INTEGER NOT NULL DEFAULT 0,
  password TEXT,                  -- argon2id, PHC string
  issuer TEXT, subject TEXT,      -- of the identity provider
  totp_secret TEXT,
  totp_pending TEXT,              -- begun, not confirmed
  totp_step INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  last_sign_in INTEGER,
  UNIQUE (issuer, subject)
) STRICT;
CREATE TABLE people_recovery_codes (
  person TEXT NOT NULL REFERENCES people_accounts (id) ON DELETE CASCADE,
  hash TEXT NOT NULL,
  PRIMARY KEY (person, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE people_invitations (
  person TEXT PRIMARY KEY REFERENCES people_accounts (id) ON DELETE CASCADE,
  hash TEXT NOT NULL UNIQUE,
  expires INTEGER NOT NULL
) STRICT;
CREATE TABLE people_sessions (
  id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  person TEXT NOT NULL REFERENCES people_accounts (id) ON DELETE CASCADE,
  parent TEXT REFERENCES people_sessions (id) ON DELETE CASCADE,
  origin TEXT,                    -- of an instrument's page; NULL: the fleet itself
  how TEXT NOT NULL,
  address TEXT NOT NULL,
  agent TEXT NOT NULL,
  created INTEGER NOT NULL,
  last_seen INTEGER NOT NULL
) STRICT;
CREATE INDEX people_sessions_person ON people_sessions (person);
CREATE INDEX people_sessions_parent ON people_sessions (parent);
CREATE TABLE people_handovers (
  hash TEXT PRIMARY KEY,
  session TEXT NOT NULL REFERENCES people_sessions (id) ON DELETE CASCADE,
  origin TEXT NOT NULL,
  expires INTEGER NOT NULL
) STRICT;
CREATE TABLE people_tokens (
  id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  person TEXT NOT NULL REFERENCES people_accounts (id) ON DELETE CASCADE,
  label TEXT NOT NULL,
  scope TEXT NOT NULL,            -- JSON: TokenScope
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  last_used INTEGER,
  last_used_from TEXT
) STRICT;
CREATE INDEX people_tokens_person ON people_tokens (person);
CREATE TABLE people_attempts (
  key TEXT PRIMARY KEY,           -- hash of what is counted
  failures INTEGER NOT NULL,
  last INTEGER NOT NULL,
  until INTEGER NOT NULL          -- nothing is tried before
) STRICT;
CREATE INDEX people_attempts_last ON people_attempts (last);
CREATE TABLE people_addresses (   -- where somebody has signed in from
  person TEXT NOT NULL REFERENCES people_accounts (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (person, address)
) STRICT, WITHOUT ROWID;
CREATE TABLE people_audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  person TEXT,
  name TEXT NOT NULL,
  "by" TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  address TEXT NOT NULL,
  outcome TEXT NOT NULL,
  code TEXT,
  facts TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX people_audit_person ON people_audit (person, id);
CREATE INDEX people_audit_at ON people_audit (at);
CREATE TRIGGER people_audit_stays BEFORE UPDATE ON people_audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER people_audit_kept BEFORE DELETE ON people_audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
-- REPLACE deletes without asking the trigger above.
CREATE TRIGGER people_audit_not_again BEFORE INSERT ON people_audit
  WHEN EXISTS (SELECT 1 FROM people_audit WHERE id = NEW.id)
  BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
`,
  },
]);
