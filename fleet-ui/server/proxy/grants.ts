import type { IncomingMessage } from 'node:http';
import type { Addressing } from './addressing.ts';
import { readCookie } from './cookies.ts';
import { refusal } from './refusal.ts';
import { mayStay } from './lives.ts';
import type { PageState, People, Place, Sensors, Visitor } from './types.ts';

/** What a request came with. */
export type Credential = { kind: 'token'; secret: string } | { kind: 'session'; cookie: string };

/** A token counts for more than a cookie: who sends one means it. Other kinds of Authorization let nobody in. */
export function credentialOf({ headers }: IncomingMessage, name: string): Credential | undefined {
  if (headers.authorization !== undefined) {
    const secret = /^Bearer ([\w.~+/-]{16,200})$/i.exec(headers.authorization)?.[1];
    return secret === undefined ? undefined : { kind: 'token', secret };
  }
  const cookie = readCookie(headers.cookie, name);
  return cookie === undefined ? undefined : { kind: 'session', cookie };
}

/** Who may do what where, decided. */
export interface Grant {
  place: Place;
  visitor: Visitor;
  /** As the instrument is told. */
  roles: string;
}

/** Browsers load a page by dozens of requests in one breath. */
const KEPT_MOST = 4_096;

/**
 * Decides who may open what.
 *
 * INVARIANTS: a yes is good until the next tick of the proxy's clock, a second at most, and not beyond any change that people tell
 * of; so a page that loads costs a few questions to the database and not hundreds. A no is never kept.
 */
export class Grants {
  readonly #people: People;
  readonly #sensors: Sensors;
  readonly #kept = new Map<string, Grant>();

  constructor(people: People, sensors: Sensors) {
    this.#people = people;
    this.#sensors = sensors;
  }

  /** Forgets every yes: something changed, or a second is over. */
  forget(): void {
    this.#kept.clear();
  }

  /**
   * Whether there is such a sensor or instrument is told only to who may open it.
   * @param known is told who it is before anything is refused to them
   * @throws BulkheadError FLEET_PROXY_SIGNED_OUT, FLEET_PROXY_DENIED, and what {@link checkPage} says
   */
  decide(
    credential: Credential | undefined,
    { addressing, host, address }: { addressing: Addressing; host: string | undefined; address: string },
    known: (visitor: Visitor) => void,
  ): Grant {
    if (credential === undefined) throw signedOut();
    const key = `${credential.kind === 'token' ? credential.secret : credential.cookie}\n${host ?? ''}\n${address}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      known(kept.visitor);
      return kept;
    }
    const visitor =
      credential.kind === 'token'
        ? this.#people.byToken(credential.secret, address)
        : this.#people.bySession(credential.cookie, addressing.read(host).origin);
    if (visitor === undefined) throw signedOut();
    known(visitor);
    const place = addressing.find(host);
    this.checkRight(place, visitor);
    checkPage(this.#sensors, place);
    const roles = visitor.rolesFor(place.sensor, place.instrument).join(',');
    const grant = { place, visitor, roles };
    if (this.#kept.size >= KEPT_MOST) this.#kept.clear();
    this.#kept.set(key, grant);
    return grant;
  }

  /** @throws BulkheadError FLEET_PROXY_DENIED */
  checkRight(place: Place, visitor: Visitor): void {
    if (!mayStay({ place, visitor })) {
      throw refusal('FLEET_PROXY_DENIED', `${visitor.name} may not open ${nameOf(place)}.`);
    }
  }
}

/** @throws BulkheadError FLEET_PROXY_SENSOR_OFFLINE, _NOT_RUNNING, _PAGE_NOT_GRANTED, _SENSOR_UNKNOWN */
export function checkPage(
  sensors: Pick<Sensors, 'isOnline' | 'pageState'>,
  place: Pick<Place, 'sensor' | 'sensorName' | 'instrument'>,
): void {
  if (!sensors.isOnline(place.sensor)) {
    throw refusal('FLEET_PROXY_SENSOR_OFFLINE', `The sensor ${place.sensorName} is offline.`);
  }
  const trouble = TROUBLE[sensors.pageState(place.sensor, place.instrument)];
  if (trouble !== undefined) throw refusal(trouble.code, trouble.message(place));
}

/** How people call it. */
export function nameOf({ instrument, sensorName }: Pick<Place, 'instrument' | 'sensorName'>): string {
  return `${instrument}@${sensorName}`;
}

const TROUBLE: Readonly<
  Record<
    PageState,
    | {
        code: `FLEET_PROXY_${Uppercase<string>}`;
        message: (place: Pick<Place, 'sensorName' | 'instrument'>) => string;
      }
    | undefined
  >
> = {
  served: undefined,
  opening: {
    code: 'FLEET_PROXY_NOT_RUNNING',
    message: (place) => `The page of ${nameOf(place)} is being opened; try again in a few seconds.`,
  },
  'not-running': {
    code: 'FLEET_PROXY_NOT_RUNNING',
    message: (place) => `${nameOf(place)} is not running.`,
  },
  'not-granted': {
    code: 'FLEET_PROXY_PAGE_NOT_GRANTED',
    message: (place) => `${nameOf(place)} has no page, or was not given the right to show it.`,
  },
  unknown: {
    code: 'FLEET_PROXY_SENSOR_UNKNOWN',
    message: ({ instrument, sensorName }) => `There is no instrument ${instrument} on ${sensorName}.`,
  },
};

function signedOut() {
  return refusal('FLEET_PROXY_SIGNED_OUT', 'Open this instrument from the fleet to sign in here.');
}
