import { existsSync, readdirSync } from 'node:fs';
import { readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { run, waitFor } from '@bulkhead/platform/kernel';

/** Where `ip netns` keeps the names. */
const NAMES_DIR = '/run/netns';

/** Makes a network namespace whose only link, `lo`, is up. */
export async function addNamespace(name: string): Promise<void> {
  await run('ip', ['netns', 'add', name]);
  await ipBatch(name, ['link set lo up']);
}

/** Runs `ip` commands, one per line, in one process; with a namespace, inside it. */
export async function ipBatch(namespace: string | undefined, lines: readonly string[]): Promise<void> {
  const where = namespace === undefined ? [] : ['-netns', namespace];
  await run('ip', [...where, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/** Writes a kernel setting (below /proc/sys) of a namespace. */
export async function setInNamespace(namespace: string, setting: string, value: string): Promise<void> {
  await run('ip', ['netns', 'exec', namespace, 'tee', `/proc/sys/${setting.replaceAll('.', '/')}`], {
    input: value,
  });
}

/**
 * Makes checksums true and segments wire-sized on a link: with offloads, a veth carries unfinished checksums and
 * segments of up to 64 KiB that no wire would (FACTS of virtual links, and what an IDS then says about them is wrong).
 */
export async function turnOffloadsOff(namespace: string, link: string): Promise<void> {
  const features = ['tx', 'sg', 'tso', 'gso', 'gro'].flatMap((feature) => [feature, 'off']);
  await run('ip', ['netns', 'exec', namespace, 'ethtool', '-K', link, ...features]);
}

/**
 * Lets one processor take in everything that arrives on a link. The sender's processor would do it otherwise, and with two at
 * work an answer can overtake its question on the way to the sensor: an order that no wire had, and in which an IDS rightly sees
 * no connection. Without receive packet steering in the kernel nothing changes.
 */
export async function receiveInOrder(namespace: string | undefined, link: string): Promise<void> {
  const setting = `/sys/class/net/${link}/queues/rx-0/rps_cpus`;
  if (namespace === undefined) await writeFile(setting, '1').catch(() => undefined);
  else await run('ip', ['netns', 'exec', namespace, 'tee', setting], { input: '1', allowFailure: true });
}

/** Prepares the end of a pair that stays in the host's namespace: no address of any kind, not even link-local. */
export async function quietHostEnd(link: string): Promise<void> {
  await ipBatch(undefined, [`link set dev ${link} addrgenmode none`]);
  await writeFile(`/proc/sys/net/ipv6/conf/${link}/disable_ipv6`, '1');
}

export function namespaceExists(name: string): boolean {
  return existsSync(`${NAMES_DIR}/${name}`);
}

/**
 * Ends every process in a namespace of ours, then removes it with its links. The kernel knows who is in it, so leftovers of a
 * crash are found without any record that could be lost or name another process.
 */
export async function removeNamespace(name: string): Promise<void> {
  if (!namespaceExists(name)) return;
  // Killing is safe: the namespace was made by us under a name of our own, so whoever is in it was started for it.
  await waitFor(`the processes in ${name} to end`, 5_000, async () => {
    const inside = await processesIn(name);
    for (const pid of inside) kill(pid);
    return inside.length === 0;
  });
  await run('ip', ['netns', 'delete', name], { allowFailure: true });
}

/** Removes a link of the host's namespace (and so its peer); fine when it is gone already. */
export async function removeLink(link: string): Promise<void> {
  if (existsSync(`/sys/class/net/${link}`)) await run('ip', ['link', 'delete', link], { allowFailure: true });
}

/** Process ids whose network namespace is the named one. */
async function processesIn(name: string): Promise<number[]> {
  const wanted = `net:[${String((await stat(`${NAMES_DIR}/${name}`)).ino)}]`;
  const found: number[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const inside = await readlink(`/proc/${entry}/ns/net`).catch(() => undefined);
    if (inside === wanted) found.push(Number(entry));
  }
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself between the look and the kill.
  }
}

/** Frames and bytes that a link counted, as the kernel sees it. */
export interface LinkCounters {
  rxPackets: number;
  txPackets: number;
  txDropped: number;
  rxDropped: number;
}

/** Counters of a link in a namespace. */
export async function linkCounters(namespace: string, link: string): Promise<LinkCounters> {
  const { stdout } = await run('ip', ['-netns', namespace, '-json', '-stats', 'link', 'show', 'dev', link]);
  const parsed = JSON.parse(stdout) as {
    stats64: { rx: { packets: number; dropped: number }; tx: { packets: number; dropped: number } };
  }[];
  const stats = parsed[0]?.stats64;
  if (stats === undefined) throw new Error(`ip printed no counters of ${link}`);
  return {
    rxPackets: stats.rx.packets,
    txPackets: stats.tx.packets,
    txDropped: stats.tx.dropped,
    rxDropped: stats.rx.dropped,
  };
}

/** True when a link of the host's namespace is up. */
export async function linkIsUp(link: string): Promise<boolean> {
  const flags = await readFile(`/sys/class/net/${link}/flags`, 'utf8').catch(() => '0x0');
  return (Number.parseInt(flags, 16) & 1) === 1;
}
