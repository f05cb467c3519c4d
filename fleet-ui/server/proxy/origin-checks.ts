import type { IncomingMessage } from 'node:http';
import { refusal } from './refusal.ts';
import { isSafe } from './request-headers.ts';

/**
 * What a page of one origin may make a browser send to another (Fetch Metadata, W3C). An instrument's page is as foreign to
 * its neighbour as any page of the internet, though browsers call the two "same-site" and send cookies along.
 *
 * - a change or a connection: only from the page itself
 * - anything else: from the page itself, typed in by a person, or a link that a person followed in a window of its own
 * @param origin of the page
 * @throws BulkheadError FLEET_PROXY_ORIGIN_REFUSED
 */
export function checkOrigin(request: IncomingMessage, origin: string, isUpgrade: boolean): void {
  const { headers, method = '' } = request;
  const site = headers['sec-fetch-site'];
  if (isUpgrade || !isSafe(method)) {
    // Chromium says Sec-Fetch-Site with everything but WebSockets; every browser says Origin with those, and no page can forge it.
    const said = isUpgrade ? (site ?? 'same-origin') : site;
    if (headers.origin !== origin || said !== 'same-origin') throw foreign();
    return;
  }
  if (headers.origin !== undefined && headers.origin !== origin) throw foreign();
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  const isNavigation =
    method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  if (!isNavigation) throw foreign();
}

function foreign() {
  return refusal('FLEET_PROXY_ORIGIN_REFUSED', 'The request comes from a page of another origin.');
}
