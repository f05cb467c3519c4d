import { partsOf, type Addressed, type Addressing } from './addressing.ts';
import { UI_COOKIE } from './cookies.ts';
import { refusal } from './refusal.ts';
import type { Place, Sensors } from './types.ts';

/**
 * An instrument that has a port of its own, for networks without names for instruments. Ports of one host share its cookies, so
 * ours is named after the port, and the page sets none.
 */
export class PortAddress implements Addressing {
  readonly cookie: string;
  readonly #parts: PortAddressParts;

  constructor(parts: PortAddressParts) {
    this.#parts = parts;
    this.cookie = `${UI_COOKIE}-${parts.port}`;
  }

  read(header: string | undefined): Addressed {
    const { port, scheme, knowsHost } = this.#parts;
    const host = (header ?? '').toLowerCase();
    const [, name, stated] =
      /^(\[[0-9a-f:.]+\]|[a-z0-9-]+(?:\.[a-z0-9-]+)*):([1-9][0-9]{0,4})$/.exec(host) ?? [];
    // The very port that was dialled: nothing stands between that would change it.
    if (name === undefined || Number(stated) !== port || !knowsHost(name)) {
      throw refusal('FLEET_PROXY_HOST_REFUSED', 'This name is not that of an instrument.');
    }
    return { host, origin: `${scheme}://${host}` };
  }

  /** On the same name, and not where another instrument is. */
  isFleet(from: string, header: string | undefined): boolean {
    const { scheme, range } = this.#parts;
    const [fleet, page] = [partsOf(from), partsOf(this.read(header).origin)];
    const port = Number(fleet?.port === '' ? (scheme === 'https' ? 443 : 80) : fleet?.port);
    const isInstrument = port >= range.first && port <= range.last;
    return fleet !== undefined && fleet.scheme === scheme && fleet.name === page?.name && !isInstrument;
  }

  find(header: string | undefined): Place {
    const { sensor: id, instrument, sensors } = this.#parts;
    const { host, origin } = this.read(header);
    const sensor = sensors.byId(id);
    if (sensor === undefined) {
      throw refusal('FLEET_PROXY_SENSOR_UNKNOWN', 'There is no such sensor in this fleet.');
    }
    return { sensor: id, sensorName: sensor.name, instrument, origin, host, hasOwnCookies: false };
  }
}

/** Which instrument has which port. */
export interface GivenPort {
  port: number;
  /** All ports that instruments may have, both included. */
  range: { first: number; last: number };
  sensor: string;
  instrument: string;
}

export interface PortAddressParts extends GivenPort {
  scheme: 'http' | 'https';
  /** Is this host (lower case, no port) the fleet's own? */
  knowsHost: (host: string) => boolean;
  sensors: Pick<Sensors, 'byId'>;
}
