import { idOfLabel } from '@bulkhead/fleet-api';
import { partsOf, type Addressed, type Addressing } from './addressing.ts';
import { UI_COOKIE } from './cookies.ts';
import { refusal } from './refusal.ts';
import type { Place, Sensors } from './types.ts';

/** A Host header, taken apart. */
interface ReadHost extends Addressed {
  instrument: string;
  label: string;
}

const KEPT_MOST = 1_024;

/**
 * Tells which instrument an address means. Exactly `<instrument>.<sensor>.<base domain>`, with or without a port: no last dot, no
 * further labels, nothing percent-encoded. What it says is decided by this header alone; X-Forwarded-Host and an absolute
 * address in the request line count for nothing.
 */
export class Hosts implements Addressing {
  readonly cookie = UI_COOKIE;
  readonly #scheme: 'http' | 'https';
  readonly #pattern: RegExp;
  readonly #suffix: string;
  readonly #sensors: Pick<Sensors, 'byLabel' | 'byId'>;
  readonly #knowsHost: (host: string) => boolean;
  /** The same few headers come again and again. */
  readonly #read = new Map<string, ReadHost>();

  constructor(options: {
    baseDomain: string;
    scheme: 'http' | 'https';
    sensors: Pick<Sensors, 'byLabel' | 'byId'>;
    knowsHost: (host: string) => boolean;
  }) {
    const base = options.baseDomain.toLowerCase();
    this.#suffix = `.${base}`;
    this.#scheme = options.scheme;
    this.#sensors = options.sensors;
    this.#knowsHost = options.knowsHost;
    this.#pattern = new RegExp(
      `^([a-z](?:[a-z0-9-]{0,30}[a-z0-9])?)\\.([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\\.${base.replaceAll('.', '\\.')}(?::([1-9][0-9]{0,4}))?$`,
    );
  }

  /** True for every name below the base domain: what is no instrument there is refused, not passed to the fleet. */
  covers(host: string): boolean {
    return host.endsWith(this.#suffix);
  }

  /** @throws BulkheadError FLEET_PROXY_HOST_REFUSED, FLEET_PROXY_SENSOR_UNKNOWN */
  find(header: string | undefined): Place {
    const read = this.read(header);
    const id = idOfLabel(read.label);
    const sensor = id === undefined ? this.#sensors.byLabel(read.label) : this.#sensors.byId(id);
    if (sensor === undefined) {
      throw refusal('FLEET_PROXY_SENSOR_UNKNOWN', 'There is no such sensor in this fleet.');
    }
    const { instrument, origin, host } = read;
    return { sensor: sensor.id, sensorName: sensor.name, instrument, origin, host, hasOwnCookies: true };
  }

  /** The fleet's pages are at one of its names, with the scheme and on the port of this very page. */
  isFleet(from: string, header: string | undefined): boolean {
    const [fleet, page] = [partsOf(from), partsOf(this.read(header).origin)];
    return (
      fleet !== undefined &&
      fleet.scheme === page?.scheme &&
      fleet.port === page.port &&
      this.#knowsHost(fleet.name)
    );
  }

  /** The origin that a Host header means, whether or not there is such a sensor. @throws BulkheadError FLEET_PROXY_HOST_REFUSED */
  read(header: string | undefined): ReadHost {
    const known = header === undefined ? undefined : this.#read.get(header);
    if (known !== undefined) return known;
    const match = this.#pattern.exec((header ?? '').toLowerCase());
    const [, instrument, label, port] = match ?? [];
    if (
      header === undefined ||
      instrument === undefined ||
      label === undefined ||
      Number(port ?? 1) > 65_535
    ) {
      throw refusal('FLEET_PROXY_HOST_REFUSED', 'This name is not that of an instrument.');
    }
    const isDefault = port === undefined || port === (this.#scheme === 'https' ? '443' : '80');
    const host = `${instrument}.${label}${this.#suffix}${isDefault ? '' : `:${port}`}`;
    const read = { instrument, label, host, origin: `${this.#scheme}://${host}` };
    if (this.#read.size >= KEPT_MOST) this.#read.clear();
    this.#read.set(header, read);
    return read;
  }
}
