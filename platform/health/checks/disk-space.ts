import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from '../../kernel/index.ts';
import type { Finding, HealthCheck } from '../types.ts';

const MIB = 1 << 20;
const NEEDED_MIB = 1_024;
const WISHED_MIB = 5_120;
const WISHED_INODES = 10_000;

export const diskSpace: HealthCheck = {
  code: 'disk',
  title: 'Disk space',
  async run({ site }): Promise<Finding[]> {
    return [await look(site.stateDir, 'state'), await look(site.cacheDir, 'cache')];
  },
};

async function look(path: string, what: string): Promise<Finding> {
  const { at, facts } = await nearest(path);
  const freeMib = Math.floor((facts.bavail * facts.bsize) / MIB);
  // Some filesystems (btrfs) have no fixed number of inodes and say 0.
  const scarceInodes = facts.files > 0 && facts.ffree < WISHED_INODES;
  const text = `${String(freeMib)} MiB and ${facts.files > 0 ? String(facts.ffree) : 'unlimited'} inodes free for ${path}${at === path ? '' : ` (on ${at})`}.`;
  const severity = freeMib < NEEDED_MIB ? 'error' : freeMib < WISHED_MIB || scarceInodes ? 'warning' : 'ok';
  return {
    title: `Disk space (${what})`,
    severity,
    text: severity === 'ok' ? text : `Little is left: ${text}`,
    ...(severity === 'ok'
      ? {}
      : {
          hint: `Free space there; ${String(WISHED_MIB)} MiB is comfortable for images, volumes and events.`,
        }),
  };
}

/** The folder may not exist before the first start: then its nearest parent counts. */
async function nearest(path: string): Promise<{ at: string; facts: StatsFs }> {
  try {
    return { at: path, facts: await statfs(path) };
  } catch (error) {
    if (!hasCode(error, 'ENOENT') || dirname(path) === path) throw error;
    return nearest(dirname(path));
  }
}
