import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { z } from 'zod';
import { hasCode, run } from '../kernel/index.ts';

/** One line of mountinfo (proc_pid_mountinfo(5)), as far as it matters here. */
export interface MountEntry {
  /** `major:minor` of the filesystem's device. */
  device: string;
  /** Which folder of the filesystem is mounted: `/`, or e.g. `/instrument` for a bind of it. */
  root: string;
  /** Where. */
  target: string;
}

/** Parses mountinfo; paths are unescaped (`\040` and so on). */
export function parseMountinfo(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const [, , device, root, target] = line.split(' ');
    if (device === undefined || root === undefined || target === undefined) return [];
    return [{ device, root: unescapePath(root), target: unescapePath(target) }];
  });
}

/** The mount at exactly this path in our mount namespace; the topmost when several lie on each other. */
export async function mountAt(target: string): Promise<MountEntry | undefined> {
  return parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8')).findLast((m) => m.target === target);
}

/**
 * The process ended or is ending while we look, and such a process holds no mount for long; or (EACCES) it has more
 * rights than we have, as PID 1 may where the sensor itself is confined: then it is in no container of ours.
 */
const MAY_BE_SKIPPED = ['ENOENT', 'ESRCH', 'EINVAL', 'EACCES'] as const;

/**
 * Is the filesystem mounted in a container? True when a process in another user namespace than ours sees a folder
 * of it other than its root. Sandboxed services of the host, which get copies of all mounts, live in our user
 * namespace; an unprivileged container never does.
 */
export async function seenByContainer(device: string): Promise<boolean> {
  const ours = await readlink('/proc/self/ns/user');
  const asked = new Set<string>();
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      if ((await readlink(`/proc/${pid}/ns/user`)) === ours) continue;
      const namespace = await readlink(`/proc/${pid}/ns/mnt`);
      if (asked.has(namespace)) continue;
      asked.add(namespace);
      const mounts = parseMountinfo(await readFile(`/proc/${pid}/mountinfo`, 'utf8'));
      if (mounts.some((m) => m.device === device && m.root !== '/')) return true;
    } catch (error) {
      if (MAY_BE_SKIPPED.some((code) => hasCode(error, code))) continue;
      throw error;
    }
  }
  return false;
}

const LosetupSchema = z.object({
  loopdevices: z.array(
    z.object({
      name: z.string(),
      'back-ino': z.coerce.number(),
      'back-maj:min': z.string(),
    }),
  ),
});

/** Loop devices that have this image as their backing file, by inode: names can be stale. */
export async function loopsOf(image: string): Promise<string[]> {
  const facts = await stat(image).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (facts === undefined) return [];
  const { stdout } = await run('losetup', ['--list', '--json', '-O', 'NAME,BACK-INO,BACK-MAJ:MIN']);
  if (stdout.trim() === '') return [];
  const device = `${String(major(facts.dev))}:${String(minor(facts.dev))}`;
  return LosetupSchema.parse(JSON.parse(stdout))
    .loopdevices.filter((loop) => loop['back-ino'] === facts.ino && loop['back-maj:min'].trim() === device)
    .map((loop) => loop.name);
}

/** `major:minor` of a device, as mountinfo shows it. */
export async function deviceNumber(device: string): Promise<string> {
  const { rdev } = await stat(device);
  return `${String(major(rdev))}:${String(minor(rdev))}`;
}

// glibc's encoding of dev_t (gnu_dev_major, gnu_dev_minor in sys/sysmacros.h).
function major(dev: number): number {
  const value = BigInt(dev);
  return Number(((value >> 8n) & 0xfffn) | ((value >> 32n) & 0xfffff000n));
}
function minor(dev: number): number {
  const value = BigInt(dev);
  return Number((value & 0xffn) | ((value >> 12n) & 0xffffff00n));
}

function unescapePath(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
