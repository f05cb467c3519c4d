import type { Logger } from '@bulkhead/platform/kernel';
import type { Migration, Store } from '../store/index.ts';
import type { FleetFeature, TlsIdentity } from '../web/index.ts';
import { aboutFeature } from './about.ts';
import { attentionFeature } from './attention.ts';
import type { FleetConfig } from './config.ts';
import type { FleetNames } from './names.ts';

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
  return [];
}

/** Opens the rooms and joins them: one block for each. */
export async function openFeatures(context: FleetContext): Promise<OpenedFleet> {
  const features: FleetFeature[] = [];
  features.push(
    aboutFeature({ baseDomain: context.names.baseDomain, setUpNeeded: () => false }),
    attentionFeature(() => features),
  );
  return { features, tls: undefined, setUpCode: () => undefined };
}
