import type { FastifyRequest } from 'fastify';
import { BulkheadError, type ErrorCode } from '@bulkhead/platform/kernel';
import type { FleetApp } from '../../web/index.ts';
import { PersonNameSchema } from '@bulkhead/fleet-api';
import type { Account } from '../accounts.ts';
import { networkOf } from '../attempts.ts';
import type { Parts } from '../parts.ts';
import type { ProvidedPerson, SingleSignOn } from '../sso.ts';
import { beginSession } from './visit.ts';

const CALLBACK = '/api/v1/session/sso/callback';
/** Page of the web app that shows why it did not succeed. */
const FAILED = '/sign-in';

/**
 * To the identity provider and back. Both are navigations of a browser, so failures end on a page and not in JSON. Accounts are
 * known by issuer and subject; never by a name or an address of mail, which somebody else could have at the provider.
 */
export function ssoRoutes(app: FleetApp, parts: Parts): void {
  app.get(
    '/api/v1/session/sso',
    {
      config: { right: 'public' },
      schema: { summary: 'Go to the identity provider to sign in', tags: ['session'] },
    },
    async (request, reply) => {
      try {
        const begun = await provider(parts).begin(`${ownOrigin(parts, request)}${CALLBACK}`);
        return await reply
          .header('set-cookie', parts.cookies.signOn(begun.sealed, begun.maxAgeS))
          .header('cache-control', 'no-store')
          .redirect(begun.location, 303);
      } catch (error) {
        return reply.redirect(failedPage(request, error), 303);
      }
    },
  );

  app.get(
    CALLBACK,
    {
      config: { right: 'public', audit: 'session.sign-in-sso' },
      schema: { summary: 'Where the identity provider sends people back to', tags: ['session'] },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store');
      const cookies = [parts.cookies.noSignOn()];
      try {
        const url = request.raw.url ?? '';
        const sealed = parts.cookies.readSignOn(request.headers.cookie);
        const person = await provider(parts).finish(sealed, url.slice(url.indexOf('?') + 1));
        const account = accountOf(parts, person);
        request.audited = { person: { id: account.id, name: account.name }, target: account.name };
        if (account.disabled) throw disabled(account.name);
        beginSession(parts, request, reply, account, 'sso');
        parts.accounts.signedIn(account.id, networkOf(request.ip));
        return await reply.header('set-cookie', cookies).redirect('/', 303);
      } catch (error) {
        request.audited = { ...request.audited, facts: { failed: codeOf(error) } };
        return reply.header('set-cookie', cookies).redirect(failedPage(request, error), 303);
      }
    },
  );
}

/** The account of who the provider confirmed, with the roles that it says now. @throws BulkheadError FLEET_PEOPLE_NAME_TAKEN */
function accountOf(parts: Parts, person: ProvidedPerson): Account {
  const { accounts } = parts;
  const known = accounts.bySubject(person.issuer, person.subject);
  const displayName = person.displayName.replaceAll(/[\p{Cc}\p{Cf}]/gu, '').slice(0, 80) || person.name;
  if (known !== undefined) {
    const same = JSON.stringify(known.roles) === JSON.stringify(person.roles);
    if (same && known.displayName === displayName) return known;
    const changed = accounts.change(known.id, { roles: person.roles, displayName });
    if (!same) {
      parts.audit.write({
        action: 'people.change-sso',
        target: `${known.id} ${known.name}`,
        facts: { rolesBefore: JSON.stringify(known.roles), roles: JSON.stringify(person.roles) },
      });
      parts.changed();
    }
    return changed;
  }
  const account = accounts.add({
    name: nameFrom(person),
    displayName,
    roles: person.roles,
    sso: { issuer: person.issuer, subject: person.subject },
  });
  parts.audit.write({
    action: 'people.add-sso',
    target: `${account.id} ${account.name}`,
    facts: { issuer: person.issuer, roles: JSON.stringify(person.roles) },
  });
  return account;
}

/** What the provider calls them, as far as it can be a name here. */
function nameFrom({ name, subject }: ProvidedPerson): string {
  const tidy = (text: string) =>
    text
      .toLowerCase()
      .replaceAll(/[^a-z0-9._@+-]+/g, '-')
      .replace(/^[^a-z0-9]+/, '')
      .slice(0, 64);
  return [tidy(name), tidy(subject)].find((text) => PersonNameSchema.safeParse(text).success) ?? 'somebody';
}

function provider(parts: Parts): SingleSignOn {
  if (parts.sso !== undefined) return parts.sso;
  throw new BulkheadError({
    code: 'FLEET_PEOPLE_SSO_OFF',
    message: 'No identity provider is configured.',
    hint: 'See `oidc` in the configuration of fleetd.',
  });
}

/** As the browser sees it; the listener has checked that the host is one of the fleet's own names. */
function ownOrigin(parts: Parts, request: FastifyRequest): string {
  return `${parts.encrypted ? 'https' : 'http'}://${(request.headers.host ?? '').toLowerCase()}`;
}

function failedPage(request: FastifyRequest, error: unknown): string {
  request.log.warn({ err: error }, 'signing in at the identity provider did not succeed');
  return `${FAILED}?failed=${codeOf(error)}`;
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof BulkheadError ? error.code : 'FLEET_PEOPLE_SSO_FAILED';
}

function disabled(name: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_SSO_NO_ROLE',
    message: `The account of ${name} is disabled.`,
    hint: 'An administrator can enable it again.',
  });
}
