import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

/** What the container may use; decides threads and memory caps. */
export interface Budget {
  memoryMib: number;
  cores: number;
}

/** A cgroup's or the machine's memory limit can be "none"; beyond this more memory is not given to tables. */
const MAX_MEMORY_MIB = 65_536;

/**
 * Memory and processor limits of the container: cgroup v2, else v1, else what the kernel shows (LXD's lxcfs shows the
 * container's own values in /proc).
 */
export async function readBudget(cgroupDir = '/sys/fs/cgroup', procDir = '/proc'): Promise<Budget> {
  const memoryBytes = [
    await number(`${cgroupDir}/memory.max`),
    await number(`${cgroupDir}/memory/memory.limit_in_bytes`),
    ((await field(`${procDir}/meminfo`, /^MemTotal:\s+(\d+) kB/m)) ?? Infinity) * 1024,
  ].filter((value): value is number => value !== undefined && value > 0);
  const memoryMib = Math.floor(Math.min(...memoryBytes) / 2 ** 20);
  const quota = (await cpuMax(`${cgroupDir}/cpu.max`)) ?? (await cfsQuota(`${cgroupDir}/cpu`));
  return {
    memoryMib: Math.min(MAX_MEMORY_MIB, Math.max(128, memoryMib)),
    cores: Math.max(1, Math.min(availableParallelism(), Math.ceil(quota ?? Infinity))),
  };
}

/** Largest frame that an interface carries, without its Ethernet header; 1500 when the kernel does not say. */
export async function readMtu(name: string, sysDir = '/sys/class/net'): Promise<number> {
  return (await number(`${sysDir}/${name}/mtu`)) ?? 1500;
}

async function text(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined; // that kind of cgroup is not there
  }
}

async function number(path: string): Promise<number | undefined> {
  const value = Number((await text(path))?.trim());
  return Number.isFinite(value) ? value : undefined; // "max"
}

async function field(path: string, pattern: RegExp): Promise<number | undefined> {
  const match = pattern.exec((await text(path)) ?? '');
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

async function cpuMax(path: string): Promise<number | undefined> {
  const [quota, period] = ((await text(path)) ?? '').trim().split(' ').map(Number);
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : undefined;
}

async function cfsQuota(dir: string): Promise<number | undefined> {
  const quota = await number(`${dir}/cpu.cfs_quota_us`);
  const period = await number(`${dir}/cpu.cfs_period_us`);
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : undefined;
}
