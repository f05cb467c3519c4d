import type { ImportTarget } from '@bulkhead/fleet-api';
import { assetsFeature } from '../assets/index.ts';
import { dataFeature } from '../data/index.ts';
import type { FleetEvents } from '../events/index.ts';
import { importsFeature } from '../imports/index.ts';
import type { Links } from '../link/index.ts';
import type { People } from '../people/index.ts';
import { pageStateOf, type CallInstrument } from '../proxy/index.ts';
import type { FleetFeature } from '../web/index.ts';
import type { Logger } from '@bulkhead/platform/kernel';
import type { Store } from '../store/index.ts';
import type { FleetConfig } from './config.ts';
import type { FleetNames } from './names.ts';
import { fleetStores } from './own-stores.ts';
import type { SensorNames } from './sensor-names.ts';
import { FLEETD_VERSION } from './version.ts';

export interface DataPagesParts {
  config: FleetConfig;
  names: FleetNames;
  store: Store;
  log: Logger;
  keeping: { retentionDays: number; storeMib: number };
  people: People;
  events: FleetEvents;
  sensors: SensorNames;
  links: Links;
  call: CallInstrument;
}

const RULE_MANAGER = 'rule-manager';
const ASK_MS = 60_000;

/** Pages about data: which there is and where, what it says of hosts, and what people bring from elsewhere. */
export function dataPages(parts: DataPagesParts): FleetFeature[] {
  const { config, store, names, log, events, sensors, links } = parts;
  return [
    assetsFeature({ db: store.db, store: () => events.store(), now: Date.now }),
    dataFeature({
      db: store.db,
      fleet: names.main,
      version: FLEETD_VERSION,
      ownStores: fleetStores({ ...parts, stateDir: config.stateDir, bufferMib: config.events.bufferMib }),
      sensors: {
        all: () => sensors.all(),
        isOnline: (id) => links.attached(id),
        // The fleet's own question, to have the answer when a person asks; who may see it is judged then.
        ask: (sensor, limits) =>
          links.collect(sensor, {
            ...{ method: 'GET', path: '/v1/data/report', user: 'fleet', roles: ['viewer'] },
            ...{ deadlineMs: ASK_MS, ...limits },
          }),
        onAttached: (listener) => void links.events.on('attached', (sensor) => listener(sensor)),
      },
      log,
    }),
    importsFeature({ targets: () => ruleManagers(sensors, links), call: parts.call }),
  ];
}

/** Of all sensors, also of those that are away, as they said last. */
function ruleManagers(sensors: SensorNames, links: Links): ImportTarget[] {
  return sensors.all().flatMap(({ id, name }) => {
    const { status } = links.state(id);
    return (status?.instruments ?? [])
      .filter((instrument) => instrument.package === RULE_MANAGER)
      .map((instrument) => {
        const state = pageStateOf(status, instrument.name);
        return {
          sensor: id,
          sensorName: name,
          instrument: instrument.name,
          state: !links.attached(id)
            ? 'offline'
            : state === 'served'
              ? 'ready'
              : state === 'unknown'
                ? 'not-running'
                : state,
        };
      });
  });
}
