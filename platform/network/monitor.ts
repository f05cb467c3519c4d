import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  BulkheadError,
  linkName,
  run,
  tableName,
  writeFileAtomic,
  type Logger,
  type Site,
} from '../kernel/index.ts';
import { guardFaults, guardText, forwardsAsWanted, redirectText, type Guard } from './guard-rules.ts';
import {
  findLink,
  isUp,
  linkDown,
  listLinks,
  readIpv6Disabled,
  setIpv6Disabled,
  type Link,
} from './links.ts';
import { deleteTable, listTables, loadRules } from './nft.ts';
import { unproven } from './pairs.ts';

/** What was found on a device before it became a monitor interface; given back when it is released. */
const MonitorRecordSchema = z.object({
  name: z.string(),
  device: z.string(),
  ifindex: z.int(),
  found: z.object({
    up: z.boolean(),
    arp: z.boolean(),
    promisc: z.boolean(),
    addrGenMode: z.string().optional(),
    ipv6Disabled: z.boolean().optional(),
    /** Offloads that were on and that we switched off. */
    offloads: z.array(z.string()),
  }),
});
export type MonitorRecord = z.output<typeof MonitorRecordSchema>;

export interface AttachResult {
  /** True: it was guarded already and goes on without interruption. */
  adopted: boolean;
  /** What could not be set, in words. */
  warnings: string[];
}

/** Offloads that merge or change frames before we see them. Short names as `ethtool -K` takes them. */
const MERGING_OFFLOADS = Object.freeze({
  'generic-receive-offload': 'gro',
  'large-receive-offload': 'lro',
  'rx-gro-hw': 'rx-gro-hw',
  'rx-gro-list': 'rx-gro-list',
  'rx-udp-gro-forwarding': 'rx-udp-gro-forwarding',
});

export function monitorTable(at: Site, name: string): string {
  return tableName(at, `mon_${name}`);
}

/** The guard that must stand on a monitor interface, given what is linked to it now. */
export function monitorGuard(
  at: Site,
  record: Pick<MonitorRecord, 'name' | 'device'>,
  links: readonly Link[],
): Guard {
  const input = linkName(at, 'i', record.name);
  return {
    kind: 'monitor',
    table: monitorTable(at, record.name),
    device: record.device,
    ifindex: links.find((link) => link.ifname === record.device)?.ifindex ?? -1,
    input: { link: input, exists: links.some((link) => link.ifname === input) },
  };
}

/**
 * Turns a device into a monitor interface: guard first, while nothing else has changed; then silence (down, IPv6 off, no
 * ARP), then up. A device that is guarded already is left as it runs.
 * @throws BulkheadError NETWORK_GUARD_UNPROVEN: the device is down.
 */
export async function attach(at: Site, name: string, device: string, log: Logger): Promise<AttachResult> {
  const links = await listLinks();
  const link = links.find((one) => one.ifname === device);
  if (link === undefined) throw unproven(device, ['it does not exist']);
  const guard = monitorGuard(at, { name, device }, links);
  const table = (await listTables()).get(guard.table);
  if (guardFaults(guard, table, link.ifindex).length === 0 && isUp(link)) {
    if ((await readMonitor(at, name)) === undefined) await writeMonitor(at, await describe(name, link));
    if (!forwardsAsWanted(guard, table)) await loadRules(redirectText(guard));
    await prove(guard);
    return { adopted: true, warnings: await remainingOffloads(device) };
  }
  // A second attach after a broken guard must not take our own settings for what was found.
  if ((await readMonitor(at, name))?.ifindex !== link.ifindex)
    await writeMonitor(at, await describe(name, link));
  await loadRules(guardText(guard));
  await prove(guard);
  await linkDown(device);
  await setIpv6Disabled(device, true);
  for (const feature of Object.values(MERGING_OFFLOADS)) {
    await run('ethtool', ['-K', device, feature, 'off'], { allowFailure: true }); // reported below when it stays on
  }
  // Not every kernel knows the mode for every device; IPv6 is off anyway.
  await run('ip', ['link', 'set', 'dev', device, 'addrgenmode', 'none'], { allowFailure: true });
  await run('ip', ['link', 'set', 'dev', device, 'arp', 'off', 'promisc', 'on']);
  await prove(guard);
  await run('ip', ['link', 'set', 'dev', device, 'up']);
  const warnings = await remainingOffloads(device);
  log.info({ monitor: name, device, warnings }, 'monitor interface attached');
  return { adopted: false, warnings };
}

/** Points the ingress at the capture engine's input link (or at nothing), without a gap. */
export async function pointAtCapture(at: Site, record: MonitorRecord): Promise<void> {
  const links = await listLinks();
  const guard = monitorGuard(at, record, links);
  const table = (await listTables()).get(guard.table);
  if (guardFaults(guard, table, guard.ifindex).length === 0 && forwardsAsWanted(guard, table)) return;
  // A guard that is broken otherwise fails the proof, and the device goes down.
  if (table !== undefined) await loadRules(redirectText(guard));
  await prove(guard);
}

/** Releases a device: down first, then the guard, then what was found. It stays down, so it cannot transmit. */
export async function detach(at: Site, record: MonitorRecord): Promise<void> {
  const { device, found } = record;
  await linkDown(device);
  const link = await findLink(device);
  if (link !== undefined && isUp(link)) throw unproven(device, ['it could not be taken down']);
  await deleteTable(monitorTable(at, record.name));
  if (link?.ifindex === record.ifindex) {
    await run('ip', [
      'link',
      'set',
      'dev',
      device,
      'arp',
      found.arp ? 'on' : 'off',
      'promisc',
      found.promisc ? 'on' : 'off',
    ]);
    if (found.addrGenMode !== undefined) {
      await run('ip', ['link', 'set', 'dev', device, 'addrgenmode', found.addrGenMode], {
        allowFailure: true,
      });
    }
    if (found.ipv6Disabled !== undefined) await setIpv6Disabled(device, found.ipv6Disabled);
    for (const feature of found.offloads) {
      await run('ethtool', ['-K', device, feature, 'on'], { allowFailure: true });
    }
  }
  await rm(recordDir(at, record.name), { recursive: true, force: true });
}

async function prove(guard: Guard): Promise<void> {
  const faults = guardFaults(
    guard,
    (await listTables()).get(guard.table),
    (await findLink(guard.device))?.ifindex,
  );
  if (faults.length === 0) return;
  await linkDown(guard.device);
  throw unproven(guard.device, faults);
}

async function describe(name: string, link: Link): Promise<MonitorRecord> {
  const ipv6Disabled = await readIpv6Disabled(link.ifname);
  return {
    name,
    device: link.ifname,
    ifindex: link.ifindex,
    found: {
      up: isUp(link),
      arp: !link.flags.includes('NOARP'),
      promisc: link.flags.includes('PROMISC'),
      ...(link.inet6_addr_gen_mode === undefined ? {} : { addrGenMode: link.inet6_addr_gen_mode }),
      ...(ipv6Disabled === undefined ? {} : { ipv6Disabled }),
      offloads: (await offloadStates(link.ifname))
        .filter((one) => one.on && !one.fixed)
        .map((one) => one.feature),
    },
  };
}

async function offloadStates(device: string): Promise<{ feature: string; on: boolean; fixed: boolean }[]> {
  const { stdout } = await run('ethtool', ['-k', device], { allowFailure: true });
  return Object.entries(MERGING_OFFLOADS).flatMap(([long, feature]) => {
    const state = new RegExp(`^\\s*${long}: (on|off)(.*)$`, 'm').exec(stdout);
    return state === null
      ? []
      : [{ feature, on: state[1] === 'on', fixed: (state[2] ?? '').includes('fixed') }];
  });
}

async function remainingOffloads(device: string): Promise<string[]> {
  return (await offloadStates(device))
    .filter((one) => one.on)
    .map(
      (one) =>
        `${device}: the offload ${one.feature} is on and cannot be switched off; frames may arrive merged`,
    );
}

function recordDir(at: Site, name: string): string {
  return join(at.runDir, 'network', name);
}

async function writeMonitor(at: Site, record: MonitorRecord): Promise<void> {
  await mkdir(recordDir(at, record.name), { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(recordDir(at, record.name), 'monitor.json'), JSON.stringify(record));
}

/** The record of an attached monitor interface. */
export async function readMonitor(at: Site, name: string): Promise<MonitorRecord | undefined> {
  const text = await readFile(join(recordDir(at, name), 'monitor.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : MonitorRecordSchema.parse(JSON.parse(text));
}

/** @throws BulkheadError NETWORK_MONITOR_UNKNOWN */
export async function requireMonitor(at: Site, name: string): Promise<MonitorRecord> {
  const record = await readMonitor(at, name);
  if (record !== undefined) return record;
  throw new BulkheadError({
    code: 'NETWORK_MONITOR_UNKNOWN',
    message: `The monitor interface ${name} is not attached.`,
    fields: { monitor: name },
  });
}

/** Records of all attached monitor interfaces. */
export async function listMonitors(at: Site): Promise<MonitorRecord[]> {
  const names = await readdir(join(at.runDir, 'network')).catch(() => []);
  const records = await Promise.all(names.map((name) => readMonitor(at, name)));
  return records.filter((record) => record !== undefined);
}
