import type { FastifyRequest } from 'fastify';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { FleetApp } from './feature.ts';

/** Names of query parameters under which people send secrets. OIDC's one-use `code` and `state` are not among them. */
const SECRET_NAME =
  /^(access_?token|api_?key|api_?token|auth(orization)?|bearer|id_?token|jwt|key|pass(word|wd)?|refresh_?token|secret|session(_?id)?|sid|token)$/i;
/** What our own tokens look like, under whatever name. */
const OUR_TOKEN = /(^|[^A-Za-z0-9])bh_[A-Za-z0-9_-]{16,}/;

/**
 * A secret in an address ends in histories, logs and Referer headers: it is refused, so that nobody comes to rely on it.
 * @throws BulkheadError FLEET_WEB_TOKEN_IN_URL
 */
export function refuseSecretsInUrl(app: FleetApp): void {
  app.addHook('onRequest', async (request) => {
    if (holdsSecret(request.raw.url ?? '')) {
      throw new BulkheadError({
        code: 'FLEET_WEB_TOKEN_IN_URL',
        message: 'The address holds a token or a password. It may have been logged on the way: withdraw it.',
      });
    }
  });
}

/** Also sees what is percent-encoded, once or twice. */
export function holdsSecret(url: string): boolean {
  const query = url.indexOf('?');
  if (query >= 0) {
    for (const name of new URLSearchParams(url.slice(query + 1)).keys()) {
      if (SECRET_NAME.test(name)) return true;
    }
  }
  let text = url;
  for (let layer = 0; layer < 3; layer += 1) {
    if (OUR_TOKEN.test(text)) return true;
    text = text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
      String.fromCharCode(parseInt(hex, 16)),
    );
  }
  return false;
}

/**
 * A page of a stranger whose name was made to point here (DNS rebinding) is not answered: it would share no cookie, but could
 * read what is public and try passwords from inside the network.
 */
export function refuseUnknownHosts(app: FleetApp, knows: (host: string) => boolean): void {
  app.addHook('onRequest', async (request) => {
    const host = hostOf(request.raw.headers.host);
    if (host === undefined || !knows(host)) {
      throw new BulkheadError({
        code: 'FLEET_WEB_HOST_REFUSED',
        message: 'This fleet does not go by the name that the request was sent to.',
      });
    }
    refuseOddPath(request);
  });
}

/**
 * The name in a Host header, in lower case, without port and without a last dot; undefined when it is not one.
 * @param header e.g. `Fleet.example.org:8443`, `[::1]:8443`
 */
export function hostOf(header: string | undefined): string | undefined {
  if (header === undefined || header.length > 300) return undefined;
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::(\d{1,5}))?$/i.exec(header);
  return match?.[1]?.toLowerCase();
}

/**
 * Our own addresses are plain: a path that needs decoding twice, or changes when a proxy tidies it up, is an attempt to be seen
 * differently by two readers.
 */
function refuseOddPath(request: FastifyRequest): void {
  const path = (request.raw.url ?? '').split('?', 1)[0] ?? '';
  if (!path.startsWith('/') || /%(00|2e|2f|5c|25)|\\|\/\/|\/\.{1,2}(\/|$)/i.test(path)) {
    throw new BulkheadError({
      code: 'FLEET_WEB_PATH_REFUSED',
      message: 'The path is not in its plain form.',
    });
  }
}
