import {
  DoneSchema,
  NewTokenReplySchema,
  NewTokenSchema,
  TokenParamsSchema,
  TokensQuerySchema,
  TokensReplySchema,
} from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { FleetApp } from '../../web/index.ts';
import type { Parts } from '../parts.ts';
import { atSession, identityOf } from './visit.ts';

const tags = ['tokens'];

/** Tokens for programs: everybody their own; administrators see and remove all. */
export function tokenRoutes(app: FleetApp, { tokens, changed }: Parts): void {
  app.get(
    '/api/v1/tokens',
    {
      config: { right: 'signed-in' },
      schema: {
        summary: 'API tokens, without their secrets; a token sees itself alone',
        tags,
        querystring: TokensQuerySchema,
        response: { 200: TokensReplySchema },
      },
    },
    async (request) => {
      const who = identityOf(request);
      const all = request.query.of === 'all';
      // For whoever logs in with it: what it may, and until when.
      if (who.session === undefined && !all)
        return { tokens: tokens.list(who.id).filter(({ id }) => who.by === `token ${id}`) };
      const { identity } = atSession(request);
      if (all && !identity.may('people.manage')) throw notPermitted(identity.name);
      return { tokens: tokens.list(all ? undefined : identity.id) };
    },
  );

  app.post(
    '/api/v1/tokens',
    {
      config: { right: 'signed-in', audit: 'tokens.make' },
      schema: {
        summary: 'Make a token that may do some of what you may',
        tags,
        body: NewTokenSchema,
        response: { 201: NewTokenReplySchema },
      },
    },
    async (request, reply) => {
      const { identity } = atSession(request);
      const made = tokens.make(identity.id, request.body);
      const { id, label, rights, sensors, instruments, expiresAt } = made.token;
      request.audited = {
        target: `${id} ${label}`,
        facts: { scope: JSON.stringify({ rights, sensors, instruments }), expiresAt },
      };
      void reply.header('cache-control', 'no-store').code(201);
      return made;
    },
  );

  app.delete(
    '/api/v1/tokens/:token',
    {
      config: { right: 'signed-in', audit: 'tokens.remove' },
      schema: {
        summary: 'Remove a token; it ends at once',
        tags,
        params: TokenParamsSchema,
        response: { 200: DoneSchema },
      },
    },
    async (request) => {
      const { identity } = atSession(request);
      const anybodys = identity.may('people.manage');
      if (!tokens.remove(request.params.token, anybodys ? undefined : identity.id)) {
        throw new BulkheadError({
          code: 'FLEET_PEOPLE_NOT_FOUND',
          message: `You have no token ${request.params.token}.`,
        });
      }
      changed();
      return { done: true as const };
    },
  );
}

function notPermitted(name: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_NOT_PERMITTED',
    message: `${name} does not have the right people.manage.`,
    hint: 'Without `of=all` you see your own.',
    fields: { right: 'people.manage' },
  });
}
