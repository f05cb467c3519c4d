import { z } from 'zod';
import { EVERYONE_SLOT_LIMIT, OVERSIZE_SLOT, UNDECIDED_SLOTS } from './slots.ts';
import { receivers } from './fan-out-plan.ts';
import type { GenerationRecord } from './fan-out-generation.ts';

/** A counter as the kernel shows it; `source` is one incarnation of the thing that counts (a link, a generation). */
export interface RawCounter {
  source: string;
  name: string;
  value: number;
}

/** Running totals that survive links and generations being made anew. */
export interface Totals {
  /** Last raw value by `<source> <name>`. */
  last: Record<string, number>;
  total: Record<string, number>;
}

/** As they are kept in the run folder. */
export const TotalsSchema = z.object({
  last: z.record(z.string(), z.number()),
  total: z.record(z.string(), z.number()),
});

const MAX_REMEMBERED = 20_000;

export const NO_TOTALS: Totals = Object.freeze({ last: {}, total: {} });

/**
 * Adds what was counted since the last reading. A counter that went back was made anew and counts from 0.
 * @param prime only remember the values: what was counted before the monitor was attached is not ours.
 */
export function advance(before: Totals, raw: readonly RawCounter[], prime = false): Totals {
  // A source that could not be read this time keeps its value, else it would be counted again. Bounded: forget when many.
  const last: Record<string, number> =
    Object.keys(before.last).length > MAX_REMEMBERED ? {} : { ...before.last };
  const total = { ...before.total };
  for (const counter of raw) {
    const key = `${counter.source} ${counter.name}`;
    const previous = before.last[key] ?? 0; // from the whole memory: forgetting must not count twice in this step
    const delta = prime ? 0 : counter.value >= previous ? counter.value - previous : counter.value;
    last[key] = counter.value;
    total[counter.name] = (total[counter.name] ?? 0) + delta;
  }
  return { last, total };
}

/** Counters of one generation of the packet program, in the words of the ledger. */
export function generationCounters(record: GenerationRecord, slots: readonly number[]): RawCounter[] {
  const source = `generation-${String(record.generation)}`;
  const sums = new Map<string, number>();
  const add = (name: string, value: number): void => {
    sums.set(name, (sums.get(name) ?? 0) + value);
  };
  add('fanout.input', 0);
  for (const port of record.ports) add(`port.${port.hostEnd}.wanted`, 0);
  slots.forEach((value, slot) => {
    if (value === 0) return;
    add('fanout.input', value);
    if (slot === OVERSIZE_SLOT) {
      add('fanout.oversize', value);
      return;
    }
    const decided = slot < EVERYONE_SLOT_LIMIT;
    if (!decided) add(`fanout.undecided.${UNDECIDED_SLOTS[slot] ?? 'unknown'}`, value);
    const set = decided ? slot : 0xff;
    record.filters.forEach((list, bit) => {
      const outcome = !decided ? 'undecided' : (set & (1 << bit)) === 0 ? 'filtered' : 'matched';
      add(`filter.${list.join('+')}.${outcome}`, value);
    });
    for (const hostEnd of receivers(
      record.ports.map((port) => ({ hostEnd: port.hostEnd, filter: port.filter })),
      set,
    )) {
      add(`port.${hostEnd}.wanted`, value);
    }
  });
  return [...sums].map(([name, value]) => ({ source, name, value }));
}

/** Packets that were lost between two neighbouring counters, and where. */
export interface Loss {
  stage:
    'nic' | 'monitor' | 'capture-in' | 'capture-engine' | 'fan-out' | 'oversize' | 'clone' | 'mirror-port';
  packets: number;
  /** Host end of the mirror port, where there is one. */
  port?: string;
}

/** What the ledger says of one monitor interface, all since it was attached. */
export interface MonitorLedger {
  monitor: string;
  device: string;
  /** `missed` is the part of `lost` that the NIC itself had no room for. */
  nic: { rxPackets: number; rxBytes: number; lost: number; missed: number; rxErrors: number };
  /** Frames that the NIC sent on the wire: 0, or the guard failed. */
  framesOnWire: number;
  /** Frames that something on this host tried to send, stopped by the egress rule. */
  egressDropped: number;
  /** Detection checks put into the receive path. */
  injected: number;
  /** Arrived while no capture engine was linked; dropped, and counted as lost. */
  unforwarded: number;
  forwarded: number;
  capture: { in: number; out: number };
  fanout: {
    input: number;
    oversize: number;
    /** Passed to every port because no filter could decide, by reason. */
    undecided: Record<string, number>;
    filters: { ports: number[]; matched: number; filtered: number; undecided: number }[];
  };
  ports: {
    hostEnd: string;
    /** Clones that the fan-out owed this port, and those that reached the container's end. */
    wanted: number;
    delivered: number;
    dropped: number;
    /** Frames that the container tried to send; all refused. */
    refused: number;
  }[];
  lost: Loss[];
}

/** Turns totals into the ledger. Packets between two readings count as under way, not as lost, so nothing is negative. */
export function toLedger(
  monitor: string,
  device: string,
  totals: Totals,
  hostEnds: readonly string[],
): MonitorLedger {
  const value = (name: string): number => totals.total[name] ?? 0;
  const named = (prefix: string): [string, number][] =>
    Object.entries(totals.total).flatMap(([name, count]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), count] as [string, number]] : [],
    );
  const filters = new Map<
    string,
    { ports: number[]; matched: number; filtered: number; undecided: number }
  >();
  for (const [rest, count] of named('filter.')) {
    const [key = '', outcome] = rest.split('.');
    const entry = filters.get(key) ?? {
      ports: key.split('+').map(Number),
      matched: 0,
      filtered: 0,
      undecided: 0,
    };
    if (outcome === 'matched' || outcome === 'filtered' || outcome === 'undecided') entry[outcome] += count;
    filters.set(key, entry);
  }
  const ports = hostEnds.map((hostEnd) => ({
    hostEnd,
    wanted: value(`port.${hostEnd}.wanted`),
    delivered: value(`port.${hostEnd}.delivered`),
    dropped: value(`port.${hostEnd}.dropped`),
    refused: value(`port.${hostEnd}.refused`),
  }));
  const received = value('nic.rx') + value('injected');
  const hooked = value('forwarded') + value('unforwarded');
  const lost: Loss[] = [
    { stage: 'nic', packets: value('nic.lost') },
    { stage: 'monitor', packets: received - hooked + value('unforwarded') },
    { stage: 'capture-in', packets: value('forwarded') - value('capture.in') },
    { stage: 'capture-engine', packets: value('capture.in') - value('capture.out') },
    { stage: 'fan-out', packets: value('capture.out') - value('fanout.input') },
    { stage: 'oversize', packets: value('fanout.oversize') },
    ...ports.flatMap((port): Loss[] => [
      { stage: 'clone', port: port.hostEnd, packets: port.wanted - port.delivered - port.dropped },
      { stage: 'mirror-port', port: port.hostEnd, packets: port.dropped },
    ]),
  ];
  return {
    monitor,
    device,
    nic: {
      rxPackets: value('nic.rx'),
      rxBytes: value('nic.bytes'),
      lost: value('nic.lost'),
      missed: value('nic.missed'),
      rxErrors: value('nic.errors'),
    },
    framesOnWire: value('nic.tx'),
    egressDropped: value('egress'),
    injected: value('injected'),
    unforwarded: value('unforwarded'),
    forwarded: value('forwarded'),
    capture: { in: value('capture.in'), out: value('capture.out') },
    fanout: {
      input: value('fanout.input'),
      oversize: value('fanout.oversize'),
      undecided: Object.fromEntries(named('fanout.undecided.')),
      filters: [...filters.values()],
    },
    ports,
    lost: lost.filter((loss) => loss.packets > 0),
  };
}
