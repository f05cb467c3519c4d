import type { Database, Statement } from 'better-sqlite3';
import type { SessionEntry } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { hashSecret, randomId, randomSecret } from './secrets.ts';

const MINUTE_MS = 60_000;
/** A dashboard that stays open asks all the time; this is how long after the last page was closed. */
export const SESSION_IDLE_MS = 2 * 60 * MINUTE_MS;
/** However busy it is, a person signs in again every day. */
export const SESSION_LONGEST_MS = 24 * 60 * MINUTE_MS;
const HANDOVER_MS = 30_000;
/** How exactly the time of the last use is kept; a write for each request would be one sync for each. */
const SEEN_EVERY_MS = MINUTE_MS;
/** More browsers than this of one person: the one used longest ago ends. */
const MOST_OF_A_PERSON = 50;
const HANDOVERS_MOST = 1_000;

export interface Visitor {
  address: string;
  agent: string;
}

interface Row {
  id: string;
  hash: string;
  person: string;
  parent: string | null;
  origin: string | null;
  how: SessionEntry['how'];
  address: string;
  agent: string;
  created: number;
  last_seen: number;
}

/** A session that was found by its secret and still runs. */
export interface LiveSession {
  id: string;
  person: string;
}

/**
 * Who is signed in where. A cookie's secret has 256 random bits; the store has its hash only.
 *
 * INVARIANTS: a session opened for one origin is not found under another. What was opened from a session ends with it. A code
 * that hands a session over works once, for 30 seconds, for the one origin that it was made for.
 */
export class Sessions {
  readonly #db: Database;
  readonly #clock: () => number;
  /** Asked with every request. */
  readonly #byHash: Statement<[string, string | null], Row>;
  readonly #byId: Statement<[string], Row>;

  constructor(db: Database, clock: () => number) {
    this.#db = db;
    this.#clock = clock;
    this.#byHash = db.prepare('SELECT * FROM people_sessions WHERE hash = ? AND origin IS ?');
    this.#byId = db.prepare('SELECT * FROM people_sessions WHERE id = ?');
  }

  /** @returns the secret for the cookie */
  begin(person: string, how: SessionEntry['how'], { address, agent }: Visitor): string {
    this.#sweep();
    const now = this.#clock();
    const { secret } = this.#insert({
      ...{ person, parent: null, origin: null, how, address, agent },
      ...{ created: now, last_seen: now },
    });
    this.#db
      .prepare(
        `DELETE FROM people_sessions WHERE id IN (SELECT id FROM people_sessions WHERE person = ? AND parent IS NULL
           ORDER BY last_seen DESC, rowid DESC LIMIT -1 OFFSET ?)`,
      )
      .run(person, MOST_OF_A_PERSON);
    return secret;
  }

  /**
   * @param origin of an instrument's page, undefined for the fleet itself: a secret of one is worth nothing at the other
   */
  find(secret: string, origin?: string): LiveSession | undefined {
    const row = this.#byHash.get(hashSecret(secret), origin ?? null);
    const now = this.#clock();
    if (row === undefined || endOf(row) <= now) return undefined;
    if (now - row.last_seen > SEEN_EVERY_MS) {
      // Whoever works on an instrument's page is at work: the session that it came from stays open too.
      this.#db
        .prepare('UPDATE people_sessions SET last_seen = ? WHERE id = ? OR id = ?')
        .run(now, row.id, row.parent);
    }
    return { id: row.id, person: row.person };
  }

  /** Does it still run? Asking is no sign of life. */
  runs(id: string): boolean {
    const row = this.#byId.get(id);
    return row !== undefined && endOf(row) > this.#clock();
  }

  list(person: string, current?: string): SessionEntry[] {
    return this.#db
      .prepare<[string], Row>('SELECT * FROM people_sessions WHERE person = ? ORDER BY last_seen DESC')
      .all(person)
      .filter((row) => endOf(row) > this.#clock())
      .map((row) => ({
        id: row.id,
        current: row.id === current,
        how: row.how,
        instrumentOrigin: row.origin,
        address: row.address,
        agent: row.agent,
        createdAt: new Date(row.created).toISOString(),
        lastSeenAt: new Date(row.last_seen).toISOString(),
        expiresAt: new Date(endOf(row)).toISOString(),
      }));
  }

  /** @returns false when that person has no such session */
  end(person: string, id: string): boolean {
    return (
      this.#db.prepare('DELETE FROM people_sessions WHERE id = ? AND person = ?').run(id, person).changes > 0
    );
  }

  /** @returns how many there were, pages of instruments not counted */
  endAll(person: string): number {
    const open = this.list(person).filter(({ instrumentOrigin }) => instrumentOrigin === null).length;
    this.#db.prepare('DELETE FROM people_sessions WHERE person = ?').run(person);
    return open;
  }

  /** A code with which a page of `origin` gets a session of its own. */
  handOver(session: string, origin: string): { code: string; expiresAt: string } {
    this.#sweep();
    const [code, expires] = [randomSecret(), this.#clock() + HANDOVER_MS];
    this.#db
      .prepare(
        `DELETE FROM people_handovers WHERE hash IN
           (SELECT hash FROM people_handovers ORDER BY expires DESC LIMIT -1 OFFSET ?)`,
      )
      .run(HANDOVERS_MOST - 1);
    this.#db
      .prepare('INSERT INTO people_handovers (hash, session, origin, expires) VALUES (?, ?, ?, ?)')
      .run(hashSecret(code), session, origin, expires);
    return { code, expiresAt: new Date(expires).toISOString() };
  }

  /**
   * @returns the secret for a cookie of that origin
   * @throws BulkheadError FLEET_PEOPLE_HANDOVER_REFUSED; the code is spent then too
   */
  redeem(code: string, origin: string): { secret: string; person: string; session: string } {
    const now = this.#clock();
    // Deleting and reading are one statement: of two who come at once, one gets it.
    const handover = this.#db
      .prepare<[string], { session: string; origin: string; expires: number }>(
        'DELETE FROM people_handovers WHERE hash = ? RETURNING session, origin, expires',
      )
      .get(hashSecret(code));
    const parent =
      handover === undefined
        ? undefined
        : this.#db
            .prepare<[string], Row>('SELECT * FROM people_sessions WHERE id = ? AND origin IS NULL')
            .get(handover.session);
    if (
      handover === undefined ||
      parent === undefined ||
      handover.origin !== origin ||
      handover.expires <= now ||
      endOf(parent) <= now
    ) {
      throw new BulkheadError({
        code: 'FLEET_PEOPLE_HANDOVER_REFUSED',
        message: 'The code that opens this page is wrong, used, too old, or for another page.',
        hint: 'Open the page again from the fleet.',
      });
    }
    // One for each origin: the page opened again takes the place of the former.
    this.#db.prepare('DELETE FROM people_sessions WHERE parent = ? AND origin = ?').run(parent.id, origin);
    const made = this.#insert({ ...parent, parent: parent.id, origin, last_seen: now });
    return { secret: made.secret, person: parent.person, session: made.id };
  }

  #insert(row: Omit<Row, 'id' | 'hash'>): { secret: string; id: string } {
    const [secret, id] = [randomSecret(), randomId('e')];
    this.#db
      .prepare(
        `INSERT INTO people_sessions (id, hash, person, parent, origin, how, address, agent, created, last_seen)
         VALUES (@id, @hash, @person, @parent, @origin, @how, @address, @agent, @created, @last_seen)`,
      )
      .run({ ...row, id, hash: hashSecret(secret), agent: row.agent.slice(0, 200) });
    return { secret, id };
  }

  #sweep(): void {
    const now = this.#clock();
    this.#db
      .prepare('DELETE FROM people_sessions WHERE last_seen <= ? OR created <= ?')
      .run(now - SESSION_IDLE_MS, now - SESSION_LONGEST_MS);
    this.#db.prepare('DELETE FROM people_handovers WHERE expires <= ?').run(now);
  }
}

function endOf(row: Row): number {
  return Math.min(row.last_seen + SESSION_IDLE_MS, row.created + SESSION_LONGEST_MS);
}
