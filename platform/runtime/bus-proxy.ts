import { readdir, readFile } from 'node:fs/promises';
import type { LxdClient } from '@bulkhead/node-lxd';
import { BUS_DEVICE } from './container-config.ts';

/**
 * PIDs of containers for which LXD's proxy process lives. The daemon starts `lxd forkproxy -- <pid of PID 1> ...` for
 * each proxy device, and does not notice when one dies.
 */
export async function proxiedPids(): Promise<Set<number>> {
  const found = new Set<number>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const text = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    const args = text.split('\0');
    const at = args.indexOf('forkproxy');
    if (at !== 1 || args[2] !== '--') continue;
    found.add(Number(args[3]));
  }
  return found;
}

/**
 * Starts a dead proxy again by taking its device away and giving it back. The container runs on; its client
 * reconnects by itself.
 */
export async function restartProxy(lxd: LxdClient, name: string): Promise<void> {
  const { instance, etag } = await lxd.instances.getTagged(name);
  const { [BUS_DEVICE]: bus, ...others } = instance.devices;
  if (bus === undefined) return;
  const same = {
    architecture: instance.architecture,
    config: instance.config,
    profiles: instance.profiles,
    description: instance.description,
    ephemeral: instance.ephemeral,
  };
  await lxd.instances.put(name, { ...same, devices: others }, etag === undefined ? {} : { etag });
  await lxd.instances.put(name, { ...same, devices: { ...others, [BUS_DEVICE]: bus } });
}
