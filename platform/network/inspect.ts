import { linkName, type Site } from '../kernel/index.ts';
import type { Fanout } from './fan-out.ts';
import { forwardsAsWanted, guardFaults, type Guard } from './guard-rules.ts';
import { isUp, listLinks, type Link } from './links.ts';
import { listMonitors, monitorGuard, type MonitorRecord } from './monitor.ts';
import { HOST_END_ROLES, parseLinkName, tableOfLink } from './names.ts';
import { listTables, type NftTable } from './nft.ts';

/** A guard or a packet program that should stand: intact when `faults` is empty. */
export interface GuardState {
  /** `guard`: frames could pass that must not. `fan-out`: nothing can leak, but the mirror ports get nothing. */
  kind: 'guard' | 'fan-out';
  device: string;
  /** The monitor interface's name, where the device is one. */
  monitor?: string;
  up: boolean;
  faults: string[];
}

/** What stands in the kernel now. */
export interface NetworkState {
  monitors: (GuardState & {
    monitor: string;
    /** What arrives is copied to the capture engine's link. */
    captureLinked: boolean;
    /** Ports that the attached packet program serves; undefined = none is attached. */
    fanout: { generation: number; hostEnds: string[] } | undefined;
  })[];
  /** Host ends of all pairs of ours. */
  hostEnds: GuardState[];
}

/** Reads the kernel; changes nothing. */
export async function inspect(at: Site, fanout: Pick<Fanout, 'current'>): Promise<NetworkState> {
  const [records, links, tables] = await Promise.all([listMonitors(at), listLinks(), listTables()]);
  const monitors = await Promise.all(
    records.map(async (record) => {
      const generation = await fanout.current(record.name, linkName(at, 'o', record.name));
      return {
        ...monitorState(at, record, links, tables),
        captureLinked: isCaptureLinked(at, record, links, tables),
        fanout:
          generation === undefined
            ? undefined
            : {
                generation: generation.generation,
                hostEnds: generation.ports
                  .map((port) => port.hostEnd)
                  .filter((hostEnd) => !generation.dropped.includes(hostEnd)),
              },
      };
    }),
  );
  return { monitors, hostEnds: hostEndStates(at, links, tables) };
}

/** Only what the watcher asks for, often: the guards, and whether each packet program is still attached. */
export async function inspectGuards(at: Site, fanout: Pick<Fanout, 'isLost'>): Promise<GuardState[]> {
  const [records, links, tables] = await Promise.all([listMonitors(at), listLinks(), listTables()]);
  const programs: GuardState[] = [];
  for (const record of records) {
    const out = linkName(at, 'o', record.name);
    const link = links.find((one) => one.ifname === out);
    if (link !== undefined) {
      const faults = (await fanout.isLost(record.name, link)) ? [`the packet program of ${out} is gone`] : [];
      programs.push({ kind: 'fan-out', device: out, monitor: record.name, up: isUp(link), faults });
    }
  }
  const monitors = records.map((record) => monitorState(at, record, links, tables));
  return [...monitors, ...hostEndStates(at, links, tables), ...programs];
}

function isCaptureLinked(
  at: Site,
  record: MonitorRecord,
  links: readonly Link[],
  tables: ReadonlyMap<string, NftTable>,
): boolean {
  const guard = monitorGuard(at, record, links);
  return guard.input?.exists === true && forwardsAsWanted(guard, tables.get(guard.table));
}

function monitorState(
  at: Site,
  record: MonitorRecord,
  links: readonly Link[],
  tables: ReadonlyMap<string, NftTable>,
): GuardState & { monitor: string } {
  const guard = { ...monitorGuard(at, record, links), ifindex: record.ifindex };
  const link = links.find((one) => one.ifname === record.device);
  const faults = guardFaults(guard, tables.get(guard.table), link?.ifindex);
  return {
    kind: 'guard',
    monitor: record.name,
    device: record.device,
    up: link !== undefined && isUp(link),
    // Adopted devices are made anew by a driver reload only; then the record is of the old one and must not pass.
    faults,
  };
}

function hostEndStates(
  at: Site,
  links: readonly Link[],
  tables: ReadonlyMap<string, NftTable>,
): GuardState[] {
  return links.flatMap((link) => {
    const ours = parseLinkName(at, link.ifname);
    if (ours === undefined || !HOST_END_ROLES.includes(ours.role)) return [];
    const table = tableOfLink(at, link.ifname);
    const guard: Guard = { kind: 'host-end', table, device: link.ifname, ifindex: link.ifindex };
    return [
      {
        kind: 'guard' as const,
        device: link.ifname,
        up: isUp(link),
        faults: guardFaults(guard, tables.get(table), link.ifindex),
      },
    ];
  });
}
