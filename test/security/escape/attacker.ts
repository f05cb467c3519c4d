import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isLxdError } from '@bulkhead/node-lxd';
import { sitePaths } from '@bulkhead/platform/kernel';
import type { ContainerState } from '@bulkhead/platform/runtime';
import { compile, throwAwayRuntime, type LaunchOptions, type ThrowAwayRuntime } from '../../support/lxd.ts';

/** What each attempt came to: `mount proc` -> `EPERM`. */
export type Outcomes = ReadonlyMap<string, string>;

/** A container in the hands of an attacker. */
export interface Attacker {
  at: ThrowAwayRuntime;
  /** On the host: the attacker's program. */
  program: string;
  /** The disk that brings it into a container, as /opt/instrument. */
  disk: NonNullable<LaunchOptions['disks']>[number];
  /** Runs one of the attacker's programs inside, as uid 0 there. */
  attack: (name: string, ...args: string[]) => Promise<Outcomes>;
  launch: (name: string, options?: LaunchOptions) => Promise<ContainerState>;
}

/** Paths of the attacker's programs inside. */
export const HOSTILE = '/opt/instrument/hostile';
export const BOMB = '/opt/instrument/bomb';

/**
 * A runtime whose containers the attacker owns. With the image `tiny`, PID 1 and everything that is run inside is root
 * with all capabilities of the container: stronger than an instrument, which never has a process of root.
 */
export async function openAttacker(prefix: string, image: 'base' | 'tiny' = 'tiny'): Promise<Attacker> {
  const at = await throwAwayRuntime(prefix, { image });
  try {
    const folder = join(sitePaths(at.site).appsDir, 'hostile');
    await mkdir(folder, { recursive: true, mode: 0o755 });
    const source = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
    await compile([source('hostile.c'), source('sweep.c')], join(folder, 'hostile'));
    await compile(source('bomb.c'), join(folder, 'bomb'));
    for (const name of ['hostile', 'bomb']) await chmod(join(folder, name), 0o755);
    const program = join(folder, 'hostile');
    const disk = { name: 'app', source: folder, path: '/opt/instrument', readonly: true };
    const attack = async (name: string, ...args: string[]): Promise<Outcomes> => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          const command = [HOSTILE, ...args];
          const result = await at.project.instances.exec(name, { command, timeoutMs: 120_000 });
          if (result.exitCode !== 0) throw new Error(`${command.join(' ')}: exit ${String(result.exitCode)}`);
          return outcomes(result.stdout);
        } catch (error) {
          // LXD 5.0 now and then closes an output without sending it; the client notices.
          if (attempt === 3 || !isLxdError(error, 'LXD_STREAM_LOST')) throw error;
        }
      }
    };
    const launch = async (name: string, options: LaunchOptions = {}) =>
      at.launch(name, { ...options, disks: [disk, ...(options.disks ?? [])] });
    return { at, program, disk, attack, launch };
  } catch (error) {
    await at.dispose();
    throw error;
  }
}

/** Lines `what=outcome`; the last `=` separates, as paths and commands may hold one. */
export function outcomes(text: string): Outcomes {
  return new Map(
    text
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => {
        const cut = line.lastIndexOf('=');
        return [line.slice(0, cut), line.slice(cut + 1)] as const;
      }),
  );
}

/** The attempts that came to something. */
export function succeeded(found: Outcomes): string[] {
  return [...found].filter(([, outcome]) => outcome === 'ok').map(([what]) => what);
}
