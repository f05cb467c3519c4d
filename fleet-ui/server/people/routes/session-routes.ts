import {
  AcceptInvitationSchema,
  DoneSchema,
  EndedReplySchema,
  MeChangeSchema,
  MeSchema,
  PasswordChangeSchema,
  SessionParamsSchema,
  SessionsReplySchema,
  SessionStateSchema,
  SetUpRequestSchema,
  SignInRequestSchema,
  SignedInReplySchema,
  type Me,
} from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { FleetApp } from '../../web/index.ts';
import type { Account } from '../accounts.ts';
import type { Identity } from '../identity.ts';
import type { Parts } from '../parts.ts';
import { heldRights } from '../rights.ts';
import { atSession, beginSession, identityOf } from './visit.ts';

const tags = ['session'];

/** Signing in and out, and what a person changes of themselves. */
export function sessionRoutes(app: FleetApp, parts: Parts): void {
  const { accounts, sessions, signIn } = parts;

  app.get(
    '/api/v1/session',
    {
      config: { right: 'public' },
      schema: { summary: 'Who is signed in', tags, response: { 200: SessionStateSchema } },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store');
      return {
        setUpNeeded: signIn.setUpNeeded,
        sso: parts.sso === undefined ? null : { label: parts.sso.label },
        person: request.person === undefined ? null : me(parts, identityOf(request)),
      };
    },
  );

  app.post(
    '/api/v1/session/set-up',
    {
      config: { right: 'public', audit: 'session.set-up' },
      schema: {
        summary: 'Make the first account, with the code that fleetd printed',
        tags,
        body: SetUpRequestSchema,
        response: { 200: MeSchema },
      },
    },
    async (request, reply) => {
      const account = await signIn.setUp(request.body, request.ip);
      return me(parts, beginSession(parts, request, reply, account, 'set-up'));
    },
  );

  app.post(
    '/api/v1/session',
    {
      config: { right: 'public', audit: 'session.sign-in' },
      schema: { summary: 'Sign in', tags, body: SignInRequestSchema, response: { 200: MeSchema } },
    },
    async (request, reply) => {
      const account = await signIn.withPassword(request.body, request.ip, ({ id, name }) => {
        request.audited = { person: { id, name }, target: name };
      });
      return me(parts, beginSession(parts, request, reply, account, 'password'));
    },
  );

  app.post(
    '/api/v1/session/invitation',
    {
      config: { right: 'public', audit: 'session.accept-invitation' },
      schema: {
        summary: 'Choose a password with the code of an invitation',
        tags,
        body: AcceptInvitationSchema,
        response: { 200: SignedInReplySchema },
      },
    },
    async (request, reply) => {
      const account = await signIn.acceptInvitation(request.body, request.ip);
      sessions.endAll(account.id);
      parts.changed();
      request.audited = { person: { id: account.id, name: account.name } };
      // The code stands for the password and not for the second factor: with one, the person signs in now.
      if (account.totpSecret !== undefined) return { person: null };
      return { person: me(parts, beginSession(parts, request, reply, account, 'invitation')) };
    },
  );

  app.delete(
    '/api/v1/session',
    {
      config: { right: 'signed-in', audit: 'session.sign-out' },
      schema: { summary: 'Sign out', tags, response: { 200: DoneSchema } },
    },
    async (request, reply) => {
      const { identity, session } = atSession(request);
      sessions.end(identity.id, session);
      parts.changed();
      void reply.header('set-cookie', parts.cookies.noSession());
      return { done: true as const };
    },
  );

  app.patch(
    '/api/v1/session',
    {
      config: { right: 'signed-in', audit: 'session.change-self' },
      schema: {
        summary: 'Change what a person may change of themselves',
        tags,
        body: MeChangeSchema,
        response: { 200: MeSchema },
      },
    },
    async (request) => {
      const { identity } = atSession(request);
      accounts.change(identity.id, { displayName: request.body.displayName });
      return me(parts, identity);
    },
  );

  app.post(
    '/api/v1/session/password',
    {
      config: { right: 'signed-in', audit: 'session.change-password' },
      schema: {
        summary: 'Change the password; all sessions end, this browser gets a new one',
        tags,
        body: PasswordChangeSchema,
        response: { 200: MeSchema },
      },
    },
    async (request, reply) => {
      const { identity } = atSession(request);
      const account = accounts.get(identity.id);
      await signIn.changePassword(account, request.body.current, request.body.next, request.ip);
      const ended = sessions.endAll(account.id);
      request.audited = { facts: { sessionsEnded: ended } };
      return me(parts, beginSession(parts, request, reply, accounts.get(account.id), 'password'));
    },
  );

  app.get(
    '/api/v1/session/list',
    {
      config: { right: 'signed-in' },
      schema: { summary: 'Where I am signed in', tags, response: { 200: SessionsReplySchema } },
    },
    async (request) => {
      const { identity, session } = atSession(request);
      return { sessions: sessions.list(identity.id, session) };
    },
  );

  app.delete(
    '/api/v1/session/list/:session',
    {
      config: { right: 'signed-in', audit: 'session.end' },
      schema: {
        summary: 'End one of my sessions',
        tags,
        params: SessionParamsSchema,
        response: { 200: DoneSchema },
      },
    },
    async (request) => {
      const { identity } = atSession(request);
      if (!sessions.end(identity.id, request.params.session)) throw noSession(request.params.session);
      parts.changed();
      return { done: true as const };
    },
  );

  app.post(
    '/api/v1/session/end-others',
    {
      config: { right: 'signed-in', audit: 'session.end-others' },
      schema: { summary: 'End all my sessions but this one', tags, response: { 200: EndedReplySchema } },
    },
    async (request) => {
      const { identity, session } = atSession(request);
      const others = sessions
        .list(identity.id)
        .filter(({ id, instrumentOrigin }) => id !== session && instrumentOrigin === null);
      for (const { id } of others) sessions.end(identity.id, id);
      parts.changed();
      return { ended: others.length };
    },
  );
}

/** Who is signed in, as the web app wants to know it. */
export function me(parts: Parts, identity: Identity): Me {
  const account: Account = parts.accounts.get(identity.id);
  return {
    id: account.id,
    name: account.name,
    displayName: account.displayName,
    roles: [...account.roles],
    rights: heldRights(account.roles).filter(({ right }) => identity.may(right)),
    kind: account.sso ? 'sso' : 'password',
    totp: account.totpSecret !== undefined,
    recoveryCodes: parts.secondFactor.recoveryCodesLeft(account.id),
  };
}

function noSession(id: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_NOT_FOUND',
    message: `There is no session ${id}.`,
    hint: 'It may have ended by itself; load the list again.',
  });
}
