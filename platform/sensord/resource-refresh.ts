import type { Logger } from '../kernel/index.ts';
import type { DesiredInstrument } from './desired.ts';
import { PROGRAM_UID } from './instrument-files.ts';
import type { BusRoom, ContainerState, StorageRoom } from './rooms.ts';

/** What renewing resources takes. */
export interface ResourceRefreshParts {
  log: Logger;
  storage: Pick<StorageRoom, 'placeResources'>;
  bus: Pick<BusRoom, 'request'>;
}

/**
 * Files that the operator changed reach running instruments without a restart: copies them again, and tells those whose files
 * changed. One with which that fails is logged and hinders no other.
 */
export async function refreshResources(
  { log, storage, bus }: ResourceRefreshParts,
  instruments: readonly DesiredInstrument[],
  containers: readonly ContainerState[],
): Promise<void> {
  for (const { name, resources } of instruments) {
    const container = containers.find((one) => one.name === name);
    if (container?.status !== 'running') continue;
    try {
      const ownerGroupId = container.idmapBase + PROGRAM_UID;
      const { changed } = await storage.placeResources(name, resources, { ownerGroupId });
      if (changed) await bus.request(name, 'resources', {}, 60_000);
    } catch (error) {
      log.error({ err: error, instrument: name }, 'its resources could not be renewed');
    }
  }
}
