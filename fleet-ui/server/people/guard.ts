import type { IncomingHttpHeaders } from 'node:http';
import type { GrantedRight, Right } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { Cookies } from './cookies.ts';
import type { Identities, Identity } from './identity.ts';

/** Of a request, what is needed to judge it. */
export interface Asked {
  method: string;
  headers: IncomingHttpHeaders;
  address: string;
  right: Right;
  sensor: string | undefined;
  instrument: string | undefined;
  /** The route is about a sensor or an instrument that stands in its path, or judges each one itself. */
  placed: boolean;
}

export interface GuardParts {
  identities: Identities;
  cookies: Cookies;
  encrypted: boolean;
  setUpNeeded: () => boolean;
}

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Is it only looking? */
export function isRead(method: string): boolean {
  return READS.has(method);
}

/**
 * Who sends a request, and whether they may.
 * @param found told who it is before anything is refused, so that a refusal can be written down under the right name
 * @returns undefined for somebody who is not signed in, on a public route
 * @throws BulkheadError FLEET_PEOPLE_SIGN_IN_NEEDED, FLEET_PEOPLE_SET_UP_NEEDED, FLEET_PEOPLE_CROSS_SITE,
 *         FLEET_PEOPLE_NOT_PERMITTED
 */
export function judgeRequest(
  asked: Asked,
  parts: GuardParts,
  found: (identity: Identity) => void,
): Identity | undefined {
  const { identity, ambient } = identify(asked, parts);
  if (identity !== undefined) found(identity);
  checkOrigin(asked, ambient, parts.encrypted);
  if (asked.right === 'public') return identity;
  if (identity === undefined) throw parts.setUpNeeded() ? setUpNeeded() : signInNeeded();
  if (asked.right !== 'signed-in' && !mayDo(identity, asked.right, asked)) {
    throw notPermitted(identity, asked.right, asked);
  }
  return identity;
}

/**
 * A token in the header counts alone: it was put there on purpose. A cookie is sent by the browser whoever made it send the
 * request; so it is `ambient`, and the request must come from a page of ours.
 */
function identify(asked: Asked, parts: GuardParts): { identity: Identity | undefined; ambient: boolean } {
  const { authorization, cookie } = asked.headers;
  if (authorization !== undefined) {
    const secret = /^Bearer +(bh_[a-z2-7]{40})$/i.exec(authorization)?.[1];
    const identity = secret === undefined ? undefined : parts.identities.byToken(secret, asked.address);
    if (identity === undefined) throw signInNeeded();
    return { identity, ambient: false };
  }
  const secret = parts.cookies.readSession(cookie);
  const identity = secret === undefined ? undefined : parts.identities.bySession(secret);
  return { identity, ambient: identity !== undefined };
}

/**
 * Changes and upgrades must come from a page of the very origin that was asked. Programs send neither header; they have no cookie
 * that somebody else could make use of. Reading with a cookie is refused to pages of neighbours (other ports, instruments).
 */
function checkOrigin(asked: Asked, ambient: boolean, encrypted: boolean): void {
  if (asked.headers.authorization !== undefined) return;
  const { origin, host, 'sec-fetch-site': site } = asked.headers;
  if (isRead(asked.method) && asked.headers.upgrade === undefined) {
    const ours = site === undefined || site === 'same-origin' || site === 'none';
    if (ambient && asked.right !== 'public' && !ours) throw crossSite(origin);
    return;
  }
  // The listener has checked that this host is one of the fleet's own names.
  const own = `${encrypted ? 'https' : 'http'}://${(host ?? '').toLowerCase()}`;
  const missing = ambient && (origin === undefined || site === undefined);
  const strange = (origin !== undefined && origin !== own) || (site !== undefined && site !== 'same-origin');
  if (missing || strange) throw crossSite(origin);
}

/** What is not about one sensor concerns them all: looking then shows what one may see, changing needs the right everywhere. */
function mayDo(identity: Identity, right: GrantedRight, asked: Asked): boolean {
  return asked.placed || isRead(asked.method)
    ? identity.may(right, asked.sensor, asked.instrument)
    : identity.mayEverywhere(right);
}

export function signInNeeded(): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_SIGN_IN_NEEDED',
    message: 'Nobody is signed in, or the session or token has ended.',
    hint: 'Sign in; or send a valid token as `Authorization: Bearer …`.',
  });
}

function setUpNeeded(): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_SET_UP_NEEDED',
    message: 'Nobody has set this fleet up yet.',
    hint: 'Open it in a browser and type in the code that fleetd printed when it started.',
  });
}

function crossSite(origin: string | undefined): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_CROSS_SITE',
    message: 'The request did not come from a page of this fleet.',
    hint: 'Open the fleet at the address that stands in `names` of its configuration.',
    fields: { origin: origin?.slice(0, 200) },
  });
}

function notPermitted(identity: Identity, right: GrantedRight, asked: Asked): BulkheadError {
  const where = asked.sensor === undefined ? '' : ` on ${asked.sensor}`;
  const which = asked.instrument === undefined ? '' : ` for ${asked.instrument}`;
  return new BulkheadError({
    code: 'FLEET_PEOPLE_NOT_PERMITTED',
    message: `${identity.name} does not have the right ${right}${where}${which}.`,
    hint: 'An administrator can give a role that does.',
    fields: { right, sensor: asked.sensor, instrument: asked.instrument },
  });
}
