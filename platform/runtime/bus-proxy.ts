import { readdir, readFile } from 'node:fs/promises';
import type { LxdClient } from '@bulkhead/node-lxd';
import { BUS_DEVICE } from './container-config.ts';

/** The proxy processes of the LXD daemon that live. */
export interface LiveProxies {
  /** Processes in whose network a proxy listens: PID 1 of a container whose bus is reachable. */
  listeningPids: ReadonlySet<number>;
  /** Where proxies listen, as LXD writes it, e.g. `unix:/run/bulkhead/ui/x.sock`. */
  listeners: ReadonlySet<string>;
}

/**
 * The daemon starts `lxd forkproxy -- <pid that listens> <fd> <where> ...` for each proxy device, and does not notice when
 * one dies.
 */
export async function liveProxies(): Promise<LiveProxies> {
  const listeningPids = new Set<number>();
  const listeners = new Set<string>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const text = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    const args = text.split('\0');
    const at = args.indexOf('forkproxy');
    if (at !== 1 || args[2] !== '--') continue;
    listeningPids.add(Number(args[3]));
    listeners.add(args[5] ?? '');
  }
  return { listeningPids, listeners };
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
