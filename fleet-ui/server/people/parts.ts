import type { Accounts } from './accounts.ts';
import type { AuditLog } from './audit.ts';
import type { Cookies } from './cookies.ts';
import type { Identities } from './identity.ts';
import type { SecondFactor } from './second-factor.ts';
import type { Sessions } from './sessions.ts';
import type { SignIn } from './sign-in.ts';
import type { SingleSignOn } from './sso.ts';
import type { Tokens } from './tokens.ts';

/** The parts of this room, for its routes. */
export interface Parts {
  accounts: Accounts;
  sessions: Sessions;
  tokens: Tokens;
  secondFactor: SecondFactor;
  signIn: SignIn;
  sso: SingleSignOn | undefined;
  identities: Identities;
  audit: AuditLog;
  cookies: Cookies;
  encrypted: boolean;
  /** To be called after anything that may end a session or take a right away. */
  changed: () => void;
}
