import { BulkheadError } from '../kernel/index.ts';
import type { Role } from './roles.ts';

/** One thing that a fleet may ask of a sensor. */
export interface Allowed {
  method: 'GET' | 'POST';
  /** `:name` stands for a name (a-z, 0-9, -), `:number` for digits. */
  path: string;
  /** Who at the fleet may. */
  least: Role;
  /** The field of the body in which the sensor records who asked; whatever the fleet wrote there is replaced. */
  author?: 'author' | 'by';
}

/**
 * Everything that a fleet may ask. What is not here is refused: keys and shutdown stay with those who stand at the sensor, a
 * configuration comes down as desired state, and files and instruments under development come from nowhere but the sensor.
 */
export const ALLOWED: readonly Allowed[] = Object.freeze([
  { method: 'GET', path: '/v1/status', least: 'viewer' },
  { method: 'GET', path: '/v1/events', least: 'viewer' },
  { method: 'GET', path: '/v1/instruments/:name', least: 'viewer' },
  { method: 'GET', path: '/v1/instruments/:name/log', least: 'viewer' },
  { method: 'GET', path: '/v1/instruments/:name/setup', least: 'viewer' },
  { method: 'POST', path: '/v1/instruments/:name/restart', least: 'operator' },
  { method: 'GET', path: '/v1/search', least: 'viewer' },
  { method: 'GET', path: '/v1/search/histogram', least: 'viewer' },
  { method: 'GET', path: '/v1/search/export', least: 'analyst' },
  { method: 'GET', path: '/v1/dns/lookup', least: 'viewer' },
  { method: 'GET', path: '/v1/ledger', least: 'viewer' },
  { method: 'GET', path: '/v1/active', least: 'viewer' },
  { method: 'GET', path: '/v1/bus/refused', least: 'viewer' },
  { method: 'GET', path: '/v1/config', least: 'viewer' },
  { method: 'GET', path: '/v1/config/revisions', least: 'viewer' },
  { method: 'GET', path: '/v1/config/revisions/:number', least: 'viewer' },
  { method: 'GET', path: '/v1/config/changes/:number', least: 'viewer' },
  { method: 'POST', path: '/v1/config/plan', least: 'operator' },
  { method: 'POST', path: '/v1/config/diff', least: 'operator' },
  { method: 'GET', path: '/v1/grants', least: 'viewer' },
  { method: 'GET', path: '/v1/grants/matrix', least: 'viewer' },
  { method: 'POST', path: '/v1/grants/give', least: 'operator', author: 'author' },
  { method: 'POST', path: '/v1/grants/revoke', least: 'operator', author: 'author' },
  { method: 'GET', path: '/v1/downloads', least: 'viewer' },
  { method: 'POST', path: '/v1/downloads/now', least: 'operator' },
  { method: 'POST', path: '/v1/downloads/approve', least: 'operator', author: 'author' },
  { method: 'POST', path: '/v1/downloads/refuse', least: 'operator', author: 'author' },
  { method: 'POST', path: '/v1/downloads/revoke', least: 'operator', author: 'author' },
  { method: 'GET', path: '/v1/resources/:name', least: 'viewer' },
  { method: 'GET', path: '/v1/data/report', least: 'viewer' },
  { method: 'GET', path: '/v1/data/key', least: 'viewer' },
  { method: 'GET', path: '/v1/data/find', least: 'analyst' },
  { method: 'GET', path: '/v1/data/holds', least: 'viewer' },
  { method: 'GET', path: '/v1/data/purges', least: 'viewer' },
  { method: 'POST', path: '/v1/data/hold', least: 'operator', author: 'by' },
  { method: 'POST', path: '/v1/data/purge', least: 'admin', author: 'by' },
  { method: 'POST', path: '/v1/data/check', least: 'operator' },
  { method: 'GET', path: '/v1/keys', least: 'viewer' },
]);

const MAX_PATH_CHARACTERS = 4096;
/** No `%`, `\`, `//` or dot segment can be written with these, so no two spellings of one path. */
const PATH = /^\/v1(?:\/[A-Za-z0-9_-](?:[A-Za-z0-9._-]{0,63}))+$/;
const QUERY = /^[\x21-\x22\x24-\x7e]*$/;
const PLACEHOLDERS: Readonly<Record<string, RegExp>> = Object.freeze({
  ':name': /^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/,
  ':number': /^[1-9][0-9]{0,8}$/,
});

/**
 * Finds what is asked for in the list.
 * @returns the entry, and the path as it is to be asked: the query is written anew from what was understood.
 * @throws BulkheadError FLEET_LINK_ASK_INVALID, FLEET_LINK_ASK_FORBIDDEN
 */
export function allowedAsk(method: string, target: string): { allowed: Allowed; path: string } {
  const cut = target.indexOf('?');
  const path = cut < 0 ? target : target.slice(0, cut);
  const query = cut < 0 ? '' : target.slice(cut + 1);
  if (target.length > MAX_PATH_CHARACTERS || !PATH.test(path) || !QUERY.test(query)) {
    throw new BulkheadError({
      code: 'FLEET_LINK_ASK_INVALID',
      message: 'The fleet asked for a path that cannot be one.',
      hint: 'This is a fault of the fleet, or of somebody in its place. Nothing was done.',
    });
  }
  const segments = path.split('/');
  const allowed = ALLOWED.find((one) => one.method === method && fits(one.path.split('/'), segments));
  if (allowed === undefined) {
    throw new BulkheadError({
      code: 'FLEET_LINK_ASK_FORBIDDEN',
      message: `A fleet may not ask ${/^[A-Z]{1,10}$/.test(method) ? method : 'this'} ${path} of a sensor.`,
      hint: 'Do it on the sensor, with the `bulkhead` command.',
      fields: { path },
    });
  }
  const written = new URLSearchParams(query).toString();
  return { allowed, path: written === '' ? path : `${path}?${written}` };
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, index) => {
      const segment = segments[index] ?? '';
      return PLACEHOLDERS[part]?.test(segment) ?? part === segment;
    })
  );
}
