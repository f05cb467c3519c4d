import {
  DoneSchema,
  EndedReplySchema,
  InvitationRequestSchema,
  InvitationSchema,
  NewPersonReplySchema,
  NewPersonSchema,
  PeopleReplySchema,
  PersonChangeSchema,
  PersonParamsSchema,
  PersonSchema,
  SessionsReplySchema,
} from '@bulkhead/fleet-api';
import { shownPerson } from '../accounts.ts';
import type { FleetApp } from '../../web/index.ts';
import type { Parts } from '../parts.ts';
import { ofProvider } from '../sign-in.ts';
import { atSession } from './visit.ts';

const tags = ['people'];

/** Accounts, for administrators whose role is not narrowed. Only at a session: no token makes accounts. */
export function peopleRoutes(app: FleetApp, parts: Parts): void {
  const { accounts, sessions } = parts;

  app.get(
    '/api/v1/people',
    {
      config: { right: 'people.manage', audit: 'people.list' },
      schema: { summary: 'Everybody who has an account', tags, response: { 200: PeopleReplySchema } },
    },
    async () => ({ people: accounts.list().map(shownPerson) }),
  );

  app.get(
    '/api/v1/people/:person',
    {
      config: { right: 'people.manage' },
      schema: {
        summary: 'One account',
        tags,
        params: PersonParamsSchema,
        response: { 200: PersonSchema },
      },
    },
    async (request) => shownPerson(accounts.get(request.params.person)),
  );

  app.post(
    '/api/v1/people',
    {
      config: { right: 'people.manage', audit: 'people.add' },
      schema: {
        summary: 'Make an account and an invitation to it',
        tags,
        body: NewPersonSchema,
        response: { 201: NewPersonReplySchema },
      },
    },
    async (request, reply) => {
      atSession(request);
      const { name, displayName, roles } = request.body;
      const account = accounts.add({ name, displayName: displayName ?? name, roles });
      const { code, expires } = accounts.invite(account.id);
      request.audited = { target: `${account.id} ${name}`, facts: { roles: JSON.stringify(roles) } };
      void reply.header('cache-control', 'no-store').code(201);
      return {
        person: shownPerson(account),
        invitation: { code, expiresAt: new Date(expires).toISOString() },
      };
    },
  );

  app.patch(
    '/api/v1/people/:person',
    {
      config: { right: 'people.manage', audit: 'people.change' },
      schema: {
        summary: 'Change an account',
        tags,
        params: PersonParamsSchema,
        body: PersonChangeSchema,
        response: { 200: PersonSchema },
      },
    },
    async (request) => {
      atSession(request);
      const before = accounts.get(request.params.person);
      const { roles, disabled, displayName } = request.body;
      if (before.sso && roles !== undefined) throw ofProvider(before.name);
      const after = accounts.change(before.id, request.body);
      if (after.disabled) sessions.endAll(after.id);
      request.audited = {
        target: `${after.id} ${after.name}`,
        facts: {
          ...(roles === undefined
            ? {}
            : { rolesBefore: JSON.stringify(before.roles), roles: JSON.stringify(roles) }),
          ...(disabled === undefined ? {} : { disabled }),
          ...(displayName === undefined ? {} : { displayName }),
        },
      };
      parts.changed();
      return shownPerson(after);
    },
  );

  app.delete(
    '/api/v1/people/:person',
    {
      config: { right: 'people.manage', audit: 'people.remove' },
      schema: {
        summary: 'Remove an account, with its sessions and tokens',
        tags,
        params: PersonParamsSchema,
        response: { 200: DoneSchema },
      },
    },
    async (request) => {
      atSession(request);
      const account = accounts.get(request.params.person);
      request.audited = { target: `${account.id} ${account.name}` };
      accounts.remove(account.id);
      parts.changed();
      return { done: true as const };
    },
  );

  app.post(
    '/api/v1/people/:person/invitation',
    {
      config: { right: 'people.manage', audit: 'people.invite' },
      schema: {
        summary: 'A new invitation for somebody who lost the password; the old one is void and sessions end',
        tags,
        params: PersonParamsSchema,
        body: InvitationRequestSchema,
        response: { 200: InvitationSchema },
      },
    },
    async (request, reply) => {
      atSession(request);
      const account = accounts.get(request.params.person);
      if (account.sso) throw ofProvider(account.name);
      const { forgetTotp } = request.body;
      request.audited = { target: `${account.id} ${account.name}`, facts: { forgetTotp } };
      const { code, expires } = accounts.invite(account.id, { forgetTotp });
      sessions.endAll(account.id);
      parts.changed();
      void reply.header('cache-control', 'no-store');
      return { code, expiresAt: new Date(expires).toISOString() };
    },
  );

  app.get(
    '/api/v1/people/:person/sessions',
    {
      config: { right: 'people.manage', audit: 'people.sessions' },
      schema: {
        summary: 'Where somebody is signed in',
        tags,
        params: PersonParamsSchema,
        response: { 200: SessionsReplySchema },
      },
    },
    async (request) => ({ sessions: sessions.list(accounts.get(request.params.person).id) }),
  );

  app.delete(
    '/api/v1/people/:person/sessions',
    {
      config: { right: 'people.manage', audit: 'people.end-sessions' },
      schema: {
        summary: 'End all sessions of somebody',
        tags,
        params: PersonParamsSchema,
        response: { 200: EndedReplySchema },
      },
    },
    async (request) => {
      atSession(request);
      const account = accounts.get(request.params.person);
      request.audited = { target: `${account.id} ${account.name}` };
      const ended = sessions.endAll(account.id);
      parts.changed();
      return { ended };
    },
  );
}
