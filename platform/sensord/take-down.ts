import type { BusRoom, NetworkRoom, RuntimeRoom, StorageRoom } from './rooms.ts';

/** What is taken down. */
export interface TakeDownParts {
  runtime: Pick<RuntimeRoom, 'list' | 'stop' | 'remove'>;
  network: Pick<NetworkRoom, 'removeAll'>;
  bus: Pick<BusRoom, 'stop'>;
  storage: Pick<StorageRoom, 'list' | 'lock' | 'close'>;
}

/** Ends instruments first, then what they used. Volumes, keys and events stay on disk, locked. */
export async function takeDownRooms({ runtime, network, bus, storage }: TakeDownParts): Promise<void> {
  const containers = await runtime.list();
  await Promise.all(containers.map(({ name }) => runtime.stop(name, { graceMs: 15_000 })));
  for (const { name } of containers) await runtime.remove(name);
  await network.removeAll();
  await bus.stop();
  for (const { name, state } of await storage.list()) if (state === 'unlocked') await storage.lock(name);
  await storage.close();
}
