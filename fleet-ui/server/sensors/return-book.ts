import type { Database } from 'better-sqlite3';

/** One machine that asks to return, known by the key for which it wants a certificate. Times in milliseconds since 1970. */
export interface ReturnRecord {
  id: number;
  sensor: string;
  serial: string;
  keyDigest: string;
  address: string;
  version: string | undefined;
  hostname: string | undefined;
  why: 'expired' | 'forgotten' | 'early';
  state: 'waiting' | 'granted' | 'refused';
  askedMs: number;
  lastMs: number;
  /** PEM, once it was issued. */
  chain: string | undefined;
}

interface Row {
  id: number;
  sensor: string;
  serial: string;
  key_digest: string;
  address: string;
  version: string | null;
  hostname: string | null;
  why: ReturnRecord['why'];
  state: ReturnRecord['state'];
  asked_ms: number;
  last_ms: number;
  chain: string | null;
}

/** Machines that wait at once for one sensor: there should be one. */
const WAITING_MOST = 3;
/** Who has not asked for so long does not wait any more. */
const FORGET_MS = 7 * 86_400_000;

/** Who asked to return. Every method is one statement or one transaction. */
export class ReturnBook {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  find(sensor: string, keyDigest: string): ReturnRecord | undefined {
    const row = this.#db
      .prepare<[string, string], Row>('SELECT * FROM sensors_returns WHERE sensor = ? AND key_digest = ?')
      .get(sensor, keyDigest);
    return row && toRecord(row);
  }

  /** The newest first. */
  of(sensor: string): ReturnRecord[] {
    return this.#db
      .prepare<[string, number], Row>(
        'SELECT * FROM sensors_returns WHERE sensor = ? AND last_ms > ? ORDER BY id DESC',
      )
      .all(sensor, this.#now() - FORGET_MS)
      .map(toRecord);
  }

  waiting(): ReturnRecord[] {
    return this.#db
      .prepare<[number], Row>(
        `SELECT * FROM sensors_returns WHERE state = 'waiting' AND last_ms > ? ORDER BY id`,
      )
      .all(this.#now() - FORGET_MS)
      .map(toRecord);
  }

  ask(
    request: Pick<
      ReturnRecord,
      'sensor' | 'serial' | 'keyDigest' | 'address' | 'version' | 'hostname' | 'why'
    >,
  ): { fresh: boolean } {
    const { sensor, keyDigest } = request;
    return this.#db.transaction(() => {
      const before = this.find(sensor, keyDigest);
      if (before !== undefined) {
        this.#db
          .prepare('UPDATE sensors_returns SET last_ms = ?, address = ? WHERE id = ?')
          .run(this.#now(), request.address, before.id);
        return { fresh: false };
      }
      this.#db
        .prepare(
          `INSERT INTO sensors_returns (sensor, serial, key_digest, address, version, hostname, why, state, asked_ms, last_ms)
           VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?)`,
        )
        .run(
          sensor,
          request.serial,
          keyDigest,
          request.address,
          request.version ?? null,
          request.hostname ?? null,
          request.why,
          this.#now(),
          this.#now(),
        );
      this.#db
        .prepare(
          `DELETE FROM sensors_returns WHERE sensor = ? AND id NOT IN
           (SELECT id FROM sensors_returns WHERE sensor = ? ORDER BY state = 'waiting' DESC, id DESC LIMIT ?)`,
        )
        .run(sensor, sensor, WAITING_MOST);
      return { fresh: true };
    })();
  }

  decide(id: number, state: 'granted' | 'refused'): void {
    this.#db
      .prepare('UPDATE sensors_returns SET state = ?, decided_ms = ? WHERE id = ?')
      .run(state, this.#now(), id);
  }

  issued(id: number, chain: string): void {
    this.#db.prepare('UPDATE sensors_returns SET chain = ? WHERE id = ?').run(chain, id);
  }

  /** Nobody returns as this sensor on the strength of an earlier decision. */
  clear(sensor: string): void {
    this.#db.prepare('DELETE FROM sensors_returns WHERE sensor = ?').run(sensor);
  }
}

function toRecord(row: Row): ReturnRecord {
  return {
    id: row.id,
    sensor: row.sensor,
    serial: row.serial,
    keyDigest: row.key_digest,
    address: row.address,
    version: row.version ?? undefined,
    hostname: row.hostname ?? undefined,
    why: row.why,
    state: row.state,
    askedMs: row.asked_ms,
    lastMs: row.last_ms,
    chain: row.chain ?? undefined,
  };
}
