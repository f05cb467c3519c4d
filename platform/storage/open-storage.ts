import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { sitePaths, type Logger, type Site } from '../kernel/index.ts';
import { KeyRing } from './key-ring.ts';
import { Storage } from './storage.ts';
import { VolumeKeys } from './volume-keys.ts';

/** What {@link openStorage} needs. */
export interface StorageConfig {
  site: Site;
  log: Logger;
  /** The key file that opens the sensor key; default `keys/sensor.key` below the state folder. Made on the first start if absent. */
  keyFile?: string | undefined;
  /** Keys that were opened before. While they are locked, volumes can be listed, locked and destroyed, and nothing else. */
  keys?: KeyRing;
}

/**
 * Opens a site's storage: reads or makes the keys, then brings into order what a crash left (half-made and
 * half-destroyed volumes, volumes mounted without a container). What a running container uses is left alone.
 * @throws BulkheadError STORAGE_KEY_UNSAFE, STORAGE_KEY_MISSING, STORAGE_KEY_WRONG, STORAGE_KEY_DAMAGED.
 */
export async function openStorage({ site, log, keyFile, keys }: StorageConfig): Promise<Storage> {
  const paths = sitePaths(site);
  await mkdir(paths.volumesDir, { recursive: true, mode: 0o700 });
  await mkdir(paths.mountsDir, { recursive: true, mode: 0o700 });
  const ring = keys ?? (await KeyRing.open(paths.keysDir, log));
  if (keys === undefined) await ring.unlockWithFile(keyFile ?? defaultKeyFile(site));
  const volumeKeys = await VolumeKeys.open(ring);
  const storage = new Storage({
    volumesDir: paths.volumesDir,
    recordsDir: join(site.stateDir, 'deliveries'),
    // As mountinfo shows it: a link on the way to the state folder would make every look-up fail.
    mountsDir: await realpath(paths.mountsDir),
    resourcesDir: paths.resourcesDir,
    ownFolders: [await realpath(site.stateDir), site.runDir],
    log,
    keys: volumeKeys,
  });
  await storage.recoverAll();
  return storage;
}

/** Where the key file lies when the operator names none. */
export function defaultKeyFile(site: Site): string {
  return join(sitePaths(site).keysDir, 'sensor.key');
}
