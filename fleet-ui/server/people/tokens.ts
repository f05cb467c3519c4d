import type { Database, Statement } from 'better-sqlite3';
import type { NewToken, Token, TokenScope } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { hashSecret, randomBase32, randomId } from './secrets.ts';

const PREFIX = 'bh_';
const SECRET = /^bh_[a-z2-7]{40}$/;
const DAY_MS = 86_400_000;
const USED_EVERY_MS = 60_000;
const MOST_OF_A_PERSON = 100;

interface Row {
  id: string;
  person: string;
  owner_name: string;
  label: string;
  scope: string;
  created: number;
  expires: number;
  last_used: number | null;
  last_used_from: string | null;
}

export interface LiveToken {
  id: string;
  person: string;
  scope: TokenScope;
}

/** Tokens for programs. 200 random bits; the store has the hash. What one may do is judged at each use, by its owner's roles then. */
export class Tokens {
  readonly #db: Database;
  readonly #clock: () => number;
  /** Asked with every request. */
  readonly #byHash: Statement<[string], Row>;

  constructor(db: Database, clock: () => number) {
    this.#db = db;
    this.#clock = clock;
    this.#byHash = db.prepare('SELECT * FROM people_tokens WHERE hash = ?');
  }

  /** @throws BulkheadError FLEET_PEOPLE_TOO_MANY_OF_THEM */
  make(person: string, { label, expiresInDays, ...scope }: NewToken): { secret: string; token: Token } {
    const now = this.#clock();
    this.#db.prepare('DELETE FROM people_tokens WHERE expires <= ?').run(now);
    if (this.list(person).length >= MOST_OF_A_PERSON)
      throw new BulkheadError({
        code: 'FLEET_PEOPLE_TOO_MANY_OF_THEM',
        message: `A person has at most ${String(MOST_OF_A_PERSON)} tokens.`,
        hint: 'Remove those that nobody uses.',
      });
    const secret = `${PREFIX}${randomBase32(40)}`;
    const id = randomId('t');
    this.#db
      .prepare(
        'INSERT INTO people_tokens (id, hash, person, label, scope, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(id, hashSecret(secret), person, label, JSON.stringify(scope), now, now + expiresInDays * DAY_MS);
    const token = this.list(person).find((one) => one.id === id);
    if (token === undefined) throw new Error('a token vanished while it was made');
    return { secret, token };
  }

  find(secret: string, address: string): LiveToken | undefined {
    if (!SECRET.test(secret)) return undefined;
    const row = this.#byHash.get(hashSecret(secret));
    const now = this.#clock();
    if (row === undefined || row.expires <= now) return undefined;
    if (now - (row.last_used ?? 0) > USED_EVERY_MS || row.last_used_from !== address) {
      this.#db
        .prepare('UPDATE people_tokens SET last_used = ?, last_used_from = ? WHERE id = ?')
        .run(now, address, row.id);
    }
    return { id: row.id, person: row.person, scope: JSON.parse(row.scope) as TokenScope };
  }

  /** Is it still good? Asking is no use of it. */
  runs(id: string): boolean {
    const expires = this.#db
      .prepare<[string], number>('SELECT expires FROM people_tokens WHERE id = ?')
      .pluck()
      .get(id);
    return expires !== undefined && expires > this.#clock();
  }

  /** @param person undefined: everybody's */
  list(person?: string): Token[] {
    const rows = this.#db
      .prepare<[string | null, string | null], Row>(
        `SELECT people_tokens.*, people_accounts.name AS owner_name FROM people_tokens
         JOIN people_accounts ON people_accounts.id = person
         WHERE (? IS NULL OR person = ?) ORDER BY people_tokens.created DESC`,
      )
      .all(person ?? null, person ?? null);
    return rows
      .filter(({ expires }) => expires > this.#clock())
      .map((row) => ({
        id: row.id,
        owner: row.person,
        ownerName: row.owner_name,
        label: row.label,
        ...(JSON.parse(row.scope) as TokenScope),
        createdAt: new Date(row.created).toISOString(),
        expiresAt: new Date(row.expires).toISOString(),
        lastUsedAt: row.last_used === null ? null : new Date(row.last_used).toISOString(),
        lastUsedFrom: row.last_used_from,
      }));
  }

  /** @param person its owner; undefined: whoever's it is @returns false when there is none */
  remove(id: string, person?: string): boolean {
    return (
      this.#db
        .prepare('DELETE FROM people_tokens WHERE id = ? AND (? IS NULL OR person = ?)')
        .run(id, person ?? null, person ?? null).changes > 0
    );
  }
}
