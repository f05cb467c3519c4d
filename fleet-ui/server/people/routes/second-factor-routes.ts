import {
  DoneSchema,
  TotpBeginReplySchema,
  TotpBeginSchema,
  TotpConfirmReplySchema,
  TotpConfirmSchema,
  TotpRemoveSchema,
} from '@bulkhead/fleet-api';
import type { FleetApp } from '../../web/index.ts';
import type { Parts } from '../parts.ts';
import { codeRefused } from '../second-factor.ts';
import { atSession } from './visit.ts';

const tags = ['session'];

/** The second factor of who is signed in: begin with the password, confirm with a code, remove with both. */
export function secondFactorRoutes(app: FleetApp, parts: Parts): void {
  const { accounts, secondFactor, signIn } = parts;

  app.post(
    '/api/v1/session/totp',
    {
      config: { right: 'signed-in', audit: 'session.begin-totp' },
      schema: {
        summary: 'Begin to set a second factor',
        tags,
        body: TotpBeginSchema,
        response: { 200: TotpBeginReplySchema },
      },
    },
    async (request, reply) => {
      const account = accounts.get(atSession(request).identity.id);
      await signIn.again(account, request.body.password, request.ip);
      void reply.header('cache-control', 'no-store');
      return secondFactor.begin(account.id);
    },
  );

  app.post(
    '/api/v1/session/totp/confirm',
    {
      config: { right: 'signed-in', audit: 'session.set-totp' },
      schema: {
        summary: 'Set the second factor, with a code of the authenticator app',
        tags,
        body: TotpConfirmSchema,
        response: { 200: TotpConfirmReplySchema },
      },
    },
    async (request, reply) => {
      const { identity } = atSession(request);
      void reply.header('cache-control', 'no-store');
      return { recoveryCodes: await secondFactor.confirm(identity.id, request.body.code) };
    },
  );

  app.post(
    '/api/v1/session/totp/remove',
    {
      config: { right: 'signed-in', audit: 'session.remove-totp' },
      schema: {
        summary: 'Remove the second factor',
        tags,
        body: TotpRemoveSchema,
        response: { 200: DoneSchema },
      },
    },
    async (request) => {
      const account = accounts.get(atSession(request).identity.id);
      const { password, code } = request.body;
      await signIn.again(account, password, request.ip, () => proveCode(account.id, code));
      secondFactor.remove(account.id);
      return { done: true as const };
    },
  );

  async function proveCode(person: string, code: string): Promise<void> {
    if (await secondFactor.takeCode(person, code)) return;
    if (!secondFactor.takeRecoveryCode(person, code)) throw codeRefused();
  }
}
