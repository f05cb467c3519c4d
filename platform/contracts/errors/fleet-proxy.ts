import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `FLEET_PROXY_`: on the way to instruments' own pages and APIs. */
export const FLEET_PROXY_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_PROXY_HOST_REFUSED: {
    title: 'A request was sent to a name below the base domain that is no instrument.',
    hint: 'Open the instrument from the fleet.',
    status: 421,
  },
  FLEET_PROXY_REQUEST_REFUSED: {
    title: 'A request to an instrument could be read in two ways.',
    hint: 'Send it plainly: one Host, one length, a path that begins with a slash.',
    status: 400,
  },
  FLEET_PROXY_PATH_REFUSED: {
    title: 'The path of a request to an instrument is not in its plain form.',
    hint: 'Send it without dot segments, backslashes, NUL and double encoding.',
    status: 400,
  },
  FLEET_PROXY_TOKEN_IN_URL: {
    title: 'The address of a request to an instrument holds a token.',
    hint: 'Withdraw the token, and send the new one as `Authorization: Bearer`.',
    status: 400,
  },
  FLEET_PROXY_METHOD_REFUSED: {
    title: 'A request to an instrument used a method that is not passed on.',
    hint: 'Use GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE.',
    status: 405,
  },
  FLEET_PROXY_SIGNED_OUT: {
    title: 'Nobody is signed in at the page of this instrument.',
    hint: 'Open the instrument from the fleet, or send an API token as `Authorization: Bearer`.',
    status: 401,
  },
  FLEET_PROXY_DENIED: {
    title: 'Who asks may not open this instrument.',
    hint: 'An administrator can give a role that may, also for this instrument alone.',
    status: 403,
  },
  FLEET_PROXY_ORIGIN_REFUSED: {
    title: 'A request to an instrument came from a page of another origin.',
    hint: 'Use the instrument on its own page, or its API with a token.',
    status: 403,
  },
  FLEET_PROXY_CODE_REFUSED: {
    title: 'The code with which a person comes to an instrument is used up, too old or not for it.',
    hint: 'Open the instrument from the fleet once more.',
    status: 403,
  },
  FLEET_PROXY_NOT_FOUND: {
    title: 'There is nothing at this address of an instrument.',
    hint: 'Addresses below /.bulkhead/ belong to the fleet; nothing else of them is used.',
    status: 404,
  },
  FLEET_PROXY_SENSOR_UNKNOWN: {
    title: 'There is no such sensor, or no such instrument on it.',
    hint: 'It may have been renamed or removed: open the instrument from the fleet.',
    status: 404,
  },
  FLEET_PROXY_SENSOR_OFFLINE: {
    title: 'The sensor of this instrument is offline.',
    hint: 'The page works again when the sensor is back; the fleet shows since when it is away.',
    status: 503,
  },
  FLEET_PROXY_PAGE_NOT_GRANTED: {
    title: 'The instrument has no page, or was not given the right to show it.',
    hint: 'Give the instrument the right `ui` in the configuration of the sensor.',
    status: 404,
  },
  FLEET_PROXY_NOT_RUNNING: {
    title: 'The instrument is not running.',
    hint: 'Start it on the page of the sensor; while it starts, try again in a few seconds.',
    status: 503,
  },
  FLEET_PROXY_UNREACHABLE: {
    title: 'The instrument did not answer as a page does.',
    hint: 'Look at the health and the log of the instrument.',
    status: 502,
  },
  FLEET_PROXY_TIMEOUT: {
    title: 'The instrument did not answer in time.',
    hint: 'Try again; look at the health of the instrument when it lasts.',
    status: 504,
  },
  FLEET_PROXY_BUSY: {
    title: 'Too much is going on at once with this instrument, its sensor, or all of them.',
    hint: 'Close other windows of it, or try again later.',
    status: 503,
  },
  FLEET_PROXY_NO_PORT: {
    title: 'An instrument cannot be given a port of its own.',
    hint: 'See that the range in the configuration is large enough and that no other program has its ports.',
    status: 503,
  },
  FLEET_PROXY_NO_BROWSER: {
    title: 'A token asked for what is for browsers only.',
    hint: 'Send the token itself as `Authorization: Bearer` to the origin of the instrument.',
    status: 400,
  },
  FLEET_PROXY_TOO_LARGE: {
    title: 'A request to an instrument is larger than is passed on.',
    hint: 'Send less at once.',
    status: 413,
  },
});
