import { realpath } from 'node:fs/promises';
import { posix } from 'node:path';
import { BulkheadError } from '../kernel/index.ts';
import type { ContainerSpec } from './types.ts';

/**
 * Refuses disks that lie outside what this container, and this site, may show. LXD checks the site's folders again by
 * itself; this check is narrower and says why.
 * @throws BulkheadError RUNTIME_SOURCE_REFUSED, RUNTIME_SOURCE_MISSING
 */
export async function checkSources(spec: ContainerSpec, siteFolders: readonly string[]): Promise<void> {
  for (const allowed of spec.allowedSources) {
    if (!siteFolders.some((folder) => isBelow(allowed, folder))) {
      throw refused(spec, allowed, `the sensor shows nothing outside ${siteFolders.join(', ')}`);
    }
  }
  for (const disk of spec.disks) {
    if (!spec.allowedSources.some((folder) => isBelow(disk.source, folder))) {
      throw refused(spec, disk.source, 'it is not below one of the folders allowed to it');
    }
    let real: string;
    try {
      real = await realpath(disk.source);
    } catch (cause) {
      throw new BulkheadError({
        code: 'RUNTIME_SOURCE_MISSING',
        message: `The folder ${disk.source} for container ${spec.name} does not exist.`,
        fields: { instrument: spec.name, path: disk.source },
        cause,
      });
    }
    if (real !== disk.source) throw refused(spec, disk.source, `it leads to ${real} through a symbolic link`);
  }
}

/** True for the folder itself and everything below. Compares text: both must be in shortest form. */
export function isBelow(path: string, folder: string): boolean {
  if (posix.normalize(path) !== path) return false;
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

function refused(spec: ContainerSpec, path: string, reason: string): BulkheadError {
  return new BulkheadError({
    code: 'RUNTIME_SOURCE_REFUSED',
    message: `Container ${spec.name} may not see ${path}: ${reason}.`,
    fields: { instrument: spec.name, path },
  });
}
