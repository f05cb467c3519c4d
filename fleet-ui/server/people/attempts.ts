import type { Database } from 'better-sqlite3';
import { BulkheadError, ipv6Groups } from '@bulkhead/platform/kernel';
import { hashSecret } from './secrets.ts';

/** What is counted, and how patiently. */
interface Patience {
  /** Failures before anybody has to wait. */
  free: number;
  firstWaitMs: number;
  longestWaitMs: number;
  /** Without a further failure, the count is forgotten after this. */
  forgetMs: number;
}

const MINUTE_MS = 60_000;
const PATIENCE = {
  account: { free: 5, firstWaitMs: 5_000, longestWaitMs: 15 * MINUTE_MS, forgetMs: 24 * 60 * MINUTE_MS },
  // Many people can sit behind one address.
  address: { free: 20, firstWaitMs: 5_000, longestWaitMs: 15 * MINUTE_MS, forgetMs: 60 * MINUTE_MS },
} satisfies Record<string, Patience>;

const ROWS_MOST = 50_000;

interface Row {
  failures: number;
  last: number;
  until: number;
}

export interface Attempt {
  /** It was the right secret: the account's count starts again, and the address gets this one back. */
  succeeded(): void;
  /** It was nobody's fault: nothing is counted. */
  withdrawn(): void;
}

/**
 * Counts failed attempts for each account and each address, and makes who fails too often wait, twice as long each time.
 *
 * INVARIANTS: an attempt counts as failed from its beginning until it is known to have succeeded, so that many at once gain nothing.
 * Names without an account are counted alike. Counts survive a restart. The table is bounded; names are in it as hashes.
 */
export class Attempts {
  readonly #db: Database;
  readonly #clock: () => number;

  constructor(db: Database, clock: () => number) {
    this.#db = db;
    this.#clock = clock;
  }

  /**
   * @param account name of the account; undefined for secrets that nobody can guess, where only the address is held up
   * @throws BulkheadError FLEET_PEOPLE_TOO_MANY with the seconds to wait in `fields.retryAfterS`
   */
  begin(account: string | undefined, address: string): Attempt {
    const ofAddress = { key: hashSecret(`address ${networkOf(address)}`), patience: PATIENCE.address };
    const ofAccount =
      account === undefined
        ? undefined
        : { key: hashSecret(`account ${account}`), patience: PATIENCE.account };
    const counted = ofAccount === undefined ? [ofAddress] : [ofAccount, ofAddress];
    const now = this.#clock();
    const waitMs = Math.max(...counted.map(({ key }) => (this.#row(key)?.until ?? 0) - now));
    if (waitMs > 0) throw tooMany(waitMs);
    for (const { key, patience } of counted) this.#fail(key, patience, now);
    this.#prune(now);
    return {
      succeeded: () => {
        if (ofAccount !== undefined) this.#forget(ofAccount.key);
        this.#takeBack(ofAddress.key, ofAddress.patience);
      },
      withdrawn: () => {
        for (const { key, patience } of counted) this.#takeBack(key, patience);
      },
    };
  }

  #fail(key: string, patience: Patience, now: number): void {
    const before = this.#row(key);
    const failures = before === undefined || now - before.last > patience.forgetMs ? 1 : before.failures + 1;
    this.#put(key, { failures, last: now, until: now + waitAfter(failures, patience) });
  }

  #takeBack(key: string, patience: Patience): void {
    const row = this.#row(key);
    if (row === undefined) return;
    const failures = row.failures - 1;
    if (failures <= 0) this.#forget(key);
    else this.#put(key, { failures, last: row.last, until: row.last + waitAfter(failures, patience) });
  }

  #row(key: string): Row | undefined {
    return this.#db
      .prepare<[string], Row>('SELECT failures, last, until FROM people_attempts WHERE key = ?')
      .get(key);
  }

  #put(key: string, { failures, last, until }: Row): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO people_attempts (key, failures, last, until) VALUES (?, ?, ?, ?)')
      .run(key, failures, last, until);
  }

  #forget(key: string): void {
    this.#db.prepare('DELETE FROM people_attempts WHERE key = ?').run(key);
  }

  /** The oldest go first; a flood of made-up names then costs its author waiting by address, and the store nothing. */
  #prune(now: number): void {
    this.#db
      .prepare(
        `DELETE FROM people_attempts WHERE last < ? OR key IN (
           SELECT key FROM people_attempts ORDER BY last DESC LIMIT -1 OFFSET ?)`,
      )
      .run(now - PATIENCE.account.forgetMs, ROWS_MOST);
  }
}

/** What counts as one place: an IPv4 address, or the /64 that one IPv6 subscriber has to himself. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!plain.includes(':')) return plain;
  return `${ipv6Groups(plain.toLowerCase())
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}

function waitAfter(failures: number, patience: Patience): number {
  const over = failures - patience.free;
  return over < 0 ? 0 : Math.min(patience.longestWaitMs, patience.firstWaitMs * 2 ** Math.min(over, 20));
}

function tooMany(waitMs: number): BulkheadError {
  const retryAfterS = Math.ceil(waitMs / 1000);
  return new BulkheadError({
    code: 'FLEET_PEOPLE_TOO_MANY',
    message: `Too many failed attempts; the next one is taken in ${String(retryAfterS)} seconds.`,
    hint: 'Wait as long as it says.',
    fields: { retryAfterS },
  });
}
