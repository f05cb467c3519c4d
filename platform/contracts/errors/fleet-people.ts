import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `FLEET_PEOPLE_`. */
export const FLEET_PEOPLE_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_PEOPLE_ACCOUNT_KIND: {
    title: 'That cannot be done with this kind of account.',
    hint: 'Accounts of an identity provider get their password, second factor and roles there.',
    status: 409,
  },
  FLEET_PEOPLE_BUSY: {
    title: 'More people sign in at this moment than the fleet checks at a time.',
    hint: 'Try again in a few seconds.',
    status: 503,
  },
  FLEET_PEOPLE_CODE_NEEDED: {
    title: 'Name and password are right; the account has a second factor.',
    hint: 'Type in the code that the authenticator app shows, or a recovery code.',
    status: 401,
  },
  FLEET_PEOPLE_CODE_REFUSED: {
    title: 'The code of the authenticator app is wrong, or was used already.',
    hint: 'Wait for the next code; check the clock of the telephone and of the fleet.',
    status: 403,
  },
  FLEET_PEOPLE_CROSS_SITE: {
    title: 'A request came from a page of another origin.',
    hint: 'Open the fleet at its own address. If that is a new one, add it to `publicOrigins` in the configuration of fleetd.',
    status: 403,
  },
  FLEET_PEOPLE_HANDOVER_REFUSED: {
    title: "The code that opens an instrument's page is wrong, used, too old, or for another page.",
    hint: 'Open the page again from the fleet.',
    status: 403,
  },
  FLEET_PEOPLE_INVITATION_REFUSED: {
    title: 'The invitation is wrong, used or too old.',
    hint: 'Ask an administrator for a new one.',
    status: 403,
  },
  FLEET_PEOPLE_LAST_ADMIN: {
    title: 'The fleet would be left without an administrator who signs in with a password.',
    hint: 'Make somebody else an administrator first, with a role that is not narrowed.',
    status: 409,
  },
  FLEET_PEOPLE_NAME_TAKEN: {
    title: 'Somebody else has that name.',
    hint: 'Choose another one, or change that account.',
    status: 409,
  },
  FLEET_PEOPLE_NOT_FOUND: {
    title: 'There is no such person, session or token.',
    hint: 'It may have been removed a moment ago; load the list again.',
    status: 404,
  },
  FLEET_PEOPLE_NOT_PERMITTED: {
    title: 'The role of who asked does not allow it.',
    hint: 'An administrator can give a role that does.',
    status: 403,
  },
  FLEET_PEOPLE_PASSWORD_WEAK: {
    title: 'The password is too easy to guess.',
    hint: 'Take a sentence or four random words; a password manager makes good ones.',
    status: 400,
  },
  FLEET_PEOPLE_SESSION_NEEDED: {
    title: 'Accounts, sessions and tokens are changed by a person who is signed in, not by a token.',
    hint: 'Sign in at the fleet.',
    status: 403,
  },
  FLEET_PEOPLE_SET_UP_DONE: {
    title: 'The fleet is set up already.',
    hint: 'Sign in, or ask an administrator for an account.',
    status: 409,
  },
  FLEET_PEOPLE_SET_UP_NEEDED: {
    title: 'Nobody has set this fleet up yet.',
    hint: 'Open it in a browser and type in the code that fleetd printed when it started.',
    status: 401,
  },
  FLEET_PEOPLE_SET_UP_REFUSED: {
    title: 'The set-up code is wrong.',
    hint: 'It stands in the output of fleetd; each start prints a new one.',
    status: 403,
  },
  FLEET_PEOPLE_SIGN_IN_NEEDED: {
    title: 'Only for people who are signed in, and the session or token is missing, ended or wrong.',
    hint: 'Sign in; or send a valid token as `Authorization: Bearer …`.',
    status: 401,
  },
  FLEET_PEOPLE_SIGN_IN_REFUSED: {
    title: 'Name, password or code is wrong.',
    hint: 'Try again. An administrator can issue an invitation for a new password.',
    status: 401,
  },
  FLEET_PEOPLE_SSO_FAILED: {
    title: 'Signing in at the identity provider did not succeed.',
    hint: 'Try again; if it goes on, the log of fleetd has the cause (address, certificate, clock, client id or secret).',
    status: 502,
  },
  FLEET_PEOPLE_SSO_NO_ROLE: {
    title: 'The identity provider knows the person, but nothing there gives a role in this fleet.',
    hint: 'Put the person into a group that the configuration of fleetd maps to a role.',
    status: 403,
  },
  FLEET_PEOPLE_SSO_OFF: {
    title: 'No identity provider is configured.',
    hint: 'See `oidc` in the configuration of fleetd.',
    status: 404,
  },
  FLEET_PEOPLE_TOO_MANY: {
    title: 'Too many attempts from there, or for that account.',
    hint: 'Wait as long as it says. Whoever has signed in from the same address before is not held up by others.',
    status: 429,
  },
  FLEET_PEOPLE_TOO_MANY_OF_THEM: {
    title: 'There are as many accounts or tokens as a fleet keeps.',
    hint: 'Remove those that nobody uses.',
    status: 409,
  },
  FLEET_PEOPLE_TOTP_SET: {
    title: 'The second factor is set already, or was not begun.',
    hint: 'Remove it first, or begin again.',
    status: 409,
  },
});
