import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, linkName, openLog, type Logger, type Site } from '../kernel/index.ts';
import type { MirrorFilter } from '../contracts/index.ts';
import { ActivePorts, type ActivePort, type ActivePortState } from './active/active.ts';
import type { Destination } from './active/ranges.ts';
import type { ActivePortName, ActivePortWanted } from './active/record.ts';
import { gatherDeviceFacts, judgeDevice, type DeviceVerdict } from './device-check.ts';
import { Fanout, type FanoutResult } from './fan-out.ts';
import type { FanoutPort } from './fan-out-plan.ts';
import { watchGuards } from './guard-watch.ts';
import { inspect, inspectGuards, type GuardState, type NetworkState } from './inspect.ts';
import { ensureCheckPair, requireCheckFrame, sendFrame } from './inject.ts';
import { Ledger } from './ledger.ts';
import type { MonitorLedger } from './ledger-math.ts';
import { findLink, linkDown, listLinks } from './links.ts';
import {
  attach,
  detach,
  listMonitors,
  pointAtCapture,
  readMonitor,
  requireMonitor,
  type AttachResult,
  type MonitorRecord,
} from './monitor.ts';
import { parseLinkName, portKey, tableOfLink } from './names.ts';
import { ensurePair, removePair, type Pair } from './pairs.ts';
import { removeEverything } from './remove-all.ts';
import { Serial } from './serial.ts';

export interface CaptureLinks {
  inHost: string;
  inContainer: string;
  outHost: string;
  outContainer: string;
  /** True: at least one pair was made now, so a running capture engine must be started again to get its ends. */
  created: boolean;
}

export interface MirrorPort {
  hostEnd: string;
  containerEnd: string;
  created: boolean;
}

/** Which mirror port: an instrument's name and the interface name of its manifest. */
export interface PortName {
  instrument: string;
  port: string;
}

/** The ledger of every attached monitor interface. */
export interface LedgerCounters {
  /** ISO 8601. */
  time: string;
  monitors: MonitorLedger[];
}

/**
 * The packet paths of one sensor.
 *
 * INVARIANTS: changes run one at a time, in the order of the calls; reads that take counters join that queue. Every link is
 * raised only after its guard was read back from the kernel. Everything is found again from names in the kernel and the
 * records below `runDir/network`, so a second Network (a restarted sensor) continues where the first stopped, and does not
 * touch what is intact.
 */
export class Network {
  readonly #site: Site;
  readonly #log: Logger;
  readonly #serial = new Serial();
  readonly #fanout: Fanout;
  readonly #ledger: Ledger;
  readonly #active: ActivePorts;

  constructor(site: Site, log: Logger) {
    this.#site = site;
    this.#log = log;
    this.#fanout = new Fanout(site, log, async (monitor) => {
      const record = await readMonitor(site, monitor);
      if (record !== undefined) await this.#readLedger(record);
    });
    this.#ledger = new Ledger(site, this.#fanout);
    this.#active = new ActivePorts(site, log);
  }

  /** May this device be a monitor interface? Says why not, in words. Changes nothing. */
  async checkDevice(device: string): Promise<DeviceVerdict> {
    const ours = (await listMonitors(this.#site)).some((record) => record.device === device);
    return judgeDevice(device, await gatherDeviceFacts(device, ours));
  }

  /**
   * Makes `device` the monitor interface `name`: it cannot transmit from before it is up. Interrupts nothing when it is one
   * already.
   * @throws BulkheadError NETWORK_DEVICE_REFUSED (nothing was changed), NETWORK_GUARD_UNPROVEN (it is down).
   */
  async attachMonitor(wanted: { name: string; device: string }): Promise<AttachResult> {
    const verdict = await this.checkDevice(wanted.device);
    if (!verdict.ok) {
      throw new BulkheadError({
        code: 'NETWORK_DEVICE_REFUSED',
        message: `${wanted.device} cannot be the monitor interface ${wanted.name}: ${verdict.reason}.`,
        hint: 'Choose a device that only receives mirrored traffic; nothing was changed.',
        fields: { device: wanted.device, monitor: wanted.name },
      });
    }
    return this.#serial.run(async () => {
      const known = await readMonitor(this.#site, wanted.name);
      if (known !== undefined && known.device !== wanted.device) await this.#detach(known);
      const fresh = await readMonitor(this.#site, wanted.name);
      const result = await attach(this.#site, wanted.name, wanted.device, this.#log);
      const record = await requireMonitor(this.#site, wanted.name);
      await ensureCheckPair(this.#site, wanted.name, wanted.device, this.#log);
      if (fresh?.ifindex !== record.ifindex) await this.#ledger.prime(record);
      return result;
    });
  }

  /** Releases a monitor interface and gives back what was found; the device stays down. Quiet when it is not attached. */
  async detachMonitor(name: string): Promise<void> {
    await this.#serial.run(async () => {
      const record = await readMonitor(this.#site, name);
      if (record !== undefined) await this.#detach(record);
    });
  }

  /**
   * The links to and from the capture engine's container. The container ends are in the host's namespace until LXD moves
   * them (`in0`, `out0`).
   */
  async captureLinks(monitor: string): Promise<CaptureLinks> {
    return this.#serial.run(async () => {
      const record = await requireMonitor(this.#site, monitor);
      const input = this.#pair('i', 'I', monitor);
      const output = this.#pair('o', 'O', monitor);
      const [inputState, outputState] = [
        await ensurePair(input, this.#log),
        await ensurePair(output, this.#log),
      ];
      await pointAtCapture(this.#site, record);
      await this.#fanout.refresh(monitor, output.host);
      return {
        inHost: input.host,
        inContainer: input.container,
        outHost: output.host,
        outContainer: output.container,
        created: inputState.created || outputState.created,
      };
    });
  }

  /**
   * The pair of one mirror port, guarded. It gets packets when {@link setFanout} names it; one that was named and is made
   * anew gets them at once.
   */
  async mirrorPort(wanted: PortName & { monitor: string; filter: MirrorFilter }): Promise<MirrorPort> {
    return this.#serial.run(async () => {
      const pair = this.#pair('m', 'c', portKey(wanted.instrument, wanted.port));
      const { created } = await ensurePair(pair, this.#log);
      await this.#fanout.refresh(wanted.monitor, linkName(this.#site, 'o', wanted.monitor));
      return { hostEnd: pair.host, containerEnd: pair.container, created };
    });
  }

  /** Takes a mirror port out of its fan-out, then away. Other ports lose nothing. Quiet when it is not there. */
  async removeMirrorPort(port: PortName): Promise<void> {
    await this.#serial.run(async () => {
      const pair = this.#pair('m', 'c', portKey(port.instrument, port.port));
      for (const record of await listMonitors(this.#site)) {
        await this.#readLedger(record);
        await this.#fanout.drop(record.name, linkName(this.#site, 'o', record.name), pair.host);
      }
      await removePair(pair);
    });
  }

  /**
   * The pair of one active interface, bound to its device, with no destination yet; one that stands as wanted goes on.
   * @throws BulkheadError NETWORK_ACTIVE_REFUSED, NETWORK_VLAN_MISSING, NETWORK_GUARD_UNPROVEN
   */
  async activePort(wanted: ActivePortWanted): Promise<ActivePort> {
    return this.#serial.run(async () =>
      this.#active.ensure(
        wanted,
        (await listMonitors(this.#site)).map(({ device }) => device),
      ),
    );
  }

  /** Takes an active interface of an instrument away, or all that it has. Quiet when there is none. */
  async removeActivePorts(instrument: string, port?: string): Promise<void> {
    await this.#serial.run(() => this.#active.remove(instrument, port));
  }

  /** Goes up each time when an active interface is made anew, and so has no destinations; 0 = not by this process. */
  madeActivePort(port: ActivePortName): number {
    return this.#active.made(port);
  }

  /** See {@link ActivePorts.allow}. */
  async allowDestinations(
    port: ActivePortName,
    destinations: readonly Destination[],
    addressesOf: (name: string) => readonly string[],
  ): Promise<boolean> {
    return this.#serial.run(() => this.#active.allow(port, destinations, addressesOf));
  }

  /** Counters and refused destinations of every active interface. */
  async activePorts(): Promise<ActivePortState[]> {
    return this.#active.report();
  }

  /** Makes the fan-out of a monitor serve exactly these ports. See {@link Fanout.set} for the errors. */
  async setFanout(monitor: string, ports: readonly FanoutPort[]): Promise<FanoutResult> {
    return this.#serial.run(async () => {
      await requireMonitor(this.#site, monitor);
      return this.#fanout.set(monitor, linkName(this.#site, 'o', monitor), ports);
    });
  }

  /** What stands in the kernel, and whether each guard is intact. */
  async inspect(): Promise<NetworkState> {
    const [state, active] = await Promise.all([inspect(this.#site, this.#fanout), this.#active.states()]);
    return { ...state, hostEnds: [...state.hostEnds, ...active] };
  }

  /** Every packet accounted for, or shown as lost and where. Totals since the monitor was attached. */
  async ledger(): Promise<LedgerCounters> {
    return this.#serial.run(async () => {
      const monitors: MonitorLedger[] = [];
      for (const record of await listMonitors(this.#site)) monitors.push(await this.#readLedger(record));
      return { time: new Date().toISOString(), monitors };
    });
  }

  /**
   * Puts a detection check into the receive path of a monitor interface, as if it had come from the wire; nothing is sent.
   * @throws BulkheadError NETWORK_INJECT_REFUSED, NETWORK_MONITOR_UNKNOWN
   */
  async inject(monitor: string, frame: Buffer): Promise<void> {
    requireCheckFrame(frame);
    await this.#serial.run(async () => {
      const record = await requireMonitor(this.#site, monitor);
      const link = await ensureCheckPair(this.#site, monitor, record.device, this.#log);
      await sendFrame(this.#site, link, frame);
    });
  }

  /**
   * Watches every guard until `signal` aborts. When one is lost, its link goes down first; then `onLost` is called, once
   * for each new fault.
   */
  async guard(signal: AbortSignal, onLost: (lost: GuardState) => void | Promise<void>): Promise<void> {
    await watchGuards(
      {
        // In the queue: a guard that is just being replaced is not a lost one.
        states: () =>
          this.#serial.run(async () => [
            ...(await this.#active.states()),
            ...(await inspectGuards(this.#site, this.#fanout)),
          ]),
        close: (state) => this.#serial.run(() => this.#close(state.device)),
      },
      signal,
      onLost,
      this.#log,
    );
  }

  /** Removes every link, rule, program and pin of this site, also those of a crashed sensor, and releases the devices. */
  async removeAll(): Promise<void> {
    await this.#serial.run(() => removeEverything(this.#site));
  }

  #pair(host: 'i' | 'o' | 'm', container: 'I' | 'O' | 'c', key: string): Pair {
    const name = linkName(this.#site, host, key);
    return {
      host: name,
      container: linkName(this.#site, container, key),
      table: tableOfLink(this.#site, name),
    };
  }

  async #close(device: string): Promise<void> {
    if (parseLinkName(this.#site, device)?.role === 'a') {
      await this.#active.close(device);
      return;
    }
    if (parseLinkName(this.#site, device)?.role === 'm') {
      for (const record of await listMonitors(this.#site)) {
        await this.#fanout.drop(record.name, linkName(this.#site, 'o', record.name), device);
      }
    }
    await linkDown(device);
  }

  async #readLedger(record: MonitorRecord): Promise<MonitorLedger> {
    return this.#ledger.read(record, await this.#portsOf(record.name));
  }

  /** Host ends that some generation of this monitor's fan-out serves or served, and that still exist. */
  async #portsOf(monitor: string): Promise<string[]> {
    const links = new Set((await listLinks()).map((link) => link.ifname));
    const served = (await this.#fanout.slots(monitor)).flatMap(({ record }) =>
      record.ports.map((p) => p.hostEnd),
    );
    return [...new Set(served)].filter((hostEnd) => links.has(hostEnd)).sort();
  }

  async #detach(record: MonitorRecord): Promise<void> {
    const out = linkName(this.#site, 'o', record.name);
    if ((await findLink(out)) !== undefined) await this.#fanout.remove(record.name, out);
    await detach(this.#site, record);
    for (const role of ['i', 'o', 'j', 'k'] as const) {
      const host = linkName(this.#site, role, record.name);
      await removePair({ host, table: tableOfLink(this.#site, host) });
    }
    await rm(join(this.#site.runDir, 'bpf', record.name), { recursive: true, force: true });
  }
}

/** Opens the network room. Touches nothing until it is asked to. */
export function openNetwork(init: { site: Site; log?: Logger }): Network {
  return new Network(init.site, init.log ?? openLog('network'));
}
