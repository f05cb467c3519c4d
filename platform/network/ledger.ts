import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { linkName, writeFileAtomic, type Site } from '../kernel/index.ts';
import type { Fanout } from './fan-out.ts';
import { GUARD_COUNTERS } from './guard-rules.ts';
import {
  advance,
  generationCounters,
  NO_TOTALS,
  toLedger,
  TotalsSchema,
  type MonitorLedger,
  type RawCounter,
  type Totals,
} from './ledger-math.ts';
import { readStatistics } from './links.ts';
import { monitorTable, type MonitorRecord } from './monitor.ts';
import { listTables } from './nft.ts';
import { tableOfLink } from './names.ts';

/** A packet may wait this long between two stages on a machine whose cores are all taken. */
const UNDER_WAY_MS = 25;
/** So often a loss that is new is looked at again before it is believed. */
const SECOND_LOOKS = 6;

/**
 * Reads every stage's counters and keeps running totals in the run folder, so that they survive a restart of the sensor
 * and the remaking of links.
 *
 * INVARIANTS: callers serialise (Network does). Stages are read from the NIC towards the instruments, so a packet on its
 * way is hardly ever taken for a loss; what is read behind it may still be a moment ahead of a packet that waits for a
 * processor. So a loss that the last reading did not have is believed only when it is still there a little later.
 */
export class Ledger {
  readonly #site: Site;
  readonly #fanout: Pick<Fanout, 'slots'>;

  /** Packets lost by monitor, as the last reading told it. */
  readonly #believed = new Map<string, number>();

  constructor(site: Site, fanout: Pick<Fanout, 'slots'>) {
    this.#site = site;
    this.#fanout = fanout;
  }

  /** Forgets what was counted before now. Called once, when a monitor is attached anew. */
  async prime(monitor: MonitorRecord): Promise<void> {
    await this.#write(monitor.name, advance(NO_TOTALS, await this.#raw(monitor, []), true));
  }

  /** Takes a reading and adds it up. Called at least before anything that counts is removed. */
  async read(monitor: MonitorRecord, hostEnds: readonly string[]): Promise<MonitorLedger> {
    let ledger = await this.#readOnce(monitor, hostEnds);
    for (
      let look = 0;
      look < SECOND_LOOKS && lostIn(ledger) > (this.#believed.get(monitor.name) ?? 0);
      look += 1
    ) {
      await sleep(UNDER_WAY_MS);
      const again = await this.#readOnce(monitor, hostEnds);
      if (lostIn(again) <= lostIn(ledger)) ledger = again;
    }
    this.#believed.set(monitor.name, lostIn(ledger));
    return ledger;
  }

  async #readOnce(monitor: MonitorRecord, hostEnds: readonly string[]): Promise<MonitorLedger> {
    const totals = advance(await this.#totals(monitor.name), await this.#raw(monitor, hostEnds));
    await this.#write(monitor.name, totals);
    return toLedger(monitor.name, monitor.device, totals, hostEnds);
  }

  async #raw(monitor: MonitorRecord, hostEnds: readonly string[]): Promise<RawCounter[]> {
    const raw: RawCounter[] = [];
    const link = async (
      device: string,
      names: Readonly<Record<string, readonly string[]>>,
    ): Promise<void> => {
      const statistics = await readStatistics(device);
      if (statistics === undefined) return;
      const byName = statistics as unknown as Record<string, number>;
      for (const [name, fields] of Object.entries(names)) {
        const value = fields.reduce((sum, field) => sum + (byName[field] ?? 0), 0);
        raw.push({ source: `ifindex-${String(statistics.ifindex)}`, name, value });
      }
    };
    await link(linkName(this.#site, 'j', monitor.name), { injected: ['rx_packets'] });
    await link(monitor.device, {
      'nic.rx': ['rx_packets'],
      'nic.bytes': ['rx_bytes'],
      'nic.lost': ['rx_dropped', 'rx_missed_errors'],
      'nic.missed': ['rx_missed_errors'],
      'nic.errors': ['rx_errors'],
      'nic.tx': ['tx_packets'],
    });
    const tables = await listTables();
    const guard = monitorTable(this.#site, monitor.name);
    for (const name of [GUARD_COUNTERS.egress, GUARD_COUNTERS.forwarded, GUARD_COUNTERS.unforwarded]) {
      const table = tables.get(guard);
      const value = table?.counters.get(name)?.packets;
      if (value !== undefined) raw.push({ source: `${guard} ${table?.comment ?? ''}`, name, value });
    }
    await link(linkName(this.#site, 'i', monitor.name), { 'capture.in': ['tx_packets'] });
    await link(linkName(this.#site, 'o', monitor.name), { 'capture.out': ['rx_packets'] });
    for (const { record, slots } of await this.#fanout.slots(monitor.name)) {
      raw.push(...generationCounters(record, slots));
    }
    for (const hostEnd of hostEnds) {
      await link(hostEnd, {
        [`port.${hostEnd}.delivered`]: ['tx_packets'],
        [`port.${hostEnd}.dropped`]: ['tx_dropped'],
      });
      const table = tables.get(tableOfLink(this.#site, hostEnd));
      const refused = table?.counters.get(GUARD_COUNTERS.refused)?.packets;
      if (refused !== undefined) {
        raw.push({
          source: `${hostEnd} ${table?.comment ?? ''}`,
          name: `port.${hostEnd}.refused`,
          value: refused,
        });
      }
    }
    return raw;
  }

  async #totals(monitor: string): Promise<Totals> {
    const text = await readFile(this.#file(monitor), 'utf8').catch(() => undefined);
    if (text === undefined) return NO_TOTALS;
    try {
      return TotalsSchema.parse(JSON.parse(text));
    } catch {
      // Counting begins anew: a status that cannot be asked for any more would be the greater loss.
      return NO_TOTALS;
    }
  }

  async #write(monitor: string, totals: Totals): Promise<void> {
    await mkdir(join(this.#site.runDir, 'network', monitor), { recursive: true, mode: 0o700 });
    await writeFileAtomic(this.#file(monitor), JSON.stringify(totals));
  }

  #file(monitor: string): string {
    return join(this.#site.runDir, 'network', monitor, 'totals.json');
  }
}

function lostIn({ lost }: MonitorLedger): number {
  return lost.reduce((sum, { packets }) => sum + packets, 0);
}
