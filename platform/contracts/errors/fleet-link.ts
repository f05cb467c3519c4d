import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `FLEET_LINK_`: the sensor's end of the fleet. */
export const FLEET_LINK_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_LINK_TOKEN_INVALID: {
    title: 'What was given is not a join token of a fleet.',
    hint: 'Copy the whole token from the page of the fleet that made it: CODE@HOST:PORT#FINGERPRINT.',
  },
  FLEET_LINK_PROXY_INVALID: {
    title: 'The proxy is not written as one.',
    hint: 'Write http://host:port, with user:password@ before the host where the proxy asks for it.',
  },
  FLEET_LINK_ALREADY_JOINED: {
    title: 'The sensor belongs to a fleet already.',
    hint: '`bulkhead fleet status` shows which. `--replace` leaves it and joins the other.',
  },
  FLEET_LINK_NOT_JOINED: {
    title: 'The sensor belongs to no fleet.',
    hint: 'Have the fleet make a join token, and run `bulkhead fleet join TOKEN`.',
  },
  FLEET_LINK_STATE_DAMAGED: {
    title: 'What the sensor keeps of its fleet cannot be read.',
    hint: 'The sensor works on without its fleet. Join again with a token that replaces this sensor, and `--replace`.',
  },
  FLEET_LINK_UNREACHABLE: {
    title: 'The fleet does not answer.',
    hint: 'Check name, port, firewall and, where there is one, the proxy. The sensor works on and tries again.',
  },
  FLEET_LINK_PROXY_REFUSED: {
    title: 'The proxy does not let the sensor through to its fleet.',
    hint: 'Allow CONNECT to both ports of the fleet, and check user and password of the proxy.',
  },
  FLEET_LINK_CA_WRONG: {
    title: 'Who answers is not the fleet that made the token.',
    hint: 'Somebody stands between, or the token is of another fleet. Nothing was sent. Compare the fingerprint at the fleet.',
  },
  FLEET_LINK_SERVER_UNTRUSTED: {
    title: 'Who answers has no server certificate of the authority of this fleet.',
    hint: 'Somebody stands between (a proxy that opens TLS does), or the fleet was set up anew. Nothing was sent.',
  },
  FLEET_LINK_CLOCK_WRONG: {
    title: 'By the clock of the sensor a certificate is not valid yet, or not any more.',
    hint: 'Set the clock of the machine (date, or its NTP service), and try again.',
  },
  FLEET_LINK_ADOPTION_REFUSED: {
    title: 'The fleet did not take the sensor in.',
    hint: 'A code works once and for a short time: have the fleet make a new one.',
  },
  FLEET_LINK_ANSWER_INVALID: {
    title: 'The fleet answered something that is no answer.',
    hint: 'Check that host and port are those of a fleet, of this version or the one before or after.',
  },
  FLEET_LINK_CERTIFICATE_WRONG: {
    title: 'The certificate that the fleet issued is not for this sensor.',
    hint: 'It was thrown away. Look at the log of the fleet; this should not happen.',
  },
  FLEET_LINK_DOWN: {
    title: 'There is no link to the fleet now.',
    hint: 'The sensor tries by itself; `bulkhead fleet status` says how it stands.',
  },
  FLEET_LINK_SILENT: {
    title: 'The fleet fell silent, or no longer takes what the sensor sends.',
    hint: 'The sensor connects again by itself. When it happens often, look at the network between, or at the load of the fleet.',
  },
  FLEET_LINK_REFUSED: {
    title: 'The fleet does not let this sensor in.',
    hint: 'It was revoked, replaced, or its identity is used elsewhere: see its page at the fleet.',
  },
  FLEET_LINK_WAITS_FOR_OPERATOR: {
    title: 'The certificate ran out while the sensor was away.',
    hint: 'An operator has to confirm its return at the fleet; the sensor asks again by itself.',
  },
  FLEET_LINK_CONFIG_CUTS_OFF: {
    title: 'The configuration would take the network interface that leads to the fleet.',
    hint: 'Use another interface for monitoring or for instruments; nothing was changed.',
  },
  FLEET_LINK_CONFIG_FILES: {
    title: 'The configuration of the fleet names a file of the sensor that was not named before.',
    hint: 'Which of its files instruments may read is said at the sensor: apply it there once, or deliver the file over the bus.',
  },
  FLEET_LINK_CONFIG_LINK_LOST: {
    title:
      'With a configuration the sensor did not reach its fleet any more, and went back to the one before.',
    hint: 'Look at what the revision changed of interfaces and routes. If the fleet or the network was away for another reason, send it again.',
  },
  FLEET_LINK_CONFIG_OLD: {
    title: 'The fleet sent an older revision than one that it sent before.',
    hint: 'The fleet was perhaps restored from a backup. Save the configuration there once more, so that it gets a new revision.',
  },
  FLEET_LINK_CONFIG_INTERRUPTED: {
    title: 'The sensor ended while it brought the revision in force, and does not try it again by itself.',
    hint: 'The revision may have been the reason. Look at it, and save it at the fleet once more.',
  },
  FLEET_LINK_CONFIG_SUPERSEDED: {
    title: 'A newer revision came before the turn of this one.',
    hint: 'Look at the result of the newer one.',
  },
  FLEET_LINK_CONFIG_INVALID: {
    title: 'What the fleet sent is no configuration.',
    hint: 'Correct it at the fleet; nothing was changed.',
  },
  FLEET_LINK_ASK_INVALID: {
    title: 'A request of the fleet is not written as one.',
    hint: 'This is a fault of the fleet, or of somebody in its place. Nothing was done.',
  },
  FLEET_LINK_ASK_FORBIDDEN: {
    title: 'The fleet may not ask this of a sensor.',
    hint: 'Do it on the sensor, with the `bulkhead` command.',
  },
  FLEET_LINK_ROLE_MISSING: {
    title: 'The role of this person at the fleet does not suffice for that.',
    hint: 'Ask somebody whose role does, or an administrator of the fleet.',
  },
  FLEET_LINK_ASK_BUSY: {
    title: 'The fleet asks more at once than the sensor answers.',
    hint: 'Try again in a moment.',
  },
  FLEET_LINK_ASK_LATE: {
    title: 'The answer was not ready in time.',
    hint: 'Ask for less, or again later.',
  },
  FLEET_LINK_ASK_FAILED: {
    title: "The sensor's own API did not answer.",
    hint: 'The log of the sensor says why.',
  },
  FLEET_LINK_UI_REFUSED: {
    title: 'The page of this instrument may not be opened.',
    hint: 'The instrument must run, be granted `ui`, and the person must have a role for it.',
  },
  FLEET_LINK_TUNNEL_INVALID: {
    title: 'The fleet asked for a connection that cannot be.',
    hint: 'This is a fault of the fleet, or of somebody in its place. Nothing was opened.',
  },
  FLEET_LINK_TUNNEL_BUSY: {
    title: 'Too many connections to pages of this sensor are open.',
    hint: 'Close some, and try again.',
  },
});
