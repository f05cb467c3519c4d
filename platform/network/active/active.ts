import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { run, type Logger, type Site } from '../../kernel/index.ts';
import type { GuardState } from '../inspect.ts';
import { deleteLink, findLink, ipBatch, isUp, linkDown, listLinks, setIpv6Disabled } from '../links.ts';
import { deleteTable, listTables, loadRules } from '../nft.ts';
import { offloadsOff, unproven } from '../pairs.ts';
import { readCounters, type ActiveCounters } from './counters.ts';
import { bridgePortFaults, checkActiveDevice, guardNic, joinBridge, releaseNic, viaOf } from './devices.ts';
import { loadProven, tableFaults } from './proof.ts';
import { allowedElements, type Destination } from './ranges.ts';
import {
  deviceTable,
  listRecords,
  portNames,
  readRecord,
  removeRecord,
  writeRecord,
  type ActivePortName,
  type ActivePortWanted,
  type PortRecord,
  type ProvenTable,
} from './record.ts';
import { destinationsText, portText } from './rules.ts';

/** One active interface that stands. */
export interface ActivePort {
  hostEnd: string;
  containerEnd: string;
  mac: string;
  /** True: made now, so a running container must be started again to get its end. */
  created: boolean;
}

/** What an active interface did, and what it was refused. */
export interface ActivePortState extends ActiveCounters, ActivePortName {
  kind: 'dedicated' | 'bridged';
  device: string;
  vlan?: number | undefined;
  hostEnd: string;
  mac: string;
  up: boolean;
  faults: string[];
}

/**
 * The active interfaces of a sensor: veth pairs of our own whose host ends are either bound to one network interface in the
 * kernel, or ports of a bridge, and pass only what is allowed.
 *
 * INVARIANTS: the caller runs changes one at a time. A host end, and a network interface behind it, is up only while its rules
 * were read back from the kernel. What stands and is as wanted is left alone. A set of destinations changes as a whole, in one
 * transaction.
 */
export class ActivePorts {
  readonly #site: Site;
  readonly #log: Logger;
  readonly #made = new Map<string, number>();

  constructor(site: Site, log: Logger) {
    this.#site = site;
    this.#log = log;
  }

  /**
   * Makes the pair and its way out, or adopts it; destinations are empty until {@link allow}.
   * @param monitors devices that must never be used
   * @throws BulkheadError NETWORK_ACTIVE_REFUSED, NETWORK_VLAN_MISSING, NETWORK_GUARD_UNPROVEN
   */
  async ensure(wanted: ActivePortWanted, monitors: readonly string[]): Promise<ActivePort> {
    const device = await checkActiveDevice(wanted, monitors);
    const names = portNames(this.#site, wanted);
    const record = await readRecord(this.#site, names.hostEnd);
    const link = await findLink(names.hostEnd);
    if (record !== undefined && link !== undefined && isSame(record, wanted)) {
      const [state] = await this.states([record]);
      if (state?.faults.length === 0) {
        await this.#prepareContainerEnd(record, device.mtu);
        if (!state.up) await this.#raise(record);
        return { ...names, mac: record.mac, created: false };
      }
    } else if (record !== undefined) {
      await this.#release(record);
    }
    return this.#make(wanted, device.mtu, device.address ?? '');
  }

  /** Takes an instrument's active interface away, or all: the link first, its rules last. Quiet when there is none. */
  async remove(instrument: string, port?: string): Promise<void> {
    for (const record of await listRecords(this.#site))
      if (record.instrument === instrument && (port ?? record.port) === record.port)
        await this.#release(record);
  }

  /** How often this process made an interface; its destinations are empty each time. */
  made(name: ActivePortName): number {
    return this.#made.get(portNames(this.#site, name).hostEnd) ?? 0;
  }

  /**
   * Makes exactly these destinations reachable, at once and for connections that stand too.
   * @returns false when there is no such interface now
   */
  async allow(
    name: ActivePortName,
    destinations: readonly Destination[],
    addressesOf: (name: string) => readonly string[],
  ): Promise<boolean> {
    const { hostEnd, table } = portNames(this.#site, name);
    const record = await readRecord(this.#site, hostEnd);
    if (record === undefined || record.tables.length === 0) return false;
    const own = (await listLinks()).flatMap(({ addr_info }) => addr_info.flatMap(({ local }) => local ?? []));
    const elements = allowedElements(destinations, addressesOf, own);
    await loadRules(destinationsText(table, elements));
    return true;
  }

  /** Whether each active interface stands as it was made. */
  async states(records?: readonly PortRecord[]): Promise<(GuardState & ActivePortName)[]> {
    const known = records ?? (await listRecords(this.#site));
    if (known.length === 0) return [];
    const [links, tables] = await Promise.all([listLinks(), listTables()]);
    return known.map((record) => {
      const link = links.find((one) => one.ifname === record.hostEnd);
      const via = links.find((one) => one.ifname === record.via);
      const faults = record.tables.flatMap((proven) => tableFaults(proven, tables, links));
      if (record.tables.length === 0) faults.push('its rules were never proven');
      if (link !== undefined && record.kind === 'bridged')
        faults.push(
          ...bridgePortFaults(
            link,
            links.find((one) => one.ifname === record.device),
          ),
        );
      const nicUp = record.kind === 'dedicated' && via !== undefined && isUp(via);
      return {
        kind: 'guard' as const,
        device: record.hostEnd,
        instrument: record.instrument,
        port: record.port,
        up: (link !== undefined && isUp(link)) || (nicUp && faults.length > 0),
        faults,
      };
    });
  }

  /** Takes the host end down, and a network interface behind it; a bridge is the machine's. */
  async close(hostEnd: string): Promise<void> {
    await linkDown(hostEnd);
    const record = await readRecord(this.#site, hostEnd);
    if (record?.kind === 'dedicated') await linkDown(record.via);
  }

  /** Counters of every active interface and the destinations that were refused last. */
  async report(): Promise<ActivePortState[]> {
    const records = await listRecords(this.#site);
    const states = await this.states(records);
    return Promise.all(
      records.map(async (record, index) => ({
        instrument: record.instrument,
        port: record.port,
        kind: record.kind,
        device: record.device,
        vlan: record.vlan,
        hostEnd: record.hostEnd,
        mac: record.mac,
        up: states[index]?.up ?? false,
        faults: states[index]?.faults ?? [],
        ...(await readCounters(portNames(this.#site, record).table)),
      })),
    );
  }

  async #make(wanted: ActivePortWanted, mtu: number, deviceMac: string): Promise<ActivePort> {
    const at = this.#site;
    const names = portNames(at, wanted);
    const via = await viaOf(at, wanted);
    // Alone behind a network interface, an instrument speaks as that interface does: what the switch and its lists know.
    const mac = wanted.kind === 'dedicated' ? deviceMac : await ownMac(at, wanted);
    let link = await findLink(names.hostEnd);
    const created = link === undefined;
    if (link === undefined) {
      await deleteLink(names.containerEnd);
      await ipBatch([
        `link add ${names.hostEnd} mtu ${String(mtu)} type veth peer name ${names.containerEnd} mtu ${String(mtu)}`,
        `link set dev ${names.hostEnd} addrgenmode none`,
        // A bridge takes the lowest address of its ports as its own: this one is the highest.
        `link set dev ${names.hostEnd} address fe:${mac.slice(3)}`,
        `link set dev ${names.containerEnd} addrgenmode none`,
      ]);
      await Promise.all([offloadsOff(names.hostEnd, this.#log), offloadsOff(names.containerEnd, this.#log)]);
      link = await findLink(names.hostEnd);
    } else {
      await linkDown(names.hostEnd);
    }
    if (link === undefined) throw unproven(names.hostEnd, ['it vanished while it was made']);
    const record: PortRecord = {
      instrument: wanted.instrument,
      port: wanted.port,
      kind: wanted.kind,
      device: wanted.device,
      ...(wanted.vlan === undefined ? {} : { vlan: wanted.vlan }),
      via,
      hostEnd: names.hostEnd,
      containerEnd: names.containerEnd,
      mac,
      address: wanted.address,
      tables: [],
    };
    await writeRecord(at, record); // from here on it can be taken away again, whatever happens
    const place = { table: names.table, device: names.hostEnd, ifindex: link.ifindex };
    const text = portText({
      ...place,
      mac,
      address: wanted.address.replace(/\/.*$/, ''),
      ...(wanted.kind === 'dedicated' ? { forwardTo: via } : {}),
    });
    await setIpv6Disabled(names.hostEnd, true);
    const tables: ProvenTable[] = [await loadProven(text, place)];
    if (wanted.kind === 'dedicated')
      tables.push(...(await guardNic(at, wanted, via, names.hostEnd, this.#log)));
    else tables.push(...(await joinBridge(at, wanted, names.hostEnd, mac)));
    const proven = { ...record, tables };
    await writeRecord(at, proven);
    const [state] = await this.states([proven]);
    if (state === undefined || state.faults.length > 0) throw unproven(names.hostEnd, state?.faults ?? []);
    await this.#prepareContainerEnd(proven, mtu);
    await this.#raise(proven);
    this.#made.set(names.hostEnd, this.made(wanted) + 1);
    this.#log.info(
      { instrument: wanted.instrument, port: wanted.port, device: wanted.device, kind: wanted.kind },
      'active interface made',
    );
    return { ...names, mac, created };
  }

  async #raise(record: PortRecord): Promise<void> {
    await setIpv6Disabled(record.hostEnd, true);
    if (record.kind === 'dedicated') await run('ip', ['link', 'set', 'dev', record.via, 'up']);
    await run('ip', ['link', 'set', 'dev', record.hostEnd, 'up']);
  }

  /** While the container end lies in the host's namespace it must stay silent; its address is what the rules let through. */
  async #prepareContainerEnd(record: PortRecord, mtu: number): Promise<void> {
    if ((await findLink(record.containerEnd)) === undefined) return; // inside its container
    await setIpv6Disabled(record.containerEnd, true);
    await ipBatch([`link set dev ${record.containerEnd} address ${record.mac} mtu ${String(mtu)}`]);
  }

  async #release(record: PortRecord): Promise<void> {
    const at = this.#site;
    await linkDown(record.hostEnd);
    await deleteLink(record.hostEnd);
    await deleteTable(portNames(at, record).table);
    await removeRecord(at, record.hostEnd);
    if (record.kind === 'dedicated') {
      await releaseNic(at, record.device, record.via);
    } else if (!(await listRecords(at)).some(({ device }) => device === record.device)) {
      await deleteTable(deviceTable(at, 'bridge', record.device));
    }
  }
}

function isSame(record: PortRecord, wanted: ActivePortWanted): boolean {
  return (
    record.kind === wanted.kind &&
    record.device === wanted.device &&
    record.vlan === wanted.vlan &&
    record.address === wanted.address
  );
}

/** A locally administered address that stays the same for this interface on this machine, and differs on others. */
async function ownMac(at: Site, { instrument, port }: ActivePortName): Promise<string> {
  const machine = await readFile('/etc/machine-id', 'utf8').catch(() => hostname());
  const hash = createHash('sha256')
    .update(`${machine.trim()}/${at.prefix}/${instrument}/${port}`)
    .digest('hex');
  return `02:${(hash.slice(0, 10).match(/../g) ?? []).join(':')}`;
}
