import { readFile } from 'node:fs/promises';
import { BulkheadError } from '../kernel/index.ts';
import { IDS_PER_CONTAINER } from './id-ranges.ts';
import type { Containment } from './types.ts';

/**
 * How a process is contained, from the kernel's own words (proc(5), user_namespaces(7)).
 * @throws BulkheadError RUNTIME_NOT_RUNNING when there is no such process any more.
 */
export async function containmentOf(pid: number): Promise<Containment> {
  try {
    const [status, uidMap, apparmorAvailable] = await Promise.all([
      readFile(`/proc/${String(pid)}/status`, 'utf8'),
      readFile(`/proc/${String(pid)}/uid_map`, 'utf8'),
      apparmorEnabled(),
    ]);
    return {
      pid,
      idmap: rootMapping(uidMap),
      seccompMode: Number(/^Seccomp:\s*(\d)$/m.exec(status)?.[1] ?? 0),
      apparmorAvailable,
      apparmorLabel: apparmorAvailable ? await apparmorLabel(pid) : undefined,
    };
  } catch (cause) {
    throw new BulkheadError({
      code: 'RUNTIME_NOT_RUNNING',
      message: `The process ${String(pid)} ended before its containment could be read.`,
      fields: { pid },
      cause,
    });
  }
}

/** What is missing for a container to count as contained; empty = nothing. Pure. */
export function containmentFaults(containment: Containment): string[] {
  const faults: string[] = [];
  const { idmap, seccompMode, apparmorAvailable, apparmorLabel: label } = containment;
  if (idmap.hostBase === 0) faults.push('its root is the root of the host');
  if (idmap.size > IDS_PER_CONTAINER)
    faults.push(`it has ${String(idmap.size)} ids instead of a range of its own`);
  if (seccompMode !== 2) faults.push(`its system calls are not filtered (Seccomp: ${String(seccompMode)})`);
  if (apparmorAvailable && (label === undefined || !/^lxd-/.test(label))) {
    faults.push(`AppArmor does not confine it (label: ${label ?? 'none'})`);
  }
  return faults;
}

/** Host id and length of the mapping of id 0 in the text of a uid_map; 0 when it has none (then nothing is isolated). */
export function rootMapping(uidMap: string): { hostBase: number; size: number } {
  for (const line of uidMap.split('\n')) {
    const [inside, outside, size] = line.trim().split(/\s+/).map(Number);
    if (inside === 0 && outside !== undefined && size !== undefined) return { hostBase: outside, size };
  }
  return { hostBase: 0, size: 0 };
}

async function apparmorEnabled(): Promise<boolean> {
  const text = await readFile('/sys/module/apparmor/parameters/enabled', 'utf8').catch(() => 'N');
  return text.trim() === 'Y';
}

async function apparmorLabel(pid: number): Promise<string | undefined> {
  for (const file of ['attr/apparmor/current', 'attr/current']) {
    const text = await readFile(`/proc/${String(pid)}/${file}`, 'utf8').catch(() => undefined);
    if (text !== undefined) return text.replaceAll('\0', '').trim();
  }
  return undefined;
}
