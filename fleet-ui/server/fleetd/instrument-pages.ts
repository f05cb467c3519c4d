import type { Database } from 'better-sqlite3';
import { join } from 'node:path';
import { idOfLabel } from '@bulkhead/fleet-api';
import type { Logger } from '@bulkhead/platform/kernel';
import type { Links } from '../link/index.ts';
import type { People } from '../people/index.ts';
import { pageStateOf, proxyFeature, type Sensors, type Ways } from '../proxy/index.ts';
import { openServer, SERVER_LIMITS, type FleetFeature, type TlsIdentity } from '../web/index.ts';
import type { FleetConfig } from './config.ts';
import type { FleetNames } from './names.ts';
import type { SensorNames } from './sensor-names.ts';

export interface InstrumentPagesParts {
  config: FleetConfig;
  names: FleetNames;
  db: Database;
  tls: TlsIdentity | undefined;
  people: People;
  /** Where pages are, and the ways there: {@link instrumentPlaces}. */
  places: InstrumentPlaces;
  log: Logger;
}

/** Which sensors and pages there are, and the ways to them; answered from memory. */
export interface InstrumentPlaces {
  sensors: Sensors;
  ways: Ways;
}

/** For everybody who goes to instruments: the pages and the fleet's own questions. */
export function instrumentPlaces(
  config: Pick<FleetConfig, 'directPages'>,
  sensors: SensorNames,
  links: Pick<Links, 'attached' | 'state' | 'openTunnel'>,
): InstrumentPlaces {
  return {
    sensors: {
      byLabel: (label) => {
        const id = idOfLabel(label);
        return id === undefined ? sensors.byName(label) : sensors.byId(id);
      },
      byId: (id) => sensors.byId(id),
      isOnline: (id) => links.attached(id),
      pageState: (id, instrument) => pageStateOf(links.state(id).status, instrument),
    },
    ways: {
      socketOf: (sensor, instrument) => directSocket(config, sensor, instrument),
      openTunnel: (sensor, target, identity) => links.openTunnel(sensor, target, identity),
    },
  };
}

/** The pages of instruments: who may open them is said by people, where they are by sensors, the way there by the links. */
export function instrumentPages(parts: InstrumentPagesParts): FleetFeature {
  const { config, names, db, tls, people, places, log } = parts;
  const { pagePorts } = config.web;
  return proxyFeature({
    baseDomain: names.baseDomain,
    encrypted: tls !== undefined,
    knowsHost: (host) => names.knows(host),
    people: people.pages,
    ...places,
    audit: (line) => {
      people.audit(line);
    },
    log,
    // On one machine names below localhost always work.
    ...(tls === undefined
      ? {}
      : {
          ports: {
            db,
            ...pagePorts,
            address: config.web.address,
            openServer: (handler) =>
              openServer(
                (_request, response) => {
                  response.writeHead(421, { connection: 'close', 'content-length': 0 }).end();
                },
                {
                  tls,
                  hosts: [handler],
                  limits: { ...SERVER_LIMITS, connectionsPerAddress: config.web.connectionsPerAddress },
                },
              ),
          },
        }),
  });
}

/** Where fleetd may open the sockets of a sensor on its own machine, the way through the link is spared. */
function directSocket(
  config: Pick<FleetConfig, 'directPages'>,
  sensor: string,
  instrument: string,
): string | undefined {
  const place = config.directPages.find((entry) => entry.sensor === sensor);
  return place === undefined ? undefined : join(place.dir, `${instrument}.sock`);
}
