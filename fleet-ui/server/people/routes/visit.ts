import type { FastifyReply, FastifyRequest } from 'fastify';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { Account } from '../accounts.ts';
import type { Identity } from '../identity.ts';
import type { Parts } from '../parts.ts';
import { SESSION_LONGEST_MS, type Visitor } from '../sessions.ts';
import { signInNeeded } from '../guard.ts';

/** Who a request comes from, as the guard found out. @throws BulkheadError FLEET_PEOPLE_SIGN_IN_NEEDED */
export function identityOf(request: FastifyRequest): Identity {
  // The guard of this room puts its own kind of person there; on public routes there may be none.
  const person = request.person as Identity | undefined;
  if (person === undefined) throw signInNeeded();
  return person;
}

/** For what only people do, in a browser: a token that leaked must not outlive its removal. */
export function atSession(request: FastifyRequest): { identity: Identity; session: string } {
  const identity = identityOf(request);
  if (identity.session !== undefined) return { identity, session: identity.session };
  throw new BulkheadError({
    code: 'FLEET_PEOPLE_SESSION_NEEDED',
    message: 'A token cannot change accounts, sessions or tokens.',
    hint: 'Sign in at the fleet.',
  });
}

/** Begins a session for who proved to be that account, and gives the browser its cookie. */
export function beginSession(
  parts: Parts,
  request: FastifyRequest,
  reply: FastifyReply,
  account: Account,
  how: 'password' | 'sso' | 'invitation' | 'set-up',
): Identity {
  // A browser has one session: what it had before ends, so that nobody else's knowledge of it goes on.
  const before = parts.cookies.readSession(request.headers.cookie);
  const former = before === undefined ? undefined : parts.sessions.find(before);
  if (former !== undefined) parts.sessions.end(former.person, former.id);
  const secret = parts.sessions.begin(account.id, how, visitorOf(request));
  void reply.header('set-cookie', parts.cookies.session(secret, SESSION_LONGEST_MS / 1000));
  request.audited = { ...request.audited, person: { id: account.id, name: account.name } };
  parts.changed();
  const identity = parts.identities.bySession(secret);
  if (identity === undefined) throw signInNeeded();
  return identity;
}

export function visitorOf(request: FastifyRequest): Visitor {
  return { address: request.ip, agent: request.headers['user-agent'] ?? '' };
}
