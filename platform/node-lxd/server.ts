import { LxdError } from './errors.ts';
import type { Server } from './types.ts';

/** LXD 5.0 writes these fields with capital letters (its structure has no JSON names), later ones and Incus do not. */
interface StorageDriver {
  name?: string;
  Name?: string;
  version?: string;
  Version?: string;
  remote?: boolean;
  Remote?: boolean;
}

/** The daemon's description of itself in one form. @throws LxdError LXD_BAD_ANSWER */
export function parseServer(metadata: unknown): Server {
  const server = metadata as { environment?: Partial<Server['environment']> } | null;
  if (typeof server?.environment?.server_version !== 'string') {
    throw new LxdError({
      code: 'LXD_BAD_ANSWER',
      message: 'The daemon at this socket does not say what it is.',
    });
  }
  const drivers = server.environment.storage_supported_drivers as unknown as readonly StorageDriver[] | null;
  const whole = server as Server;
  return {
    ...whole,
    environment: {
      ...whole.environment,
      storage_supported_drivers: (drivers ?? []).map((driver) => ({
        name: driver.name ?? driver.Name ?? '',
        version: driver.version ?? driver.Version ?? '',
        remote: driver.remote ?? driver.Remote ?? false,
      })),
    },
  };
}
