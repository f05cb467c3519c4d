import type { Database } from 'better-sqlite3';
import { BulkheadError, type Logger } from '@bulkhead/platform/kernel';
import type { FleetFeature } from '../web/index.ts';
import { Accounts } from './accounts.ts';
import { AuditTrail } from './audit-trail.ts';
import { AuditWatch } from './audit-watch.ts';
import { AuditLog, type AuditLine } from './audit.ts';
import { Attempts } from './attempts.ts';
import { openCookies } from './cookies.ts';
import { isRead, judgeRequest } from './guard.ts';
import { Identities } from './identity.ts';
import { OpenRequests } from './open-requests.ts';
import { openPages, type PagePeople } from './pages.ts';
import type { Parts } from './parts.ts';
import { Passwords } from './passwords.ts';
import type { GroupsOf } from './rights.ts';
import { auditRoutes } from './routes/audit-routes.ts';
import { peopleRoutes } from './routes/people-routes.ts';
import { secondFactorRoutes } from './routes/second-factor-routes.ts';
import { sessionRoutes } from './routes/session-routes.ts';
import { ssoRoutes } from './routes/sso-routes.ts';
import { tokenRoutes } from './routes/token-routes.ts';
import type { Seal } from './sealed.ts';
import { SecondFactor } from './second-factor.ts';
import { Sessions } from './sessions.ts';
import { SignIn } from './sign-in.ts';
import { SingleSignOn, type OidcConfig } from './sso.ts';
import { Tokens } from './tokens.ts';

export interface PeopleOptions {
  /** With the steps of PEOPLE_MIGRATIONS applied. */
  store: { db: Database };
  log: Logger;
  /** The listener speaks TLS; else it is on loopback. */
  encrypted: boolean;
  /** Groups that a sensor is in, now; for roles that are narrowed to groups. */
  groupsOf?: GroupsOf;
  /** Signing in at an identity provider. */
  oidc?: OidcConfig;
  /** For secrets of second factors in the database; without, they stand there as they are. */
  seal?: Seal;
  /** Milliseconds since 1970. */
  clock?: () => number;
}

/** People, opened. */
export interface People {
  /** Routes and the guard of every route. */
  feature: FleetFeature;
  /** For the first person to type in; undefined when there is one. The same until fleetd ends. */
  setUpCode(): string | undefined;
  setUpNeeded(): boolean;
  /** For the pages of instruments. */
  pages: PagePeople;
  /** How long the audit log is, and since when; ms. */
  auditExtent(): { entries: number; oldestMs: number | undefined };
  /** Writes a line that no route of the API stands for. A stranger is `person: { id: null, name: 'nobody' }`; none is the fleet itself. */
  audit(line: AuditLine): void;
  /**
   * For whoever has the machine and lost the password: a code to choose a new one with. The old password stays until then.
   * @throws BulkheadError FLEET_PEOPLE_NOT_FOUND
   */
  recover(name: string): { code: string; expiresAt: string };
}

const TELL_MS = 60_000;

export function openPeople(options: PeopleOptions): People {
  const { store, log, encrypted } = options;
  const clock = options.clock ?? Date.now;
  const listeners = new Set<() => void>();
  const openRequests = new OpenRequests();
  const changed = () => {
    openRequests.end();
    for (const listener of listeners) listener();
  };
  const onChange = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };

  const accounts = new Accounts(store.db, clock);
  const sessions = new Sessions(store.db, clock);
  const tokens = new Tokens(store.db, clock);
  const secondFactor = new SecondFactor(store.db, clock, (id) => accounts.changed(id), options.seal);
  const lost = secondFactor.sealAll();
  if (lost.length > 0)
    log.error(
      { people: lost },
      'the key of second factors is not the one they were sealed with: recovery codes still work; an administrator can forget a second factor',
    );
  const attempts = new Attempts(store.db, clock);
  const signIn = new SignIn({ accounts, attempts, passwords: new Passwords(), secondFactor });
  const identities = new Identities(accounts, sessions, tokens, options.groupsOf ?? (() => []));
  const audit = new AuditLog(store.db, clock);
  const trail = new AuditTrail(audit, clock);
  const watch = new AuditWatch(audit, log);
  const cookies = openCookies(encrypted);
  const parts: Parts = {
    ...{ accounts, sessions, tokens, secondFactor, signIn, identities, audit, cookies, encrypted, changed },
    sso: options.oidc === undefined ? undefined : new SingleSignOn(options.oidc, clock),
  };
  let telling: NodeJS.Timeout | undefined;

  const feature: FleetFeature = {
    name: 'people',
    start: async () => {
      telling = setInterval(() => {
        try {
          openRequests.end();
          trail.tell();
        } catch (error) {
          // A full disk is told by whoever needs to write; here it is tried again in a minute.
          log.error({ err: error }, 'the audit log could not be written');
        }
      }, TELL_MS);
      telling.unref();
      watch.start();
    },
    stop: async () => {
      clearInterval(telling);
      await watch.stop();
      if (store.db.open) {
        trail.tell();
        log.info({ head: audit.head() }, 'the audit log rests');
      }
    },
    attention: () => watch.attention(),
    routes: (app) => {
      app.addHook('onSend', async (request, reply, payload) => {
        if (request.is404) return payload;
        trail.answered(request, reply, payload);
        return payload;
      });
      sessionRoutes(app, parts);
      secondFactorRoutes(app, parts);
      ssoRoutes(app, parts);
      peopleRoutes(app, parts);
      tokenRoutes(app, parts);
      auditRoutes(app, parts);
    },
    guard: {
      onRequest: async (request, reply) => {
        const {
          right = 'audit.read',
          sensorParam,
          instrumentParam,
          judgesEach,
        } = request.routeOptions.config;
        const params = request.params as Readonly<Record<string, string>>;
        const identity = judgeRequest(
          {
            method: request.method,
            headers: request.headers,
            address: request.ip,
            right,
            sensor: sensorParam === undefined ? undefined : params[sensorParam],
            instrument: instrumentParam === undefined ? undefined : params[instrumentParam],
            placed: sensorParam !== undefined || instrumentParam !== undefined || judgesEach === true,
          },
          { identities, cookies, encrypted, setUpNeeded: () => signIn.setUpNeeded },
          (found) => (request.person = found),
        );
        if (identity !== undefined && isRead(request.method) && right !== 'public') {
          openRequests.keep(reply.raw, identity);
        }
      },
      // What took its answer into its own hands (a stream) was not seen above.
      onResponse: async (request, reply) => trail.answered(request, reply, undefined),
    },
  };

  return {
    feature,
    setUpCode: () => signIn.setUpCode(),
    setUpNeeded: () => signIn.setUpNeeded,
    pages: openPages(sessions, identities, onChange),
    auditExtent: () => audit.extent(),
    audit: (line) => trail.write(line),
    recover: (name) => {
      const account = accounts.byName(name);
      if (account === undefined || account.sso)
        throw new BulkheadError({
          code: 'FLEET_PEOPLE_NOT_FOUND',
          message: `Nobody called ${name} signs in with a password here.`,
        });
      const { code, expires } = accounts.invite(account.id, { keep: true, forgetTotp: true });
      audit.write({ action: 'people.recover', target: `${account.id} ${account.name}` });
      return { code, expiresAt: new Date(expires).toISOString() };
    },
  };
}
