import type { IncomingMessage } from 'node:http';
import { sessionCookie } from './cookies.ts';
import type { Grants } from './grants.ts';
import type { Addressing } from './addressing.ts';
import { checkTarget } from './request-target.ts';
import { refusal } from './refusal.ts';
import type { People, Place, Visitor } from './types.ts';

/** Where the fleet's page sends its form. */
export const ENTER_PATH = '/.bulkhead/enter';

const FORM_BYTES_MOST = 4_096;
const FORM_MS = 10_000;

/** Somebody who came in. */
export interface Entered {
  place: Place;
  visitor: Visitor;
  /** Where to begin. */
  path: string;
  /** For Set-Cookie. */
  cookie: string;
}

/** Makes a session of its own for a page's origin out of a code that the fleet's page was given. */
export class Entrance {
  readonly #people: Pick<People, 'redeem'>;
  readonly #grants: Pick<Grants, 'checkRight'>;

  constructor(parts: { people: Pick<People, 'redeem'>; grants: Pick<Grants, 'checkRight'> }) {
    this.#people = parts.people;
    this.#grants = parts.grants;
  }

  /** @throws BulkheadError FLEET_PROXY_CODE_REFUSED, _ORIGIN_REFUSED, _METHOD_REFUSED, _DENIED and others */
  async enter(request: IncomingMessage, addressing: Addressing, address: string): Promise<Entered> {
    const { headers } = request;
    const { origin } = addressing.read(headers.host);
    this.#check(request, addressing);
    const { code, path } = await readForm(request);
    const agent = (headers['user-agent'] ?? '').slice(0, 200);
    const entered = this.#people.redeem({ code, origin, address, agent });
    if (entered === undefined) {
      throw refusal(
        'FLEET_PROXY_CODE_REFUSED',
        'This way in has been used already, or was not used in time.',
      );
    }
    const { visitor } = entered;
    const place = addressing.find(headers.host);
    this.#grants.checkRight(place, visitor);
    return {
      place,
      visitor,
      path,
      cookie: sessionCookie(addressing.cookie, entered.cookie, entered.maxAgeS),
    };
  }

  /** Only the fleet's own page may send somebody in: else a stranger could make a person work under the stranger's name. */
  #check({ headers, method }: IncomingMessage, addressing: Addressing): void {
    // By GET the code would have to stand in the address (ABUSE 58).
    if (method !== 'POST')
      throw refusal('FLEET_PROXY_METHOD_REFUSED', 'People enter by a form of the fleet.');
    const isForm =
      headers.origin !== undefined &&
      addressing.isFleet(headers.origin, headers.host) &&
      (headers['sec-fetch-mode'] ?? 'navigate') === 'navigate' &&
      (headers['sec-fetch-dest'] ?? 'document') === 'document';
    if (!isForm)
      throw refusal('FLEET_PROXY_ORIGIN_REFUSED', 'People enter by a form of the fleet, and by no other.');
  }
}

/** @throws BulkheadError FLEET_PROXY_CODE_REFUSED, FLEET_PROXY_TOO_LARGE, FLEET_PROXY_TIMEOUT, FLEET_PROXY_PATH_REFUSED */
async function readForm(request: IncomingMessage): Promise<{ code: string; path: string }> {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') throw noCode();
  const fields = new URLSearchParams(await readText(request));
  const [code, another] = fields.getAll('code');
  if (code === undefined || another !== undefined || !/^[\w-]{16,128}$/.test(code)) throw noCode();
  const path = fields.get('path') ?? '/';
  if (checkTarget(path).own) throw refusal('FLEET_PROXY_PATH_REFUSED', 'Nobody begins there.');
  return { code, path };
}

function readText(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => {
      fail(refusal('FLEET_PROXY_TIMEOUT', 'The form took too long.'));
    }, FORM_MS);
    const fail = (error: Error) => {
      clearTimeout(timer);
      request.removeAllListeners('data');
      request.pause();
      reject(error);
    };
    request.setEncoding('latin1');
    request.on('data', (part: string) => {
      text += part;
      if (text.length > FORM_BYTES_MOST) fail(refusal('FLEET_PROXY_TOO_LARGE', 'The form is too large.'));
    });
    request.once('end', () => {
      clearTimeout(timer);
      resolve(text);
    });
    request.once('close', () => {
      fail(refusal('FLEET_PROXY_CODE_REFUSED', 'The form did not arrive whole.'));
    });
  });
}

function noCode() {
  return refusal('FLEET_PROXY_CODE_REFUSED', 'The form holds no code.');
}
