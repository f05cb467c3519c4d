import { join } from 'node:path';
import { isLxdError, type ConfigMap, type LxdClient } from '@bulkhead/node-lxd';
import { sitePaths, type Logger, type Site } from '../kernel/index.ts';

/** Folders below which disks of this site's containers may lie; LXD itself refuses others. */
export function siteSources(site: Site): readonly string[] {
  const paths = sitePaths(site);
  return Object.freeze([
    join(site.runDir, 'instruments'),
    paths.mountsDir,
    join(site.stateDir, 'resources'),
    paths.appsDir,
  ]);
}

/**
 * Configuration of the project: what is not needed is blocked, so that a mistake of ours cannot widen a container.
 * Keys: https://documentation.ubuntu.com/lxd/stable-5.0/reference/projects/
 */
export function projectConfig(site: Site): Readonly<Record<string, string>> {
  return {
    'features.images': 'true',
    'features.profiles': 'true',
    'features.storage.volumes': 'true',
    restricted: 'true',
    'restricted.backups': 'block',
    'restricted.cluster.target': 'block',
    'restricted.containers.interception': 'block',
    'restricted.containers.lowlevel': 'block',
    'restricted.containers.nesting': 'block',
    'restricted.containers.privilege': 'isolated',
    'restricted.devices.disk': 'allow',
    'restricted.devices.disk.paths': siteSources(site).join(','),
    'restricted.devices.gpu': 'block',
    'restricted.devices.infiniband': 'block',
    'restricted.devices.nic': 'allow',
    'restricted.devices.pci': 'block',
    'restricted.devices.proxy': 'allow',
    'restricted.devices.unix-block': 'block',
    'restricted.devices.unix-char': 'block',
    'restricted.devices.unix-hotplug': 'block',
    'restricted.devices.usb': 'block',
    'restricted.snapshots': 'block',
    'restricted.virtual-machines.lowlevel': 'block',
    'limits.virtual-machines': '0',
  };
}

/**
 * Makes the project, or sets its restrictions back to ours.
 * @returns keys that somebody had changed, in words; empty when it was new or as it should be.
 */
export async function ensureProject(lxd: LxdClient, site: Site, log: Logger): Promise<string[]> {
  const config = projectConfig(site);
  const description = `Instruments of the sensor in ${site.stateDir}`;
  let actual: ConfigMap;
  try {
    actual = (await lxd.projects.get(site.lxdProject)).config;
  } catch (error) {
    if (!isLxdError(error, 'LXD_NOT_FOUND')) throw error;
    await lxd.projects.create({ name: site.lxdProject, description, config });
    log.info({ project: site.lxdProject }, 'LXD project made');
    return [];
  }
  const changed = differences(config, actual);
  if (changed.length > 0) {
    await lxd.projects.put(site.lxdProject, { description, config });
    log.warn({ project: site.lxdProject, changed }, 'LXD project had been changed and was set back');
  }
  return changed;
}

function differences(wanted: ConfigMap, actual: ConfigMap): string[] {
  const keys = [...new Set([...Object.keys(wanted), ...Object.keys(actual)])].sort();
  return keys
    .filter((key) => wanted[key] !== actual[key])
    .map((key) => `${key} was ${actual[key] ?? 'unset'} instead of ${wanted[key] ?? 'unset'}`);
}
