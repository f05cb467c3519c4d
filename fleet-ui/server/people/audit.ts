import type { Database } from 'better-sqlite3';
import { createHash } from 'node:crypto';
import type { AuditCheck, AuditEntry, AuditQuery } from '@bulkhead/fleet-api';

/** What is written down of one act. Never secrets. */
export interface AuditLine {
  /** Id and name of who did it; leave out for the fleet itself. */
  person?: { id: string | null; name: string };
  /** `session`, `token t_…`, `none`. */
  by?: string;
  /** `people.change` */
  action: string;
  /** What it was done to. */
  target?: string;
  address?: string;
  outcome?: AuditEntry['outcome'];
  code?: string | undefined;
  facts?: AuditEntry['facts'];
}

interface Row {
  id: number;
  at: number;
  person: string | null;
  name: string;
  by: string;
  action: string;
  target: string;
  address: string;
  outcome: AuditEntry['outcome'];
  code: string | null;
  facts: string;
  hash: string;
}

/** Hash before the first entry. */
const BEGINNING = createHash('sha256').update('bulkhead audit log 1').digest('base64url');
const LONGEST = { name: 64, by: 80, action: 120, target: 300, address: 64, code: 80, facts: 2_000 };
const ROWS_AT_ONCE = 500;

/**
 * Who saw and did what. Lines are only added: triggers in the database refuse everything else, and each line holds the hash over
 * the one before and itself, so that an edit of the file shows. Ids have no gaps; SQLite keeps the highest one given out apart, so
 * that a cut-off end shows too. Whoever can write the file can compute a whole new chain: compare the head with an export kept
 * elsewhere (it also stands in fleetd's log).
 */
export class AuditLog {
  readonly #db: Database;
  readonly #clock: () => number;

  constructor(db: Database, clock: () => number) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Written and synced when it returns. Inside a transaction of the caller's it stands or falls with that. */
  write(line: AuditLine): void {
    const facts = JSON.stringify(line.facts ?? {});
    const entry = {
      at: this.#clock(),
      person: line.person?.id ?? null,
      name: (line.person?.name ?? 'fleet').slice(0, LONGEST.name),
      by: (line.by ?? 'none').slice(0, LONGEST.by),
      action: line.action.slice(0, LONGEST.action),
      target: plain(line.target ?? '').slice(0, LONGEST.target),
      address: (line.address ?? '').slice(0, LONGEST.address),
      outcome: line.outcome ?? 'done',
      code: line.code?.slice(0, LONGEST.code) ?? null,
      facts: facts.length > LONGEST.facts ? '{"facts":"too long"}' : facts,
    };
    this.#db
      .transaction(() => {
        const last = this.#last();
        const id = Math.max(last?.id ?? 0, this.#highest()) + 1;
        this.#db
          .prepare(
            `INSERT INTO people_audit (id, at, person, name, "by", action, target, address, outcome, code, facts, hash)
             VALUES (@id, @at, @person, @name, @by, @action, @target, @address, @outcome, @code, @facts, @hash)`,
          )
          .run({ id, ...entry, hash: hashOf(last?.hash ?? BEGINNING, { id, ...entry }) });
      })
      .immediate();
  }

  /** How many lines there are, and when the oldest was written; ms. */
  extent(): { entries: number; oldestMs: number | undefined } {
    const oldest = this.#db.prepare('SELECT at FROM people_audit ORDER BY id LIMIT 1').pluck().get();
    // Ids have no gaps: nothing is ever removed.
    return { entries: this.#last()?.id ?? 0, oldestMs: (oldest as number | undefined) ?? undefined };
  }

  /** The newest first. */
  page(query: AuditQuery): { entries: AuditEntry[]; next: number | null } {
    const { sql, values } = conditions(query);
    const rows = this.#db
      .prepare<unknown[], Row>(`SELECT * FROM people_audit WHERE id < ? ${sql} ORDER BY id DESC LIMIT ?`)
      .all(query.before ?? Number.MAX_SAFE_INTEGER, ...values, query.limit + 1);
    const entries = rows.slice(0, query.limit).map(shown);
    return { entries, next: rows.length > query.limit ? (entries.at(-1)?.id ?? null) : null };
  }

  /** Everything that stands there now, the oldest first, a few at a time: others write meanwhile. */
  *all(filter: Omit<AuditQuery, 'limit' | 'before'>): Generator<AuditEntry> {
    const { sql, values } = conditions(filter);
    const end = this.#last()?.id ?? 0;
    const some = this.#db.prepare<unknown[], Row>(
      `SELECT * FROM people_audit WHERE id > ? AND id <= ? ${sql} ORDER BY id LIMIT ${String(ROWS_AT_ONCE)}`,
    );
    for (let after = 0; ;) {
      const rows = some.all(after, end, ...values);
      yield* rows.map(shown);
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.id;
    }
  }

  /** Computes the chain anew; pauses for others every few rows, and leaves off there when it is told to. */
  async check(signal?: AbortSignal): Promise<AuditCheck> {
    const some = this.#db.prepare<[number, number], Row>(
      `SELECT * FROM people_audit WHERE id > ? AND id <= ? ORDER BY id LIMIT ${String(ROWS_AT_ONCE)}`,
    );
    const end = this.#last()?.id ?? 0;
    let [before, hash] = [0, BEGINNING];
    const result = (fault: AuditCheck['fault']): AuditCheck => ({
      whole: fault === null,
      entries: before,
      fault,
      head: hash,
    });
    for (;;) {
      const rows = some.all(before, end);
      for (const row of rows) {
        if (row.id !== before + 1) return result({ id: before + 1, text: 'is missing' });
        if (hashOf(hash, row) !== row.hash) return result({ id: row.id, text: 'was changed' });
        [before, hash] = [row.id, row.hash];
      }
      if (rows.length === 0) break;
      await new Promise((go) => setImmediate(go));
      if (signal?.aborted === true) return result(null);
    }
    if (this.#highest() > Math.max(end, before)) {
      const now = this.#last()?.id ?? 0;
      if (now < this.#highest()) return result({ id: now + 1, text: 'and what came after it is missing' });
    }
    return result(null);
  }

  /** Number and hash of the newest entry, for keeping elsewhere. */
  head(): { id: number; hash: string } {
    return this.#last() ?? { id: 0, hash: BEGINNING };
  }

  #last(): { id: number; hash: string } | undefined {
    return this.#db
      .prepare<[], { id: number; hash: string }>('SELECT id, hash FROM people_audit ORDER BY id DESC LIMIT 1')
      .get();
  }

  /** The highest id ever given out. */
  #highest(): number {
    return (
      this.#db
        .prepare<[], number>("SELECT seq FROM sqlite_sequence WHERE name = 'people_audit'")
        .pluck()
        .get() ?? 0
    );
  }
}

function hashOf(before: string, row: Omit<Row, 'hash'>): string {
  const { id, at, person, name, by, action, target, address, outcome, code, facts } = row;
  return createHash('sha256')
    .update(before)
    .update('\n')
    .update(JSON.stringify([id, at, person, name, by, action, target, address, outcome, code, facts]))
    .digest('base64url');
}

function conditions(filter: Omit<AuditQuery, 'limit' | 'before'>): { sql: string; values: unknown[] } {
  const parts: [string, unknown][] = [];
  if (filter.person !== undefined) parts.push(['person = ?', filter.person]);
  // Compared by what it begins with; `%` and `_` in the question stand for themselves.
  if (filter.action !== undefined) parts.push(['substr(action, 1, length(?)) = ?', filter.action]);
  if (filter.target !== undefined) parts.push(['target = ?', filter.target]);
  if (filter.outcome !== undefined) parts.push(['outcome = ?', filter.outcome]);
  if (filter.from !== undefined) parts.push(['at >= ?', Date.parse(filter.from)]);
  if (filter.to !== undefined) parts.push(['at < ?', Date.parse(filter.to)]);
  return {
    sql: parts.map(([sql]) => `AND ${sql}`).join(' '),
    values: parts.flatMap(([sql, value]) => Array.from({ length: sql.split('?').length - 1 }, () => value)),
  };
}

/** One line of text: nobody writes second lines, or colours, into somebody's terminal. */
function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}

function shown(row: Row): AuditEntry {
  return {
    ...row,
    at: new Date(row.at).toISOString(),
    facts: JSON.parse(row.facts) as AuditEntry['facts'],
  };
}
