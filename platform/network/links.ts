import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { run } from '../kernel/index.ts';

/** One network device of this network namespace, as `ip -j -d address show` gives it; only what we use. */
const LinkSchema = z.object({
  ifindex: z.int(),
  ifname: z.string(),
  /** Peer of a veth, or parent of an upper device, in this namespace. */
  link: z.string().nullish(),
  /** The same, when it lies in another namespace. */
  link_index: z.int().optional(),
  link_netnsid: z.int().optional(),
  /** Bridge, bond or other device that it is a port of. */
  master: z.string().optional(),
  flags: z.array(z.string()),
  mtu: z.int(),
  link_type: z.string().optional(),
  address: z.string().optional(),
  promiscuity: z.int().optional(),
  inet6_addr_gen_mode: z.string().optional(),
  linkinfo: z
    .object({
      info_kind: z.string().optional(),
      info_data: z.record(z.string(), z.unknown()).optional(),
      info_slave_kind: z.string().optional(),
      /** Settings of a port, e.g. of a bridge. */
      info_slave_data: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  xdp: z.object({ mode: z.int(), prog: z.object({ id: z.int() }).optional() }).optional(),
  addr_info: z
    .array(
      z.object({
        family: z.string().optional(),
        local: z.string().optional(),
        prefixlen: z.int().optional(),
        scope: z.string().optional(),
      }),
    )
    .default([]),
});
export type Link = z.output<typeof LinkSchema>;

/** All devices of this namespace with their addresses. `ip` prints `{}` for entries that it hides; they are left out. */
export async function listLinks(): Promise<Link[]> {
  const { stdout } = await run('ip', ['-j', '-d', 'address', 'show'], { maxOutputBytes: 16 << 20 });
  const rows: unknown = JSON.parse(stdout || '[]');
  return z
    .array(z.unknown())
    .parse(rows)
    .flatMap((row) => {
      const link = LinkSchema.safeParse(row);
      return link.success ? [link.data] : [];
    });
}

/** Index of a device in another network namespace. */
export async function findLinkIn(namespace: string, name: string): Promise<number> {
  const { stdout } = await run('nsenter', [`--net=${namespace}`, 'ip', '-j', 'link', 'show', 'dev', name]);
  const [link] = z.tuple([z.object({ ifindex: z.int() })]).parse(JSON.parse(stdout));
  return link.ifindex;
}

/** One device, or undefined when it is not in this namespace. */
export async function findLink(name: string): Promise<Link | undefined> {
  return (await listLinks()).find((link) => link.ifname === name);
}

export function isUp(link: Link): boolean {
  return link.flags.includes('UP');
}

/** Several `ip` commands in one process; stops at the first that fails. */
export async function ipBatch(commands: readonly string[]): Promise<void> {
  await run('ip', ['-batch', '-'], { input: `${commands.join('\n')}\n` });
}

/** Takes a link down; quiet when it is gone. */
export async function linkDown(name: string): Promise<void> {
  await run('ip', ['link', 'set', 'dev', name, 'down'], { allowFailure: true });
}

/** Removes a link (of a pair: both ends); quiet when it is gone. */
export async function deleteLink(name: string): Promise<void> {
  await run('ip', ['link', 'delete', 'dev', name], { allowFailure: true });
}

/** Reads `net.ipv6.conf.<device>.disable_ipv6`; undefined where the kernel has no IPv6. */
export async function readIpv6Disabled(device: string): Promise<boolean | undefined> {
  const text = await readFile(`/proc/sys/net/ipv6/conf/${device}/disable_ipv6`, 'utf8').catch(
    () => undefined,
  );
  return text === undefined ? undefined : text.trim() === '1';
}

/** Without IPv6 a link that comes up sends no MLD, no router solicitation and no duplicate address detection. */
export async function setIpv6Disabled(device: string, disabled: boolean): Promise<void> {
  try {
    await writeFile(`/proc/sys/net/ipv6/conf/${device}/disable_ipv6`, disabled ? '1' : '0');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // a kernel without IPv6 sends none
  }
}

/** Statistics of `/sys/class/net/<device>/statistics`, all packets or bytes since the device exists. */
const STATISTICS = [
  'rx_packets',
  'rx_bytes',
  'rx_dropped',
  'rx_errors',
  'rx_missed_errors',
  'rx_fifo_errors',
  'tx_packets',
  'tx_bytes',
  'tx_dropped',
] as const;
export type LinkStatistics = Record<(typeof STATISTICS)[number], number> & { ifindex: number };

/** Counters of one device; undefined when it is gone. */
export async function readStatistics(device: string): Promise<LinkStatistics | undefined> {
  const base = `/sys/class/net/${device}`;
  try {
    const values = await Promise.all(
      STATISTICS.map(
        async (name) => [name, Number(await readFile(`${base}/statistics/${name}`, 'utf8'))] as const,
      ),
    );
    const ifindex = Number(await readFile(`${base}/ifindex`, 'utf8'));
    return { ...(Object.fromEntries(values) as Record<(typeof STATISTICS)[number], number>), ifindex };
  } catch {
    return undefined; // the device went away between two reads
  }
}
