import { refusal } from './refusal.ts';

/** Longer ones are refused by the listener or by instruments' servers anyway; here all end alike. */
const CHARACTERS_MOST = 8_192;
/** What nearly every request looks like: nothing encoded in the path, no dot at the start of a segment, no secret to look for. */
const PLAIN =
  /^(?:\/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9_~!$&'()*+,=:@.-]*)*\/?(?:\?[A-Za-z0-9_~!$'()*+,=:@./?&-]*)?$/;
const VISIBLE = /^\/[!-~]*$/;
/** What our own tokens look like, whatever they are called. */
const OUR_TOKEN = /(?:^|[^A-Za-z0-9])bh_[A-Za-z0-9_-]{16,}/;
/** Names under which secrets are sent that let somebody in here; a page's own parameters may well be called `token`. */
const SECRET_NAME = /[?&](?:access_?token|id_?token|api_?key|authorization|bearer)=./i;
const MAYBE_SECRET = /bh_|%|token|key|authorization|bearer/i;

/** The part of addresses that is the fleet's own on every origin. */
export const OWN_PATHS = '/.bulkhead';

/**
 * The target of a request line, checked; it is passed on byte for byte, so that no two readers see different paths (ABUSE 48).
 * @returns `own`: it is for the fleet and never for the instrument
 * @throws BulkheadError FLEET_PROXY_REQUEST_REFUSED, FLEET_PROXY_PATH_REFUSED, FLEET_PROXY_TOKEN_IN_URL
 */
export function checkTarget(target: string): { path: string; own: boolean } {
  if (target.length > CHARACTERS_MOST)
    throw refusal('FLEET_PROXY_REQUEST_REFUSED', 'The address is too long.');
  // An absolute address (ABUSE 50), `*`, or one with spaces or bytes that some readers cut at.
  if (!VISIBLE.test(target) || target.startsWith('//')) {
    throw refusal('FLEET_PROXY_REQUEST_REFUSED', 'The address is not a path that begins with one slash.');
  }
  if (MAYBE_SECRET.test(target) && holdsToken(target)) {
    throw refusal(
      'FLEET_PROXY_TOKEN_IN_URL',
      'The address holds a token. It may have been logged on the way: withdraw it.',
    );
  }
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  if (PLAIN.test(target)) return { path, own: false };
  const decoded = decodePath(path);
  return { path, own: isOwn(decoded) };
}

/** True for the fleet's own part of an address, however it is written. */
function isOwn(decoded: string): boolean {
  const path = decoded.toLowerCase();
  return path === OWN_PATHS || path.startsWith(`${OWN_PATHS}/`) || path.startsWith(`${OWN_PATHS};`);
}

/** @returns the path as an instrument's server may read it @throws BulkheadError FLEET_PROXY_PATH_REFUSED */
function decodePath(path: string): string {
  if (/[\\#]/.test(path)) throw oddPath();
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch (cause) {
    // Half an escape, or bytes that are no UTF-8: overlong forms of `/` and `.` are among them.
    throw oddPath(cause);
  }
  if (
    hasControl(decoded) ||
    decoded.includes('\\') ||
    /%(?:2e|2f|5c|25|0\d|1\d|7f)/i.test(decoded) ||
    // With path parameters too: `/..;x/` is `/../` to some.
    decoded.split('/').some((segment) => /^\.{1,2}(?:;|$)/.test(segment))
  ) {
    throw oddPath();
  }
  return decoded;
}

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}

function holdsToken(target: string): boolean {
  let text = target;
  for (let layer = 0; layer < 3; layer += 1) {
    if (OUR_TOKEN.test(text) || SECRET_NAME.test(text)) return true;
    if (!text.includes('%')) return false;
    text = text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
      String.fromCharCode(parseInt(hex, 16)),
    );
  }
  return false;
}

function oddPath(cause?: unknown) {
  return refusal('FLEET_PROXY_PATH_REFUSED', 'The path is not in its plain form.', cause);
}
