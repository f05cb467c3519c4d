import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { HealthCheck } from '../types.ts';

const PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Programs that the sensor runs, by the Debian package that has them. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  e2fsprogs: ['mkfs.ext4', 'e2fsck', 'resize2fs', 'e2undo'],
  xfsprogs: ['xfs_io'],
  mount: ['mount', 'umount', 'losetup'],
  'util-linux': ['flock'],
  iproute2: ['ip', 'tc'],
  nftables: ['nft'],
  ethtool: ['ethtool'],
  bpftool: ['bpftool'],
  tcpreplay: ['tcpreplay'],
};

export const programs: HealthCheck = {
  code: 'programs',
  title: 'Programs',
  async run() {
    const missing: string[] = [];
    const packages: string[] = [];
    for (const [name, files] of Object.entries(PROGRAMS)) {
      for (const file of files) {
        if (await isInstalled(file)) continue;
        missing.push(file);
        if (!packages.includes(name)) packages.push(name);
      }
    }
    if (missing.length === 0)
      return { severity: 'ok', text: 'All programs that the sensor runs are installed.' };
    return {
      severity: 'error',
      text: `Not installed: ${missing.join(', ')}.`,
      hint: `Run scripts/setup, or: apt-get install ${packages.join(' ')}.`,
    };
  },
};

/** Is it on the path that the sensor gives its programs? */
export async function isInstalled(program: string): Promise<boolean> {
  for (const dir of PATH) {
    try {
      await access(join(dir, program), constants.X_OK);
      return true;
    } catch {
      // not here; the next folder may have it
    }
  }
  return false;
}
