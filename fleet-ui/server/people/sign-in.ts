import type { AcceptInvitation, SetUpRequest, SignInRequest } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { Account, Accounts } from './accounts.ts';
import { networkOf, type Attempt, type Attempts } from './attempts.ts';
import { checkPassword } from './password-rules.ts';
import type { Passwords } from './passwords.ts';
import { codeRefused, type SecondFactor } from './second-factor.ts';
import { hashSecret, randomTypedCode, readTypedCode, sameHash } from './secrets.ts';

/** What signing in needs of the other parts. */
export interface SignInParts {
  accounts: Accounts;
  attempts: Attempts;
  passwords: Passwords;
  secondFactor: SecondFactor;
}

/**
 * Proves who somebody is, by passwords and codes.
 *
 * INVARIANTS: every try is counted before it is checked. A name without an account, with a disabled one or one without a password
 * takes as long and is answered in the same words as a wrong password. What was proved is looked at again after each wait.
 */
export class SignIn {
  readonly #parts: SignInParts;
  /** While nobody has set the fleet up. Only in memory: a new one with each start. */
  #setUpCode: string | undefined;

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  get setUpNeeded(): boolean {
    return this.#parts.accounts.count === 0;
  }

  /** What the first person has to type in; undefined when there is one. */
  setUpCode(): string | undefined {
    if (!this.setUpNeeded) return undefined;
    this.#setUpCode ??= randomTypedCode();
    return this.#setUpCode;
  }

  /** Makes the first account. @throws BulkheadError FLEET_PEOPLE_SET_UP_DONE, FLEET_PEOPLE_SET_UP_REFUSED, FLEET_PEOPLE_PASSWORD_WEAK */
  async setUp(request: SetUpRequest, address: string): Promise<Account> {
    if (!this.setUpNeeded) throw setUpDone();
    const attempt = this.#parts.attempts.begin(undefined, address);
    const expected = this.setUpCode();
    const given = hashSecret(readTypedCode(request.code));
    if (expected === undefined || !sameHash(given, hashSecret(readTypedCode(expected)))) {
      throw new BulkheadError({
        code: 'FLEET_PEOPLE_SET_UP_REFUSED',
        message: 'The set-up code is wrong.',
        hint: 'It stands in the output of fleetd; each start prints a new one.',
        fields: { pointer: '/code' },
      });
    }
    attempt.succeeded();
    const displayName = request.displayName ?? request.name;
    checkPassword(request.password, [request.name, displayName]);
    const password = await this.#parts.passwords.hash(request.password);
    // Two may have come with the code at once.
    if (this.#parts.accounts.count > 0) throw setUpDone();
    const account = this.#parts.accounts.add({
      name: request.name,
      displayName,
      roles: [{ role: 'admin' }],
      password,
    });
    this.#setUpCode = undefined;
    this.#parts.accounts.signedIn(account.id, networkOf(address));
    return account;
  }

  /**
   * @param noted told whose account is tried, for the audit log
   * @throws BulkheadError FLEET_PEOPLE_SIGN_IN_REFUSED, FLEET_PEOPLE_CODE_NEEDED, FLEET_PEOPLE_CODE_REFUSED, FLEET_PEOPLE_TOO_MANY
   */
  async withPassword(
    request: SignInRequest,
    address: string,
    noted: (account: Account) => void,
  ): Promise<Account> {
    const { accounts, passwords } = this.#parts;
    const before = accounts.byName(request.name);
    if (before !== undefined) noted(before);
    const attempt = this.#begin(before, request.name, address);
    const right = await this.#orWithdrawn(attempt, passwords.verify(before?.password, request.password));
    if (before === undefined || !right || before.disabled) throw refused();
    // With the second factor that was set meanwhile.
    const account = this.#unchanged(before);
    if (account.totpSecret !== undefined) await this.#secondFactor(account, request, attempt);
    const now = this.#unchanged(account);
    attempt.succeeded();
    if (now.password !== undefined && passwords.outdated(now.password)) {
      const password = await passwords.hash(request.password);
      this.#unchanged(now);
      accounts.change(now.id, { password });
    }
    accounts.signedIn(now.id, networkOf(address));
    return accounts.get(now.id);
  }

  /**
   * Proves that who is signed in knows the password too.
   * @param further what else must be proved; its failure counts alike
   * @throws as {@link withPassword}, FLEET_PEOPLE_ACCOUNT_KIND
   */
  async again(
    account: Account,
    password: string,
    address: string,
    further?: () => Promise<void>,
  ): Promise<void> {
    if (account.sso) throw ofProvider(account.name);
    const attempt = this.#begin(account, account.name, address);
    const right = await this.#orWithdrawn(attempt, this.#parts.passwords.verify(account.password, password));
    if (!right) throw refused();
    await further?.();
    this.#unchanged(account);
    attempt.succeeded();
  }

  /** @throws BulkheadError FLEET_PEOPLE_PASSWORD_WEAK and as {@link again} */
  async changePassword(account: Account, current: string, next: string, address: string): Promise<void> {
    await this.again(account, current, address);
    checkPassword(next, [account.name, account.displayName]);
    const password = await this.#parts.passwords.hash(next);
    this.#unchanged(account);
    this.#parts.accounts.change(account.id, { password });
  }

  /** @throws BulkheadError FLEET_PEOPLE_INVITATION_REFUSED, FLEET_PEOPLE_PASSWORD_WEAK, FLEET_PEOPLE_CODE_NEEDED */
  async acceptInvitation(request: AcceptInvitation, address: string): Promise<Account> {
    const { accounts, attempts, passwords } = this.#parts;
    const attempt = attempts.begin(undefined, address);
    const account = accounts.invited(request.code);
    if (account === undefined || account.disabled || account.sso) throw invitationRefused();
    attempt.withdrawn();
    checkPassword(request.password, [account.name, account.displayName]);
    const password = await passwords.hash(request.password);
    // Disabled or used meanwhile.
    if (accounts.find(account.id)?.disabled !== false || !accounts.accept(request.code, password))
      throw invitationRefused();
    return accounts.get(account.id);
  }

  /** Who has signed in from there before is counted apart: strangers who try that name elsewhere do not keep them out. */
  #begin(account: Account | undefined, typed: string, address: string): Attempt {
    const name = account?.name ?? typed.trim().toLowerCase();
    const network = networkOf(address);
    const known = account !== undefined && this.#parts.accounts.hasSignedInFrom(account.id, network);
    return this.#parts.attempts.begin(known ? `${name} at ${network}` : name, address);
  }

  async #secondFactor(account: Account, request: SignInRequest, attempt: Attempt): Promise<void> {
    const { secondFactor } = this.#parts;
    if (request.code === undefined && request.recoveryCode === undefined) {
      attempt.withdrawn();
      throw new BulkheadError({
        code: 'FLEET_PEOPLE_CODE_NEEDED',
        message: 'The account has a second factor: a code is needed too.',
        hint: 'Type in the code that the authenticator app shows, or a recovery code.',
      });
    }
    const taken =
      request.code === undefined
        ? secondFactor.takeRecoveryCode(account.id, request.recoveryCode ?? '')
        : await secondFactor.takeCode(account.id, request.code);
    if (!taken) throw codeRefused();
  }

  async #orWithdrawn<T>(attempt: Attempt, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      attempt.withdrawn();
      throw error;
    }
  }

  /** While a password was computed, the account may have been disabled, removed, or given another one. */
  #unchanged(before: Account): Account {
    const now = this.#parts.accounts.find(before.id);
    if (now === undefined || now.disabled || now.password !== before.password) throw refused();
    return now;
  }
}

/** @throws BulkheadError FLEET_PEOPLE_ACCOUNT_KIND */
export function ofProvider(name: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_ACCOUNT_KIND',
    message: `${name} signs in at the identity provider.`,
    hint: 'Password, second factor and roles are kept there.',
  });
}

function refused(): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_SIGN_IN_REFUSED',
    message: 'Name or password is wrong.',
    hint: 'Try again. An administrator can issue an invitation for a new password.',
  });
}

function setUpDone(): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_SET_UP_DONE',
    message: 'The fleet is set up already.',
    hint: 'Sign in, or ask an administrator for an account.',
  });
}

function invitationRefused(): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_INVITATION_REFUSED',
    message: 'The invitation is wrong, used or too old.',
    hint: 'Ask an administrator for a new one.',
    fields: { pointer: '/code' },
  });
}
