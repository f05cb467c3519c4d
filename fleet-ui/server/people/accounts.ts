import type { Database } from 'better-sqlite3';
import type { Person, PersonChange, RoleAssignment } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { isFullAdmin } from './rights.ts';
import { hashSecret, randomId, randomTypedCode, readTypedCode } from './secrets.ts';

const ACCOUNTS_MOST = 5_000;
const INVITATION_MS = 72 * 3_600_000;
const ADDRESSES_MOST = 20;

/** An account as it is stored; roles are parsed and frozen. */
export interface Account {
  readonly id: string;
  readonly name: string;
  readonly displayName: string;
  readonly roles: readonly RoleAssignment[];
  readonly disabled: boolean;
  readonly password: string | undefined;
  readonly sso: boolean;
  readonly totpSecret: string | undefined;
  readonly created: number;
  readonly lastSignIn: number | undefined;
}

interface Row {
  id: string;
  name: string;
  display_name: string;
  roles: string;
  disabled: number;
  password: string | null;
  issuer: string | null;
  totp_secret: string | null;
  created: number;
  last_sign_in: number | null;
}

/**
 * Who has an account.
 *
 * INVARIANTS: once there was one, there is always an administrator with a password, a role that is not narrowed, and an account
 * that is not disabled; whatever would end that is undone and refused. Nothing here judges who asks: the routes do.
 */
export class Accounts {
  readonly #db: Database;
  readonly #clock: () => number;
  /** Only this process writes the store; each change empties it. */
  readonly #cache = new Map<string, Account>();

  constructor(db: Database, clock: () => number) {
    this.#db = db;
    this.#clock = clock;
  }

  get count(): number {
    return this.#db.prepare<[], number>('SELECT count(*) FROM people_accounts').pluck().get() ?? 0;
  }

  find(id: string): Account | undefined {
    const cached = this.#cache.get(id);
    if (cached !== undefined) return cached;
    const row = this.#db.prepare<[string], Row>('SELECT * FROM people_accounts WHERE id = ?').get(id);
    if (row === undefined) return undefined;
    const account = read(row);
    this.#cache.set(id, account);
    return account;
  }

  /** @throws BulkheadError FLEET_PEOPLE_NOT_FOUND */
  get(id: string): Account {
    const account = this.find(id);
    if (account === undefined)
      throw new BulkheadError({
        code: 'FLEET_PEOPLE_NOT_FOUND',
        message: `There is no person ${id}.`,
        hint: 'They may have been removed a moment ago; load the list again.',
      });
    return account;
  }

  byName(name: string): Account | undefined {
    const id = this.#db
      .prepare<[string], string>('SELECT id FROM people_accounts WHERE name = ?')
      .pluck()
      .get(name.trim().toLowerCase());
    return id === undefined ? undefined : this.find(id);
  }

  list(): Account[] {
    return this.#db.prepare<[], Row>('SELECT * FROM people_accounts ORDER BY name').all().map(read);
  }

  /** @throws BulkheadError FLEET_PEOPLE_NAME_TAKEN, FLEET_PEOPLE_TOO_MANY_OF_THEM */
  add(person: {
    name: string;
    displayName: string;
    roles: readonly RoleAssignment[];
    password?: string;
    sso?: { issuer: string; subject: string };
  }): Account {
    if (this.count >= ACCOUNTS_MOST)
      throw new BulkheadError({
        code: 'FLEET_PEOPLE_TOO_MANY_OF_THEM',
        message: `A fleet keeps at most ${String(ACCOUNTS_MOST)} accounts.`,
        hint: 'Remove those that nobody uses.',
      });
    if (this.byName(person.name) !== undefined)
      throw new BulkheadError({
        code: 'FLEET_PEOPLE_NAME_TAKEN',
        message: `Somebody is called ${person.name} already.`,
        fields: { name: person.name },
      });
    const id = randomId('p');
    this.#db
      .prepare(
        `INSERT INTO people_accounts (id, name, display_name, roles, password, issuer, subject, created)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        ...[id, person.name, person.displayName, JSON.stringify(person.roles), person.password ?? null],
        ...[person.sso?.issuer ?? null, person.sso?.subject ?? null, this.#clock()],
      );
    return this.get(id);
  }

  bySubject(issuer: string, subject: string): Account | undefined {
    const id = this.#db
      .prepare<[string, string], string>('SELECT id FROM people_accounts WHERE issuer = ? AND subject = ?')
      .pluck()
      .get(issuer, subject);
    return id === undefined ? undefined : this.find(id);
  }

  /** @throws BulkheadError FLEET_PEOPLE_NOT_FOUND, FLEET_PEOPLE_LAST_ADMIN */
  change(id: string, change: PersonChange & { password?: string }): Account {
    const { displayName, roles, disabled, password } = change;
    this.#changing(id, (before) => {
      this.#db
        .prepare(
          'UPDATE people_accounts SET display_name = ?, roles = ?, disabled = ?, password = ? WHERE id = ?',
        )
        .run(
          displayName ?? before.displayName,
          JSON.stringify(roles ?? before.roles),
          (disabled ?? before.disabled) ? 1 : 0,
          password ?? before.password ?? null,
          id,
        );
    });
    return this.get(id);
  }

  /** With sessions, tokens and codes. The audit log keeps the name. @throws as {@link change} */
  remove(id: string): void {
    this.#changing(id, () => this.#db.prepare('DELETE FROM people_accounts WHERE id = ?').run(id));
  }

  /**
   * A new code to choose a password with.
   * @param keep the password stays until the code is used; else it is void at once
   * @throws as {@link change}
   */
  invite(
    id: string,
    options: { keep?: boolean; forgetTotp?: boolean } = {},
  ): { code: string; expires: number } {
    const code = randomTypedCode();
    const expires = this.#clock() + INVITATION_MS;
    this.#changing(id, () => {
      if (options.keep !== true)
        this.#db.prepare('UPDATE people_accounts SET password = NULL WHERE id = ?').run(id);
      if (options.forgetTotp === true) {
        this.#db
          .prepare(
            'UPDATE people_accounts SET totp_secret = NULL, totp_pending = NULL, totp_step = 0 WHERE id = ?',
          )
          .run(id);
        this.#db.prepare('DELETE FROM people_recovery_codes WHERE person = ?').run(id);
      }
      this.#db
        .prepare('INSERT OR REPLACE INTO people_invitations (person, hash, expires) VALUES (?, ?, ?)')
        .run(id, hashSecret(readTypedCode(code)), expires);
    });
    return { code, expires };
  }

  /** Whose invitation that is, as long as it is valid. */
  invited(code: string): Account | undefined {
    const found = this.#db
      .prepare<[string, number], string>(
        'SELECT person FROM people_invitations WHERE hash = ? AND expires > ?',
      )
      .pluck()
      .get(hashSecret(readTypedCode(code)), this.#clock());
    return found === undefined ? undefined : this.find(found);
  }

  /** Of two who come at once, one gets it. @returns false when the code was used meanwhile */
  accept(code: string, password: string): boolean {
    return this.#db.transaction(() => {
      const id = this.#db
        .prepare<[string, number], string>(
          'DELETE FROM people_invitations WHERE hash = ? AND expires > ? RETURNING person',
        )
        .pluck()
        .get(hashSecret(readTypedCode(code)), this.#clock());
      if (id === undefined) return false;
      this.change(id, { password });
      return true;
    })();
  }

  /** Somebody signed in from there: whoever else fails at this name does not hold them up there from now on. */
  signedIn(id: string, network: string): void {
    const now = this.#clock();
    this.#cache.delete(id);
    this.#db.prepare('UPDATE people_accounts SET last_sign_in = ? WHERE id = ?').run(now, id);
    this.#db
      .prepare('INSERT OR REPLACE INTO people_addresses (person, address, last) VALUES (?, ?, ?)')
      .run(id, network, now);
    this.#db
      .prepare(
        `DELETE FROM people_addresses WHERE person = ? AND address IN
           (SELECT address FROM people_addresses WHERE person = ? ORDER BY last DESC LIMIT -1 OFFSET ?)`,
      )
      .run(id, id, ADDRESSES_MOST);
  }

  hasSignedInFrom(id: string, network: string): boolean {
    return (
      this.#db.prepare('SELECT 1 FROM people_addresses WHERE person = ? AND address = ?').get(id, network) !==
      undefined
    );
  }

  /** After a change of the row that was not made here (second factor). */
  changed(id: string): void {
    this.#cache.delete(id);
  }

  #changing(id: string, work: (before: Account) => void): void {
    try {
      this.#db.transaction(() => {
        const before = this.get(id);
        work(before);
        this.#cache.clear();
        if (isKeeper(before) && !this.list().some(isKeeper)) throw lastAdmin(before.name);
      })();
    } finally {
      this.#cache.clear();
    }
  }
}

export function shownPerson(account: Account): Person {
  return {
    id: account.id,
    name: account.name,
    displayName: account.displayName,
    roles: [...account.roles],
    disabled: account.disabled,
    kind: account.sso ? 'sso' : account.password === undefined ? 'invited' : 'password',
    totp: account.totpSecret !== undefined,
    createdAt: new Date(account.created).toISOString(),
    lastSignInAt: account.lastSignIn === undefined ? null : new Date(account.lastSignIn).toISOString(),
  };
}

/** One whose presence lets a fleet be managed, whatever an identity provider says. */
function isKeeper(account: Account): boolean {
  return !account.disabled && account.password !== undefined && isFullAdmin(account.roles);
}

function lastAdmin(name: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_LAST_ADMIN',
    message: `${name} is the last administrator who signs in with a password.`,
    hint: 'Make somebody else an administrator first, with a role that is not narrowed.',
    fields: { name },
  });
}

function read(row: Row): Account {
  return Object.freeze({
    id: row.id,
    name: row.name,
    displayName: row.display_name,
    roles: JSON.parse(row.roles) as RoleAssignment[],
    disabled: row.disabled === 1,
    password: row.password ?? undefined,
    sso: row.issuer !== null,
    totpSecret: row.totp_secret ?? undefined,
    created: row.created,
    lastSignIn: row.last_sign_in ?? undefined,
  });
}
