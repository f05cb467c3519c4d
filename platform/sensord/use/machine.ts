import { readFile, stat, statfs } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import type { HostStatus } from '../../contracts/index.ts';

/** Looks at processors, memory and the filesystems below some folders. No program is started. */
export async function lookAtMachine(folders: Readonly<Record<string, string>>): Promise<HostStatus> {
  const memory = memoryOf(await readFile('/proc/meminfo', 'utf8').catch(() => ''));
  return {
    cpus: cpus().length,
    load1: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    ...memory,
    disks: await disksOf(folders),
  };
}

/** `/proc/meminfo` in bytes; 0 = not told. Pure. */
export function memoryOf(text: string): Pick<HostStatus, 'memoryBytes' | 'memoryFreeBytes'> {
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return { memoryBytes: bytes('MemTotal'), memoryFreeBytes: bytes('MemAvailable') };
}

/** Each filesystem once, under the name of its first folder; folders that are not there yet are left out. */
async function disksOf(folders: Readonly<Record<string, string>>): Promise<HostStatus['disks']> {
  const disks: HostStatus['disks'] = [];
  const seen = new Set<number>();
  for (const [what, path] of Object.entries(folders)) {
    const device = (await stat(path).catch(() => undefined))?.dev;
    const facts = device === undefined ? undefined : await statfs(path).catch(() => undefined);
    if (device === undefined || facts === undefined || seen.has(device)) continue;
    seen.add(device);
    // What only root could still write is not free: sensord is root, but others on that disk are not.
    disks.push({ what, totalBytes: facts.blocks * facts.bsize, freeBytes: facts.bavail * facts.bsize });
  }
  return disks;
}
