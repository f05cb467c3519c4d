import { hasCode } from '@bulkhead/platform/kernel';
import type { Identities, Identity } from './identity.ts';
import { SESSION_LONGEST_MS, type Sessions } from './sessions.ts';

/** What a code for an instrument's page is turned into. */
export interface PageSession {
  /** The secret for a cookie of that very origin. */
  cookie: string;
  maxAgeS: number;
  visitor: Identity;
}

/** For whoever serves instruments' pages: who a visitor of one is. */
export interface PagePeople {
  /**
   * A code with which somebody's browser comes to a page: single use, 30 seconds, for that origin only. To be sent in the body of
   * a POST.
   * @param person `request.person` @returns undefined for a token, which has no browser
   */
  handOver(person: object, origin: string): { code: string; expiresAt: string } | undefined;
  /** Spends the code. @returns undefined when there is none such, it is too old, or was made for another origin */
  redeem(ask: { code: string; origin: string }): PageSession | undefined;
  /** @param origin of the page; undefined: the fleet itself */
  bySession(cookie: string, origin: string | undefined): Identity | undefined;
  byToken(secret: string, address: string): Identity | undefined;
  /** Told after anything that may have ended a session or taken a right away. @returns takes the listener off */
  onChange(listener: () => void): () => void;
}

export function openPages(
  sessions: Sessions,
  identities: Identities,
  onChange: PagePeople['onChange'],
): PagePeople {
  return {
    handOver: (person, origin) => {
      const { session } = person as Partial<Identity>;
      return session === undefined ? undefined : sessions.handOver(session, origin);
    },
    redeem: ({ code, origin }) => {
      try {
        const { secret, person, session } = sessions.redeem(code, origin);
        const visitor = identities.ofSession({ id: session, person });
        return visitor === undefined
          ? undefined
          : { cookie: secret, maxAgeS: SESSION_LONGEST_MS / 1000, visitor };
      } catch (error) {
        if (hasCode(error, 'FLEET_PEOPLE_HANDOVER_REFUSED')) return undefined;
        throw error;
      }
    },
    bySession: (cookie, origin) => identities.bySession(cookie, origin),
    byToken: (secret, address) => identities.byToken(secret, address),
    onChange,
  };
}
