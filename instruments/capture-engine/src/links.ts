import { readFile, writeFile } from 'node:fs/promises';
import { runProgram } from './command.ts';
import type { Pair } from './pairs.ts';

/** Counters of one interface, from `/proc/net/dev`. */
export interface LinkCounters {
  rxPackets: number;
  rxDropped: number;
  txPackets: number;
  txDropped: number;
}

/** Switches an interface's own talking off, before it is raised: no router solicitation, no duplicate address detection. */
export async function silence(name: string): Promise<void> {
  await runProgram('/usr/sbin/ip', ['link', 'set', 'dev', name, 'addrgenmode', 'none']).catch(
    () => undefined,
  );
  // A kernel without IPv6 has no such file; the egress rule drops whatever would be sent.
  await writeFile(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, '1').catch(() => undefined);
}

/** Raises the output before the input, so that no frame arrives that cannot go on. */
export async function raise(pair: Pair): Promise<void> {
  await runProgram('/usr/sbin/ip', ['link', 'set', 'dev', pair.output, 'up']);
  await runProgram('/usr/sbin/ip', ['link', 'set', 'dev', pair.input, 'up']);
}

/** True when the kernel says that the interface is up. */
export async function isUp(name: string, sysDir = '/sys/class/net'): Promise<boolean> {
  const flags = Number((await readFile(`${sysDir}/${name}/flags`, 'utf8')).trim());
  return (flags & 1) === 1; // IFF_UP
}

/** Reads `/proc/net/dev` of the own network namespace. */
export function parseLinkCounters(text: string): Map<string, LinkCounters> {
  const links = new Map<string, LinkCounters>();
  for (const line of text.split('\n')) {
    const match = /^\s*([^\s:]+):\s*(.*)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    const [, rxPackets = 0, , rxDropped = 0, , , , , , txPackets = 0, , txDropped = 0] = match[2]
      .trim()
      .split(/\s+/)
      .map(Number);
    links.set(match[1], { rxPackets, rxDropped, txPackets, txDropped });
  }
  return links;
}

/** Counters of every interface in the own network namespace. */
export async function readLinkCounters(): Promise<Map<string, LinkCounters>> {
  return parseLinkCounters(await readFile('/proc/self/net/dev', 'utf8'));
}
