import { randomBytes } from 'node:crypto';
import type { People, Visitor } from '../../../fleet-ui/server/proxy/index.ts';

/** People as a test says: who holds which cookie for which origin, and what they may. */
export interface TestPeople extends People {
  /** A person with a session at an origin. @returns headers of a browser that is on that page */
  signIn(origin: string, who?: Partial<Who>): Record<string, string>;
  /** A token. @returns the header */
  token(who?: Partial<Who>): Record<string, string>;
  /** A code as `POST /api/v1/ui-access` gives it. */
  code(origin: string, who?: Partial<Who>): string;
  /** Ends everything of a person and tells it. */
  end(name: string): void;
  /** How often it was asked for a person. */
  asked: number;
}

export interface Who {
  name: string;
  roles: string[];
  /** Instruments that may be opened; undefined: all. */
  instruments?: string[];
}

export function visitors(): TestPeople {
  const sessions = new Map<string, { origin: string; who: Who }>();
  const tokens = new Map<string, Who>();
  const codes = new Map<string, { origin: string; who: Who }>();
  const ended = new Set<string>();
  const listeners = new Set<() => void>();
  const secret = () => randomBytes(32).toString('base64url');
  const full = (who: Partial<Who> = {}): Who => ({ name: 'anna', roles: ['viewer'], ...who });
  const visitor = (who: Who, by: string): Visitor => ({
    id: `p_${who.name}`,
    name: who.name,
    by,
    isAlive: () => !ended.has(who.name),
    may: (right, _sensor, instrument) =>
      right === 'instruments.open' && (who.instruments?.includes(instrument) ?? true),
    rolesFor: () => who.roles,
  });
  const people: TestPeople = {
    asked: 0,
    signIn: (origin, who) => {
      const cookie = secret();
      sessions.set(cookie, { origin, who: full(who) });
      return {
        cookie: `other=1; __Host-bulkhead-ui=${cookie}; __Host-bulkhead=of-the-fleet`,
        'sec-fetch-site': 'same-origin',
        origin,
      };
    },
    token: (who) => {
      const token = `bh_${secret().replaceAll(/[-_]/g, 'a')}`;
      tokens.set(token, full(who));
      return { authorization: `Bearer ${token}` };
    },
    code: (origin, who) => {
      const code = secret();
      codes.set(code, { origin, who: full(who) });
      return code;
    },
    end: (name) => {
      ended.add(name);
      for (const listener of listeners) listener();
    },
    redeem: ({ code, origin }) => {
      const found = codes.get(code);
      codes.delete(code);
      if (found?.origin !== origin) return undefined;
      const cookie = secret();
      sessions.set(cookie, { origin, who: found.who });
      return { cookie, maxAgeS: 3600, visitor: visitor(found.who, 'session') };
    },
    bySession: (cookie, origin) => {
      people.asked += 1;
      const session = sessions.get(cookie);
      if (session?.origin !== origin || ended.has(session.who.name)) return undefined;
      return visitor(session.who, 'session');
    },
    byToken: (token) => {
      const who = tokens.get(token);
      return who === undefined || ended.has(who.name) ? undefined : visitor(who, 'token t_1');
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return people;
}
