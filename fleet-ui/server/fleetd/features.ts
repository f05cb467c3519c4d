import { join } from 'node:path';
import { describeError } from '@bulkhead/platform/kernel';
import { ASSETS_MIGRATIONS } from '../assets/index.ts';
import { Ca, CA_MIGRATIONS } from '../ca/index.ts';
import { DATA_MIGRATIONS } from '../data/index.ts';
import { EVENTS_MIGRATIONS, fleetEvents, readHubCluster } from '../events/index.ts';
import { NOTIFY_MIGRATIONS, sealKey } from '../notify/index.ts';
import { openPeople, openSeal, PEOPLE_MIGRATIONS } from '../people/index.ts';
import { openInstrumentApi, PROXY_MIGRATIONS } from '../proxy/index.ts';
import { refusedBy, SENSORS_AFTER_RESTORE, SENSORS_MIGRATIONS, sensorsFeature } from '../sensors/index.ts';
import { SETTINGS_MIGRATIONS } from '../settings/index.ts';
import type { Migration } from '../store/index.ts';
import type { FleetFeature, TlsIdentity } from '../web/index.ts';
import { aboutFeature } from './about.ts';
import { attentionFeature } from './attention.ts';
import { certificatesFeature } from './certificates.ts';
import { readOidc } from './config.ts';
import type { FleetContext } from './context.ts';
import { dataPages } from './data-pages.ts';
import { instrumentPages, instrumentPlaces } from './instrument-pages.ts';
import { natsServer } from './nats-server.ts';
import { openNotifications, openSettings } from './notifications.ts';
import type { AfterRestore } from './restore.ts';
import { sensorAttention } from './sensor-attention.ts';
import { SensorNames } from './sensor-names.ts';
import { joinSensors, joinToken } from './sensors.ts';

/** The rooms of a fleet, opened and joined. */
export interface OpenedFleet {
  /** In the order in which they start. */
  features: readonly FleetFeature[];
  /** For the listener of people; undefined: plain HTTP. */
  tls: TlsIdentity | undefined;
  /** To be typed in by the first person, while nobody has set the fleet up. */
  setUpCode: () => string | undefined;
  /** Port of the link, once it listens. */
  linkPort: () => number;
  /** A token with which the sensor beside this fleet joins it; undefined: there is a sensor of that name. */
  joinToken: (name: string) => string | undefined;
}

/** Tables of all rooms. A room's steps stand together, in order. */
export function fleetMigrations(): readonly Migration[] {
  return [
    ...PEOPLE_MIGRATIONS,
    ...CA_MIGRATIONS,
    ...SENSORS_MIGRATIONS,
    ...PROXY_MIGRATIONS,
    ...SETTINGS_MIGRATIONS,
    ...NOTIFY_MIGRATIONS,
    ...EVENTS_MIGRATIONS,
    ...ASSETS_MIGRATIONS,
    ...DATA_MIGRATIONS,
  ];
}

/** What a restored backup must not bring back to life, see restore.ts. */
export function afterRestore(): readonly AfterRestore[] {
  return [
    {
      room: 'people',
      sql: 'DELETE FROM people_handovers; DELETE FROM people_sessions; DELETE FROM people_invitations;',
    },
    SENSORS_AFTER_RESTORE,
  ];
}

/** Opens the rooms and joins them. Nothing listens or runs before `start`. */
export async function openFeatures(context: FleetContext): Promise<OpenedFleet> {
  const { config, names, store, log } = context;
  const ca = await Ca.open({
    dir: join(config.stateDir, 'ca'),
    names: names.all,
    baseDomain: names.baseDomain,
    ...(config.web.certificate === undefined ? {} : { given: config.web.certificate }),
    log,
  });
  const settings = openSettings(context, ca);
  const oidc = await readOidc(config);
  const people = openPeople({
    store,
    log,
    encrypted: !config.web.plainHttp,
    seal: openSeal(await sealKey(config.stateDir)),
    // Called when somebody asks, and by then there are sensors.
    groupsOf: (sensor) => joined.sensors.groupsOf(sensor),
    ...(oidc === undefined ? {} : { oidc }),
  });
  const onRightsChange = (listener: () => void) => void people.pages.onChange(listener);
  const events = fleetEvents({
    stateDir: config.stateDir,
    natsServer: natsServer(config.events.natsServer),
    programDir: context.programDir,
    keeping: settings.keeping,
    replicas: config.hub.replicas,
    cluster: await readHubCluster(config.hub),
    bufferMib: config.events.bufferMib,
    nameOf: (sensor) => sensorNames.byId(sensor)?.name,
    db: store.db,
    // Called when somebody asks, and by then there are links.
    ruleManagers: {
      instrumentsOf: (sensor) => joined.server.links.state(sensor).status?.instruments,
      call: (ask) => callInstrument(ask),
    },
    onRightsChange,
    log,
  });
  const joined = joinSensors({
    ...{ config, names, ca, people, log, onRightsChange },
    db: store.db,
    webPort: context.webPort,
    onUplink: (sensor, stream, publicKey) => {
      events.uplink(sensor, stream, publicKey);
    },
    onRevoked: (sensor) => {
      events.forget([sensor]).catch((error: unknown) => {
        log.error({ err: error, sensor }, `the uplink could not be shut: ${describeError(error)}`);
      });
    },
  });
  const sensorNames = new SensorNames(joined.sensors.registry);
  joined.sensors.onChanged((sensor) => {
    sensorNames.changed(sensor);
  });
  const places = instrumentPlaces(config, sensorNames, joined.server.links);
  // For routes of the fleet that ask an instrument's API in the name of a person.
  const callInstrument = openInstrumentApi(places);
  const startedMs = Date.now();
  const sensorsNow = () => {
    const { links } = joined.server;
    const known = sensorNames.all().filter(({ state }) => state !== 'revoked');
    return sensorAttention(
      known.map(({ id, name }) => ({
        ...{ id, name, link: links.view(id), status: links.state(id).status },
        refused: () => refusedBy(joined.sensors, id),
      })),
      startedMs,
      Date.now(),
    );
  };
  const tls = config.web.plainHttp ? undefined : ca.web;
  const features: FleetFeature[] = [];
  features.push(
    certificatesFeature(ca),
    people.feature,
    aboutFeature({ baseDomain: names.baseDomain, setUpNeeded: () => people.setUpNeeded() }),
    attentionFeature(() => features, sensorsNow),
    sensorsFeature(joined.sensors),
    // Before the link, over which sensors bring them.
    events.feature,
    joined.link,
    instrumentPages({
      ...{ config, names, people, places, log, tls },
      db: store.db,
    }),
  );
  features.push(
    ...dataPages({
      ...{ config, names, store, log, people, events, keeping: settings.keeping, call: callInstrument },
      sensors: sensorNames,
      links: joined.server.links,
    }),
    settings.feature,
    await openNotifications(
      context,
      () => features,
      events,
      (sensor) => sensorNames.byId(sensor)?.name,
    ),
  );
  return {
    features,
    tls,
    setUpCode: () => people.setUpCode(),
    linkPort: () => joined.server.address.port,
    joinToken: (name) => joinToken(joined.sensors, people, name),
  };
}
