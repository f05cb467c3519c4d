import { ROLES, type Role, type RoleAssignment, type TokenScope } from '@bulkhead/fleet-api';
import type { Account, Accounts } from './accounts.ts';
import { judge, type GroupsOf, type Judgement } from './rights.ts';
import type { LiveSession, Sessions } from './sessions.ts';
import type { LiveToken, Tokens } from './tokens.ts';

/** Who sends a request: a person in a browser, or a token that acts for one. */
export interface Identity extends Judgement {
  readonly id: string;
  readonly name: string;
  /** Without their narrowing: for showing. `may` judges. */
  readonly roles: readonly Role[];
  /** `session`, or `token` with its id: for the audit log. */
  readonly by: string;
  /** Id of the session; undefined for a token. */
  readonly session: string | undefined;
  /**
   * False as soon as session, token or account is ended, or has other roles: who goes on for long (a stream, a WebSocket) asks,
   * ends, and comes again as what they are now.
   */
  isAlive(): boolean;
}

/**
 * Finds out who somebody is by what they hold.
 *
 * INVARIANTS: everything is asked of the store each time, so that what was taken away is gone with the next request; a disabled
 * account is nobody.
 */
export class Identities {
  readonly #accounts: Accounts;
  readonly #sessions: Sessions;
  readonly #tokens: Tokens;
  readonly #groupsOf: GroupsOf;

  constructor(accounts: Accounts, sessions: Sessions, tokens: Tokens, groupsOf: GroupsOf) {
    this.#accounts = accounts;
    this.#sessions = sessions;
    this.#tokens = tokens;
    this.#groupsOf = groupsOf;
  }

  /** @param origin of an instrument's page; undefined: the fleet itself */
  bySession(secret: string, origin?: string): Identity | undefined {
    const session = this.#sessions.find(secret, origin);
    return session === undefined ? undefined : this.ofSession(session);
  }

  ofSession(session: LiveSession): Identity | undefined {
    const account = this.#alive(session.person);
    if (account === undefined) return undefined;
    return this.#identity(account, {
      by: 'session',
      session: session.id,
      runs: () => this.#sessions.runs(session.id),
    });
  }

  byToken(secret: string, address: string): Identity | undefined {
    const token: LiveToken | undefined = this.#tokens.find(secret, address);
    const account = token === undefined ? undefined : this.#alive(token.person);
    if (token === undefined || account === undefined) return undefined;
    return this.#identity(account, {
      by: `token ${token.id}`,
      session: undefined,
      scope: token.scope,
      runs: () => this.#tokens.runs(token.id),
    });
  }

  #alive(id: string): Account | undefined {
    const account = this.#accounts.find(id);
    return account === undefined || account.disabled ? undefined : account;
  }

  #hasRoles({ id, roles }: Account): boolean {
    const now = this.#alive(id)?.roles;
    return now === roles || (now !== undefined && JSON.stringify(now) === JSON.stringify(roles));
  }

  #identity(
    account: Account,
    how: { by: string; session: string | undefined; scope?: TokenScope; runs: () => boolean },
  ): Identity {
    return {
      id: account.id,
      name: account.name,
      roles: rolesOf(account.roles),
      by: how.by,
      session: how.session,
      isAlive: () => this.#hasRoles(account) && how.runs(),
      ...judge(account.roles, this.#groupsOf, how.scope),
    };
  }
}

function rolesOf(assignments: readonly RoleAssignment[]): Role[] {
  return ROLES.filter((role) => assignments.some((assignment) => assignment.role === role));
}
