import type { Place } from './types.ts';

/** A Host header, understood. */
export interface Addressed {
  /** As a browser writes it. */
  origin: string;
  /** What the instrument is told as Host. */
  host: string;
}

/** How an address leads to an instrument: by the name of the host, or by the port. */
export interface Addressing {
  /** Name of our cookie there. */
  readonly cookie: string;
  /** @throws BulkheadError FLEET_PROXY_HOST_REFUSED */
  read(header: string | undefined): Addressed;
  /** @throws BulkheadError FLEET_PROXY_HOST_REFUSED, FLEET_PROXY_SENSOR_UNKNOWN */
  find(header: string | undefined): Place;
  /** Is `from` an origin of the fleet's own pages, as seen from there? @param header as in {@link Addressing.read} */
  isFleet(from: string, header: string | undefined): boolean;
}

/** Scheme, name and port of an origin; a port that goes without saying is empty. */
export function partsOf(origin: string): { scheme: string; name: string; port: string } | undefined {
  const match = /^(https?):\/\/(\[[0-9a-f:.]+\]|[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::(\d{1,5}))?$/.exec(origin);
  const [, scheme, name, port = ''] = match ?? [];
  return scheme === undefined || name === undefined ? undefined : { scheme, name, port };
}
