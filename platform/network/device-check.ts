import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { run } from '../kernel/index.ts';
import { listLinks, type Link } from './links.ts';

/** Why a device may or may not be a monitor interface. */
export type DeviceVerdict = { ok: true; note?: string } | { ok: false; reason: string };

/** All that the verdict depends on; gathered by {@link gatherDeviceFacts}, judged by {@link judgeDevice}. */
export interface DeviceFacts {
  links: Link[];
  /** Devices of default routes, every table and family. */
  defaultRoutes: string[];
  /** Somebody's remote session: the address it came to here, and the device that answers to it. */
  sessions: { local: string; peer: string; device: string | undefined }[];
  wireless: boolean;
  /** The device carries our guard already (a restarted sensor adopts it). */
  ours: boolean;
}

/**
 * Judges from facts alone. A monitor interface transmits nothing and takes everything away from the host, so a device that
 * the host or the operator needs is refused. (ABUSE 116)
 */
export function judgeDevice(device: string, facts: DeviceFacts): DeviceVerdict {
  const no = (reason: string): DeviceVerdict => ({ ok: false, reason: `${device} ${reason}` });
  const link = facts.links.find((one) => one.ifname === device);
  if (link === undefined) return no('does not exist');
  if (link.flags.includes('LOOPBACK')) return no('is the loopback device');
  if (link.link_type !== undefined && link.link_type !== 'ether') return no('is not an Ethernet device');
  if (facts.wireless) return no('is a wireless device, which cannot receive a mirrored copy');

  const family = [link, ...uppers(link, facts.links)];
  const session = facts.sessions.find((one) => family.some((member) => member.ifname === one.device));
  if (session) {
    return no(
      `carries a remote session (${session.peer} is connected to ${session.local}); watching it would cut that off`,
    );
  }
  for (const member of family) {
    const through = member === link ? '' : ` through ${member.ifname}, which runs over it`;
    const address = member.addr_info.find((one) => one.local !== undefined);
    if (address?.local !== undefined) {
      return no(`has the address ${address.local}${through}; a monitor interface has none`);
    }
    if (facts.defaultRoutes.includes(member.ifname)) return no(`carries a default route${through}`);
  }
  if (link.master !== undefined) return no(`is a port of ${link.master}`);
  if (facts.ours) return { ok: true, note: 'already a monitor interface of this sensor' };
  return { ok: true };
}

/** Devices stacked on this one (VLAN, macvlan, bridge, bond, ...), all the way up. */
function uppers(link: Link, links: readonly Link[]): Link[] {
  const found = new Set<Link>();
  const visit = (below: Link): void => {
    for (const one of links) {
      if (found.has(one) || one === link) continue;
      const stacked = one.link === below.ifname && one.linkinfo?.info_kind !== 'veth';
      if (stacked || below.master === one.ifname) {
        found.add(one);
        visit(one);
      }
    }
  };
  visit(link);
  return [...found];
}

const RouteSchema = z.object({
  dst: z.string(),
  dev: z.string().optional(),
  nexthops: z.array(z.object({ dev: z.string() })).optional(),
});

/** Asks the kernel for what {@link judgeDevice} needs. */
export async function gatherDeviceFacts(device: string, ours: boolean): Promise<DeviceFacts> {
  const [links, v4, v6, sessions] = await Promise.all([
    listLinks(),
    defaultRoutes('-4'),
    defaultRoutes('-6'),
    findSessions(),
  ]);
  const holder = (address: string): string | undefined =>
    links.find((link) => link.addr_info.some((one) => one.local === address))?.ifname;
  return {
    links,
    defaultRoutes: [...v4, ...v6],
    sessions: await Promise.all(
      sessions.map(async (one) => ({ ...one, device: holder(one.local) ?? (await routeTo(one.peer)) })),
    ),
    wireless:
      existsSync(`/sys/class/net/${device}/wireless`) || existsSync(`/sys/class/net/${device}/phy80211`),
    ours,
  };
}

async function defaultRoutes(family: '-4' | '-6'): Promise<string[]> {
  const { stdout, exitCode } = await run('ip', ['-j', family, 'route', 'show', 'table', 'all', 'default'], {
    allowFailure: true, // a kernel without IPv6
  });
  if (exitCode !== 0 || stdout.trim() === '') return [];
  return z
    .array(RouteSchema)
    .parse(JSON.parse(stdout))
    .flatMap((route) => [
      ...(route.dev === undefined ? [] : [route.dev]),
      ...(route.nexthops ?? []).map((hop) => hop.dev),
    ]);
}

async function routeTo(peer: string): Promise<string | undefined> {
  const { stdout, exitCode } = await run('ip', ['-j', 'route', 'get', peer.replace(/%.*$/, '')], {
    allowFailure: true,
  });
  if (exitCode !== 0) return undefined;
  return z.array(z.object({ dev: z.string().optional() })).parse(JSON.parse(stdout || '[]'))[0]?.dev;
}

/** SSH_CONNECTION of this process and its ancestors, and every established connection of an SSH server. */
async function findSessions(): Promise<{ local: string; peer: string }[]> {
  const sessions = new Map<string, { local: string; peer: string }>();
  const add = (peer: string | undefined, local: string | undefined): void => {
    if (peer && local) sessions.set(`${peer} ${local}`, { peer, local });
  };
  const addVariable = (value: string | undefined): void => {
    const [peer, , local] = (value ?? '').split(' ');
    add(peer, local);
  };
  addVariable(process.env['SSH_CONNECTION']);
  let pid = process.pid;
  for (let depth = 0; pid > 1 && depth < 64; depth++) {
    const [environment, status] = await Promise.all([
      readFile(`/proc/${String(pid)}/environ`, 'utf8').catch(() => ''),
      readFile(`/proc/${String(pid)}/status`, 'utf8').catch(() => ''),
    ]);
    const value = environment.split('\0').find((entry) => entry.startsWith('SSH_CONNECTION='));
    addVariable(value?.replace('SSH_CONNECTION=', ''));
    pid = Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1] ?? 0);
  }
  // `sudo` and `su` clear the environment, and the operator may not be an ancestor at all: ask for the sockets, too.
  const { stdout } = await run('ss', ['-Htnp', 'state', 'established'], { allowFailure: true });
  for (const line of stdout.split('\n')) {
    if (!/users:\(\("(?:sshd|sshd-session|dropbear)"/.test(line)) continue;
    const [, , local, peer] = line.trim().split(/\s+/);
    add(hostOf(peer), hostOf(local));
  }
  return [...sessions.values()];
}

/** `[fe80::1%eth0]:22` and `192.0.2.1:22` without brackets, scope, IPv4-in-IPv6 prefix and port. */
function hostOf(endpoint: string | undefined): string | undefined {
  return endpoint
    ?.replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/%.*$/, '')
    .replace(/^::ffff:(?=\d+\.)/, '');
}
