import type { DesiredInstrument } from './desired.ts';
import { PROGRAM_UID } from './instrument-files.ts';
import type { BusRoom, StorageRoom } from './rooms.ts';

/**
 * Copies the operator's files to a running instrument again and tells it when they changed.
 * @param idmapBase host id of the container's root. @returns what the instrument says; undefined when nothing changed.
 */
export async function refreshResources(
  rooms: { storage: Pick<StorageRoom, 'placeResources'>; bus: Pick<BusRoom, 'request'> },
  { name, resources }: DesiredInstrument,
  idmapBase: number,
): Promise<unknown> {
  const { changed } = await rooms.storage.placeResources(name, resources, {
    ownerGroupId: idmapBase + PROGRAM_UID,
  });
  return changed ? rooms.bus.request(name, 'resources', {}, 60_000) : undefined;
}
