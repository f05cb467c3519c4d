import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BulkheadError, type Logger, type Site } from '../kernel/index.ts';
import { isLxdError, type LxdClient } from '@bulkhead/node-lxd';

const GIB = 1 << 30;
const MIN_POOL_GIB = 3;
const MAX_POOL_GIB = 20;

/**
 * Makes the storage pool for root disks: btrfs in a sparse loop file where the daemon can (containers then share their
 * image's blocks), else a plain folder.
 * @throws BulkheadError RUNTIME_DISK_FULL when there is no room for a pool.
 */
export async function ensurePool(lxd: LxdClient, site: Site, log: Logger): Promise<void> {
  try {
    await lxd.storagePools.get(site.lxdPool);
    return;
  } catch (error) {
    if (!isLxdError(error, 'LXD_NOT_FOUND')) throw error;
  }
  const server = await lxd.server();
  const btrfs = server.environment.storage_supported_drivers.some((driver) => driver.name === 'btrfs');
  const driver = btrfs ? 'btrfs' : 'dir';
  const config: Record<string, string> = btrfs ? { size: `${String(await poolGib(lxd.socket))}GiB` } : {};
  try {
    await lxd.storagePools.create({
      name: site.lxdPool,
      driver,
      description: `Root disks of the sensor in ${site.stateDir}`,
      config,
    });
  } catch (error) {
    // Somebody else's sensor may have made it in between.
    if (!isLxdError(error, 'LXD_CONFLICT') && !(await exists(lxd, site.lxdPool))) throw error;
  }
  log.info({ pool: site.lxdPool, driver, ...config }, 'LXD storage pool made');
}

/** A fifth of the free space beside the daemon's data, within bounds. The file is sparse: this is a ceiling. */
async function poolGib(socket: string): Promise<number> {
  const folder = dirname(socket);
  const stats = await statfs(folder);
  const freeGib = Math.floor((stats.bavail * stats.bsize) / GIB);
  if (freeGib < MIN_POOL_GIB) {
    throw new BulkheadError({
      code: 'RUNTIME_DISK_FULL',
      message: `${folder} has ${String(freeGib)} GiB free; containers need at least ${String(MIN_POOL_GIB)} GiB.`,
      hint: 'Free some space, then start again.',
      fields: { path: folder, freeGib },
    });
  }
  return Math.min(MAX_POOL_GIB, Math.max(MIN_POOL_GIB, Math.floor(freeGib / 5)));
}

async function exists(lxd: LxdClient, name: string): Promise<boolean> {
  return (await lxd.storagePools.list()).some((pool) => pool.name === name);
}
