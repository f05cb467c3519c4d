import { readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { hasCode } from '../kernel/index.ts';

/** The text of a small file of the kernel or the system; undefined when it is not there. */
export async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return false;
    throw error;
  }
}

/** `y`: built in, `m`: a module, `n`: left out, `unknown`: the kernel does not show its configuration. */
export type KernelOption = 'y' | 'm' | 'n' | 'unknown';

/** How the running kernel was built: /proc/config.gz, or Debian's /boot/config-<release>. */
export async function kernelOption(name: `CONFIG_${string}`): Promise<KernelOption> {
  const text = (await readGzip('/proc/config.gz')) ?? (await readOptional(`/boot/config-${release()}`));
  if (text === undefined) return 'unknown';
  const value = new RegExp(`^${name}=([ym])$`, 'm').exec(text)?.[1];
  return value === 'y' || value === 'm' ? value : 'n';
}

async function readGzip(path: string): Promise<string | undefined> {
  try {
    return (await promisify(gunzip)(await readFile(path), { maxOutputLength: 8 << 20 })).toString();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
