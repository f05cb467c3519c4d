import type { Database } from 'better-sqlite3';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { hashSecret, randomTypedCode, readTypedCode } from './secrets.ts';
import { checkTotp, newTotpSecret, totpUri } from './totp.ts';

const RECOVERY_CODES = 10;

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

  /** @param changed called when an account has a second factor or has none any more */
  constructor(db: Database, clock: () => number, changed: (person: string) => void) {
    this.#db = db;
    this.#clock = clock;
    this.#changed = changed;
  }

  /** @throws BulkheadError FLEET_PEOPLE_TOTP_SET */
  begin(person: string): { secret: string; uri: string } {
    const row = this.#row(person);
    if (row === undefined || row.totp_secret !== null) throw alreadySet('is set already');
    const secret = newTotpSecret();
    this.#db.prepare('UPDATE people_accounts SET totp_pending = ? WHERE id = ?').run(secret, person);
    return { secret, uri: totpUri(secret, row.name) };
  }

  /** @returns recovery codes @throws BulkheadError FLEET_PEOPLE_TOTP_SET, FLEET_PEOPLE_CODE_REFUSED */
  async confirm(person: string, code: string): Promise<string[]> {
    const pending = this.#row(person)?.totp_pending ?? null;
    if (pending === null) throw alreadySet('was not begun');
    const step = await checkTotp(pending, code, this.#clock(), 0);
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
    const step = await checkTotp(row.totp_secret, code, this.#clock(), row.totp_step);
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
