import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Limits, UseStatus } from '../../contracts/index.ts';

/** Where the kernel tells it; other folders in tests. */
export interface KernelFolders {
  proc: string;
  cgroups: string;
}
export const KERNEL: KernelFolders = Object.freeze({ proc: '/proc', cgroups: '/sys/fs/cgroup' });

/** What was read of one container at one moment. */
export interface Reading {
  atMs: number;
  cpuSeconds: number;
  memoryBytes: number;
  processes: number;
}

/** LXC's name of the group that holds a whole container; what is below it, the container made itself. */
const CONTAINER_GROUP = /^(.*?\/lxc\.payload[^/]*)(?:\/|$)/;

/**
 * Reads the kernel's accounting of a container, without asking LXD (which starts a program for every question).
 * @param pid of the container's PID 1 on the host
 * @returns undefined when it has just ended, or the machine accounts in another way
 */
export async function readContainer(
  pid: number,
  nowMs: number,
  { proc, cgroups }: KernelFolders = KERNEL,
): Promise<Reading | undefined> {
  try {
    const groups = groupsOf(await readFile(join(proc, String(pid), 'cgroup'), 'utf8'));
    const one = groups.get('');
    const of = (controller: string) => {
      const path = groups.get(controller);
      return path === undefined ? undefined : join(cgroups, controller, path);
    };
    const memory = of('memory');
    const read =
      memory === undefined
        ? await unified(join(cgroups, one ?? ''), one !== undefined)
        : await legacy(memory, of('cpuacct'), of('pids'));
    return read === undefined ? undefined : { atMs: nowMs, ...read };
  } catch {
    return undefined;
  }
}

/** What a container takes now; the processors' share is the mean since the reading before. Pure. */
export function useOf(now: Reading, before: Reading | undefined, limits: Limits): UseStatus {
  const passedS = before === undefined ? 0 : (now.atMs - before.atMs) / 1000;
  const cpuS = now.cpuSeconds - (before?.cpuSeconds ?? 0);
  return {
    memoryBytes: now.memoryBytes,
    memoryLimitBytes: limits.memoryMib * 1024 * 1024,
    // A container that was started anew counts from zero.
    ...(passedS > 0 && cpuS >= 0 ? { cpuCores: Math.round((cpuS / passedS) * 100) / 100 } : {}),
    cpuLimitCores: limits.cpuCores,
    processes: now.processes,
    processesLimit: limits.processes,
  };
}

/** Controller (`''`: cgroup v2) -> path of the container's group. */
function groupsOf(text: string): ReadonlyMap<string, string> {
  const groups = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const group = CONTAINER_GROUP.exec(path)?.[1];
    if (group === undefined || group.includes('/../')) continue;
    for (const controller of controllers.split(',')) groups.set(controller, group);
  }
  return groups;
}

type Amounts = Omit<Reading, 'atMs'>;

async function unified(dir: string, known: boolean): Promise<Amounts | undefined> {
  if (!known) return undefined;
  const [memory, stat, cpu, processes] = await Promise.all([
    number(join(dir, 'memory.current')),
    field(join(dir, 'memory.stat'), 'inactive_file'),
    field(join(dir, 'cpu.stat'), 'usage_usec'),
    number(join(dir, 'pids.current')),
  ]);
  return { memoryBytes: Math.max(0, memory - stat), cpuSeconds: cpu / 1e6, processes };
}

async function legacy(
  memory: string,
  cpu: string | undefined,
  pids: string | undefined,
): Promise<Amounts | undefined> {
  if (cpu === undefined || pids === undefined) return undefined;
  const [used, stat, nanoseconds, processes] = await Promise.all([
    number(join(memory, 'memory.usage_in_bytes')),
    field(join(memory, 'memory.stat'), 'total_inactive_file'),
    number(join(cpu, 'cpuacct.usage')),
    number(join(pids, 'pids.current')),
  ]);
  return { memoryBytes: Math.max(0, used - stat), cpuSeconds: nanoseconds / 1e9, processes };
}

async function number(path: string): Promise<number> {
  return whole(await readFile(path, 'utf8'));
}

async function field(path: string, name: string): Promise<number> {
  const line = (await readFile(path, 'utf8')).split('\n').find((one) => one.startsWith(`${name} `));
  return whole(line?.slice(name.length + 1) ?? '');
}

/** @throws Error when it is none */
function whole(text: string): number {
  const value = Number(text.trim());
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new Error('is no number');
  return value;
}
