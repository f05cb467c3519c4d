import { isLxdError, type LxdClient } from '@bulkhead/node-lxd';
import type { Site } from '../kernel/index.ts';

/**
 * Removes what a site made in LXD: containers, images, profiles' remains, project, pool. Each step tolerates that
 * there is nothing, so it can be repeated after an interruption.
 */
export async function removeEverything(daemon: LxdClient, project: LxdClient, site: Site): Promise<void> {
  if ((await daemon.projects.list()).some(({ name }) => name === site.lxdProject)) {
    for (const instance of await project.instances.list()) {
      await gone(async () => {
        if (instance.status !== 'Stopped') {
          await project.instances.setState(instance.name, { action: 'stop', force: true, timeout: 30 });
        }
        await project.instances.delete(instance.name);
      });
    }
    for (const image of await project.images.list()) {
      await gone(() => project.images.delete(image.fingerprint));
    }
    await gone(() => daemon.projects.delete(site.lxdProject));
  }
  const pool = (await daemon.storagePools.list()).find(({ name }) => name === site.lxdPool);
  // Another site may share the pool: then it stays. Images are copies that the daemon keeps there, also of images that
  // another project has; they go with the pool.
  const users = (pool?.used_by ?? []).filter((user) => !user.startsWith('/1.0/images/'));
  if (pool !== undefined && users.length === 0) {
    await gone(() => daemon.storagePools.delete(site.lxdPool));
  }
}

async function gone(remove: () => Promise<void>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (!isLxdError(error, 'LXD_NOT_FOUND')) throw error;
  }
}
