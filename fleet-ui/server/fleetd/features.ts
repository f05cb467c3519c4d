import { join } from 'node:path';
import type { Logger } from '@bulkhead/platform/kernel';
import { Ca, CA_MIGRATIONS } from '../ca/index.ts';
import { openPeople, PEOPLE_MIGRATIONS } from '../people/index.ts';
import type { Migration, Store } from '../store/index.ts';
import type { FleetFeature, TlsIdentity } from '../web/index.ts';
import { aboutFeature } from './about.ts';
import { attentionFeature } from './attention.ts';
import { certificatesFeature } from './certificates.ts';
import { readOidc, type FleetConfig } from './config.ts';
import type { FleetNames } from './names.ts';
import type { AfterRestore } from './restore.ts';

/** What rooms are opened with; each takes the parts that it needs. */
export interface FleetContext {
  config: FleetConfig;
  names: FleetNames;
  store: Store;
  log: Logger;
}

/** The rooms of a fleet, opened and joined. */
export interface OpenedFleet {
  /** In the order in which they start. */
  features: readonly FleetFeature[];
  /** For the listener of people; undefined: plain HTTP. */
  tls: TlsIdentity | undefined;
  /** To be typed in by the first person, while nobody has set the fleet up. */
  setUpCode: () => string | undefined;
}

/** Tables of all rooms. A room's steps stand together, in order. */
export function fleetMigrations(): readonly Migration[] {
  return [...PEOPLE_MIGRATIONS, ...CA_MIGRATIONS];
}

/** What a restored backup must not bring back to life, see restore.ts. */
export function afterRestore(): readonly AfterRestore[] {
  return [
    {
      room: 'people',
      sql: 'DELETE FROM people_handovers; DELETE FROM people_sessions; DELETE FROM people_invitations;',
    },
  ];
}

/** Opens the rooms and joins them: one block for each. */
export async function openFeatures(context: FleetContext): Promise<OpenedFleet> {
  const { config, names, log } = context;
  const features: FleetFeature[] = [];
  const ca = await Ca.open({
    dir: join(config.stateDir, 'ca'),
    names: names.all,
    baseDomain: names.baseDomain,
    ...(config.web.certificate === undefined ? {} : { given: config.web.certificate }),
    log,
  });
  const oidc = await readOidc(config);
  const people = openPeople({
    store: context.store,
    log,
    encrypted: !config.web.plainHttp,
    ...(oidc === undefined ? {} : { oidc }),
  });
  features.push(
    certificatesFeature(ca),
    people.feature,
    aboutFeature({ baseDomain: names.baseDomain, setUpNeeded: () => people.setUpNeeded() }),
    attentionFeature(() => features),
  );
  return { features, tls: config.web.plainHttp ? undefined : ca.web, setUpCode: () => people.setUpCode() };
}
