import type { Database } from 'better-sqlite3';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { hashOfCode, newCode, newId } from './ids.ts';

/** A code that can still be used. Times in milliseconds since 1970. */
export interface CodeRecord {
  id: string;
  name: string | undefined;
  groupId: string | undefined;
  replaces: string | undefined;
  createdMs: number;
  createdBy: string;
  expiresMs: number;
}

interface Row {
  id: string;
  name: string | null;
  group_id: string | null;
  replaces: string | null;
  created_ms: number;
  created_by: string;
  expires_ms: number;
}

const OPEN = 'used_ms IS NULL AND withdrawn_ms IS NULL AND expires_ms > ?';
const OPEN_MOST = 1000;
const KEPT_MS = 90 * 86_400_000;

/** One-use adoption codes, kept as hashes. Every method is one statement; a code is claimed by one statement only. */
export class Codes {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  /** @returns the code, which is nowhere else, and its record */
  make(
    wanted: {
      name?: string | undefined;
      groupId?: string | undefined;
      replaces?: string | undefined;
      expiresInS: number;
    },
    by: string,
  ): { code: string; record: CodeRecord } {
    this.#db.prepare('DELETE FROM sensors_codes WHERE expires_ms < ?').run(this.#now() - KEPT_MS);
    if (this.open().length >= OPEN_MOST) {
      throw new BulkheadError({
        code: 'FLEET_SENSORS_LIMITED',
        message: `${String(OPEN_MOST)} adoption codes can be used already.`,
        hint: 'Withdraw some that are not needed.',
      });
    }
    const code = newCode();
    const id = newId('c');
    this.#db
      .prepare(
        `INSERT INTO sensors_codes (id, hash, name, group_id, replaces, created_ms, created_by, expires_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        hashOfCode(code),
        wanted.name ?? null,
        wanted.groupId ?? null,
        wanted.replaces ?? null,
        this.#now(),
        by,
        this.#now() + wanted.expiresInS * 1000,
      );
    return { code, record: this.find(code) ?? raise() };
  }

  /** Undefined for a code that cannot be used. */
  find(code: string): CodeRecord | undefined {
    const row = this.#db
      .prepare<[string, number], Row>(`SELECT * FROM sensors_codes WHERE hash = ? AND ${OPEN}`)
      .get(hashOfCode(code), this.#now());
    return row && toRecord(row);
  }

  /** One that was used and would not have ended yet: whose answer may have got lost. */
  used(code: string): (CodeRecord & { usedBy: string }) | undefined {
    const row = this.#db
      .prepare<[string, number], Row & { used_by: string }>(
        'SELECT * FROM sensors_codes WHERE hash = ? AND used_by IS NOT NULL AND withdrawn_ms IS NULL AND expires_ms > ?',
      )
      .get(hashOfCode(code), this.#now());
    return row && { ...toRecord(row), usedBy: row.used_by };
  }

  /** @returns false when somebody else was first, or it ended meanwhile */
  claim(id: string, sensor: string): boolean {
    return (
      this.#db
        .prepare(`UPDATE sensors_codes SET used_ms = ?, used_by = ? WHERE id = ? AND ${OPEN}`)
        .run(this.#now(), sensor, id, this.#now()).changes === 1
    );
  }

  /** @throws BulkheadError FLEET_SENSORS_CODE_UNKNOWN */
  withdraw(id: string): void {
    const { changes } = this.#db
      .prepare(`UPDATE sensors_codes SET withdrawn_ms = ? WHERE id = ? AND ${OPEN}`)
      .run(this.#now(), id, this.#now());
    if (changes === 1) return;
    throw new BulkheadError({
      code: 'FLEET_SENSORS_CODE_UNKNOWN',
      message: `There is no adoption code ${id} that could be used.`,
      fields: { id },
    });
  }

  /** The newest first. */
  open(): CodeRecord[] {
    return this.#db
      .prepare<[number], Row>(`SELECT * FROM sensors_codes WHERE ${OPEN} ORDER BY created_ms DESC, id`)
      .all(this.#now())
      .map(toRecord);
  }
}

function raise(): never {
  throw new Error('a row that was just written is not there');
}

function toRecord(row: Row): CodeRecord {
  return {
    id: row.id,
    name: row.name ?? undefined,
    groupId: row.group_id ?? undefined,
    replaces: row.replaces ?? undefined,
    createdMs: row.created_ms,
    createdBy: row.created_by,
    expiresMs: row.expires_ms,
  };
}
