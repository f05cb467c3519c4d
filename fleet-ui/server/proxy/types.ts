import type { Duplex } from 'node:stream';
import type { GrantedRight } from '@bulkhead/fleet-api';

/** One instrument on one sensor, as an address leads to it. */
export interface Place {
  /** Id of the sensor. */
  sensor: string;
  sensorName: string;
  instrument: string;
  /** Scheme, host and port as a browser writes them: `https://rules.lab.fleet.example.org:8443`. */
  origin: string;
  /** What the instrument is told as Host. */
  host: string;
  /** False where other origins share the browser's cookies with it: ports of one host. */
  hasOwnCookies: boolean;
}

/** Who asks on the origin of an instrument: a person's browser or an API token. */
export interface Visitor {
  /** Of the person; a token acts for its owner. */
  id: string;
  name: string;
  /** `session`, or `token` with its id: for the audit log. */
  by: string;
  /** Asked at every request and for as long as a connection lasts: false as soon as session, token or person is ended. */
  isAlive(): boolean;
  may(right: GrantedRight, sensor: string, instrument: string): boolean;
  /** Roles that apply there, for the instrument to be told. */
  rolesFor(sensor: string, instrument: string): readonly string[];
}

/** What the proxy asks of whoever knows people. */
export interface People {
  /**
   * Makes a session for an origin out of a code; the code is used up, whatever comes of it.
   * @returns undefined when there is no such code, it is too old, or it was made for another origin
   */
  redeem(ask: {
    code: string;
    origin: string;
    address: string;
    agent: string;
  }): { cookie: string; maxAgeS: number; visitor: Visitor } | undefined;
  /** By the value of the cookie that {@link redeem} gave for this very origin. Asked at every request. */
  bySession(cookie: string, origin: string): Visitor | undefined;
  /** By the secret of an API token. */
  byToken(secret: string, address: string): Visitor | undefined;
  /** Called after anything changed that may end a session or take a right away. @returns takes the listener off */
  onChange(listener: () => void): () => void;
}

/** One line for the audit log. */
export interface AuditNote {
  visitor: Visitor | undefined;
  /** `instrument.open`, `instrument.change`, `instrument.connect`, `instrument.refuse`. */
  action: string;
  /** `<instrument>@<sensor's name>`. */
  target: string;
  address: string;
  outcome: 'done' | 'refused' | 'failed';
  code?: string;
  facts?: Record<string, string | number | boolean>;
}
export type Audit = (note: AuditNote) => void;

/** How a page stands, as far as the fleet knows. */
export type PageState = 'served' | 'opening' | 'not-running' | 'not-granted' | 'unknown';

/** What the proxy asks of whoever knows the sensors. Answered from memory: it is asked at every request. */
export interface Sensors {
  /** @param label as in the address: see `sensorLabel` of the api */
  byLabel(label: string): { id: string; name: string } | undefined;
  byId(id: string): { id: string; name: string } | undefined;
  isOnline(id: string): boolean;
  /** `unknown`: the sensor has no such instrument. */
  pageState(id: string, instrument: string): PageState;
}

/** Ways to instruments' pages. */
export interface Ways {
  /** The page's own socket, for a sensor on this machine; undefined: through the tunnel. */
  socketOf(sensor: string, instrument: string): string | undefined;
  /** One connection to the page. The sensor judges by the identity once more. */
  openTunnel(
    sensor: string,
    target: { instrumentUi: string },
    identity: { user: string; roles: readonly string[] },
  ): Promise<Duplex>;
}
