import type { Database } from 'better-sqlite3';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { Seal } from './sealed.ts';
import { hashSecret, randomTypedCode, readTypedCode } from './secrets.ts';
import { checkTotp, newTotpSecret, totpUri } from './totp.ts';

const RECOVERY_CODES = 10;
/** Stands before a secret that is sealed; one that is not is base32 and holds no dot. */
const SEALED = 'sealed.';

interface Row {
  name: string;
  totp_secret: string | null;
  totp_pending: string | null;
  totp_step: number;
}

/**
 * Codes of an authenticator app, and recovery codes in their stead.
 *
 * INVARIANTS: a code is taken once; of two who come with the same one at once, one is refused. A secret counts only after a code
 * of it was shown, so that nobody locks themselves out.
 */
export class SecondFactor {
  readonly #db: Database;
  readonly #clock: () => number;
  readonly #changed: (person: string) => void;
  readonly #seal: Seal | undefined;

  /**
   * @param changed called when an account has a second factor or has none any more
   * @param seal for the secrets in the database; without, they stand there as they are
   */
  constructor(db: Database, clock: () => number, changed: (person: string) => void, seal?: Seal) {
    this.#db = db;
    this.#clock = clock;
    this.#changed = changed;
    this.#seal = seal;
  }

  /** Seals what an earlier version kept as it was. @returns names of accounts whose secret cannot be opened with this key */
  sealAll(): string[] {
    if (this.#seal === undefined) return [];
    const rows = this.#db
      .prepare<[], Row & { id: string }>(
        `SELECT id, name, totp_secret, totp_pending, totp_step FROM people_accounts
         WHERE totp_secret IS NOT NULL OR totp_pending IS NOT NULL`,
      )
      .all();
    const sealed = (id: string, kept: string | null) =>
      kept === null || kept.startsWith(SEALED) ? kept : this.#sealed(id, kept);
    this.#db.transaction(() => {
      const keep = this.#db.prepare(
        'UPDATE people_accounts SET totp_secret = ?, totp_pending = ? WHERE id = ?',
      );
      for (const { id, totp_secret, totp_pending } of rows)
        keep.run(sealed(id, totp_secret), sealed(id, totp_pending), id);
    })();
    const lost = rows.filter(
      ({ id, totp_secret: kept }) => kept !== null && this.#opened(id, kept) === undefined,
    );
    return lost.map(({ name }) => name);
  }

  /** @throws BulkheadError FLEET_PEOPLE_TOTP_SET */
  begin(person: string): { secret: string; uri: string } {
    const row = this.#row(person);
    if (row === undefined || row.totp_secret !== null) throw alreadySet('is set already');
    const secret = newTotpSecret();
    this.#db
      .prepare('UPDATE people_accounts SET totp_pending = ? WHERE id = ?')
      .run(this.#sealed(person, secret), person);
    return { secret, uri: totpUri(secret, row.name) };
  }

  /** @returns recovery codes @throws BulkheadError FLEET_PEOPLE_TOTP_SET, FLEET_PEOPLE_CODE_REFUSED */
  async confirm(person: string, code: string): Promise<string[]> {
    const pending = this.#row(person)?.totp_pending ?? null;
    if (pending === null) throw alreadySet('was not begun');
    const secret = this.#opened(person, pending);
    if (secret === undefined) throw alreadySet('was begun with another key');
    const step = await checkTotp(secret, code, this.#clock(), 0);
    if (step === undefined) throw codeRefused();
    const codes = Array.from({ length: RECOVERY_CODES }, () => randomTypedCode());
    this.#db.transaction(() => {
      const { changes } = this.#db
        .prepare(
          `UPDATE people_accounts SET totp_secret = totp_pending, totp_pending = NULL, totp_step = ?
           WHERE id = ? AND totp_pending = ? AND totp_secret IS NULL`,
        )
        .run(step, person, pending);
      if (changes === 0) throw alreadySet('is set already');
      this.#db.prepare('DELETE FROM people_recovery_codes WHERE person = ?').run(person);
      const add = this.#db.prepare('INSERT INTO people_recovery_codes (person, hash) VALUES (?, ?)');
      for (const one of codes) add.run(person, hashSecret(readTypedCode(one)));
    })();
    this.#changed(person);
    return codes;
  }

  remove(person: string): void {
    this.#db.transaction(() => {
      this.#db
        .prepare(
          'UPDATE people_accounts SET totp_secret = NULL, totp_pending = NULL, totp_step = 0 WHERE id = ?',
        )
        .run(person);
      this.#db.prepare('DELETE FROM people_recovery_codes WHERE person = ?').run(person);
    })();
    this.#changed(person);
  }

  /** True once for each code. */
  async takeCode(person: string, code: string): Promise<boolean> {
    const row = this.#row(person);
    if (row === undefined || row.totp_secret === null) return false;
    const secret = this.#opened(person, row.totp_secret);
    if (secret === undefined) return false;
    const step = await checkTotp(secret, code, this.#clock(), row.totp_step);
    if (step === undefined) return false;
    // Somebody may have come with it while it was computed.
    return (
      this.#db
        .prepare(
          'UPDATE people_accounts SET totp_step = ? WHERE id = ? AND totp_secret = ? AND totp_step < ?',
        )
        .run(step, person, row.totp_secret, step).changes === 1
    );
  }

  /** True once for each code. */
  takeRecoveryCode(person: string, code: string): boolean {
    return (
      this.#db
        .prepare('DELETE FROM people_recovery_codes WHERE person = ? AND hash = ?')
        .run(person, hashSecret(readTypedCode(code))).changes === 1
    );
  }

  recoveryCodesLeft(person: string): number {
    return (
      this.#db
        .prepare<[string], number>('SELECT count(*) FROM people_recovery_codes WHERE person = ?')
        .pluck()
        .get(person) ?? 0
    );
  }

  #sealed(person: string, secret: string): string {
    return this.#seal === undefined ? secret : SEALED + this.#seal.seal({ person, secret });
  }

  /** undefined: sealed with another key, or for somebody else */
  #opened(person: string, kept: string): string | undefined {
    if (!kept.startsWith(SEALED)) return kept;
    const inside = this.#seal?.open(kept.slice(SEALED.length)) as
      { person?: unknown; secret?: unknown } | undefined;
    return inside?.person === person && typeof inside.secret === 'string' ? inside.secret : undefined;
  }

  #row(person: string): Row | undefined {
    return this.#db
      .prepare<[string], Row>(
        'SELECT name, totp_secret, totp_pending, totp_step FROM people_accounts WHERE id = ?',
      )
      .get(person);
  }
}

export function codeRefused(): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_CODE_REFUSED',
    message: 'The code is wrong, or was used already.',
    hint: 'Wait for the next code; check the clock of the telephone and of the fleet.',
  });
}

function alreadySet(what: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_TOTP_SET',
    message: `The second factor ${what}.`,
    hint: 'Remove it first, or begin again.',
  });
}
