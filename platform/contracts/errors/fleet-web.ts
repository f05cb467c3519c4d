import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `FLEET_WEB_`. */
export const FLEET_WEB_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_WEB_RIGHT_UNDECLARED: {
    title: 'A route of the fleet does not say who may use it; fleetd does not start.',
    hint: 'This is a fault of the program: give the route `config: { right }`.',
    status: 500,
  },
  FLEET_WEB_SIGNED_OUT: {
    title: 'Nobody is signed in.',
    hint: 'Sign in, or send an API token as `Authorization: Bearer`.',
    status: 401,
  },
  FLEET_WEB_DENIED: {
    title: 'Who asks does not have the right to this.',
    hint: 'An administrator can give a role that has it.',
    status: 403,
  },
  FLEET_WEB_REQUEST_INVALID: {
    title: 'A request is not what the address takes.',
    hint: 'Correct the named place; openapi.json describes every request.',
    status: 400,
  },
  FLEET_WEB_BODY_TOO_LARGE: {
    title: 'A request is larger than the address takes.',
    hint: 'Send less at once.',
    status: 413,
  },
  FLEET_WEB_INTERNAL: {
    title: 'Something went wrong in the fleet itself.',
    hint: 'The log of fleetd has the cause beside the id of the request.',
    status: 500,
  },
  FLEET_WEB_NOT_FOUND: {
    title: 'There is nothing at this address.',
    hint: 'Look at the address; openapi.json lists all of the API.',
    status: 404,
  },
  FLEET_WEB_TOKEN_IN_URL: {
    title: 'An address holds a token or a password.',
    hint: 'Withdraw the secret, and send the new one as `Authorization: Bearer`.',
    status: 400,
  },
  FLEET_WEB_HOST_REFUSED: {
    title: 'A request was sent to a name that is not this fleet.',
    hint: 'Use a name of the fleet, or add this one to `names` in its configuration.',
    status: 421,
  },
  FLEET_WEB_PATH_REFUSED: {
    title: 'The path of a request is not in its plain form.',
    hint: 'Send it without encoded dots, slashes, percent signs and NUL.',
    status: 400,
  },
  FLEET_WEB_LISTEN_FAILED: {
    title: 'The fleet cannot listen for people.',
    hint: 'Look whether another program has the port, and at `web` in the configuration.',
    status: 500,
  },
});
