import { isLxdError, type LxdClient } from '@bulkhead/node-lxd';
import type { Site } from '../kernel/index.ts';
import { whenIdle } from './busy.ts';

/**
 * Removes what a site made in LXD: containers, images, profiles' remains, project, pool. Each step tolerates that
 * there is nothing, so it can be repeated after an interruption.
 */
export async function removeEverything(daemon: LxdClient, project: LxdClient, site: Site): Promise<void> {
  if ((await daemon.projects.list()).some(({ name }) => name === site.lxdProject)) {
    for (const instance of await project.instances.list()) {
      await gone(async () => {
        if (instance.status !== 'Stopped') {
          await whenIdle(() =>
            project.instances.setState(instance.name, { action: 'stop', force: true, timeout: 30 }),
          );
        }
        await whenIdle(() => project.instances.delete(instance.name));
      });
    }
    for (const image of await project.images.list()) {
      await gone(() => project.images.delete(image.fingerprint));
    }
    await gone(() => daemon.projects.delete(site.lxdProject));
  }
  await removePool(daemon, site.lxdPool);
}

/** Removes the pool unless another site's containers lie on it; unpacked copies of images go with it. */
async function removePool(daemon: LxdClient, name: string): Promise<void> {
  const pool = (await daemon.storagePools.list()).find((found) => found.name === name);
  if (pool === undefined) return;
  const copies = (pool.used_by ?? []).map((url) => /^\/1\.0\/images\/([0-9a-f]{64})/.exec(url)?.[1]);
  if (copies.includes(undefined)) return;
  for (const fingerprint of copies) {
    if (fingerprint !== undefined) await gone(() => daemon.storagePools.deleteImageCopy(name, fingerprint));
  }
  await gone(() => daemon.storagePools.delete(name));
}

async function gone(remove: () => Promise<void>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (!isLxdError(error, 'LXD_NOT_FOUND')) throw error;
  }
}
