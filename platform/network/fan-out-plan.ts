import { BulkheadError } from '../kernel/index.ts';
import type { MirrorFilter } from '../contracts/index.ts';

/** One mirror port in a fan-out. */
export interface FanoutPort {
  /** Link whose other end is in the instrument's container. */
  hostEnd: string;
  filter: MirrorFilter;
}

/** Sets of filters are bytes: bit n = filter n matched. */
const EVERYONE = 0xff;
const MAX_FILTERS = 8;
const MAX_PORTS = 64;

/** What the packet program is filled with. */
export interface FanoutPlan {
  ports: { hostEnd: string; filter: number | undefined }[];
  /** Distinct port lists, sorted; the index is the bit. */
  filters: number[][];
  /** Set of matching filters -> host ends that get a clone. Every set that can occur, and {@link EVERYONE}. */
  targets: Map<number, string[]>;
  /** High byte of a TCP/UDP port -> 256 sets of filters, for each low byte. Blocks that are all zero are left out. */
  blocks: Map<number, Uint8Array>;
}

/**
 * Compiles mirror ports to the tables of the packet program. Pure.
 * @throws BulkheadError NETWORK_FILTERS_TOO_MANY, NETWORK_PORTS_TOO_MANY
 */
export function planFanout(wanted: readonly FanoutPort[]): FanoutPlan {
  if (wanted.length > MAX_PORTS) {
    throw new BulkheadError({
      code: 'NETWORK_PORTS_TOO_MANY',
      message: `${String(wanted.length)} mirror ports on one monitor interface; at most ${String(MAX_PORTS)} can be served.`,
    });
  }
  const keys = [
    ...new Set(wanted.flatMap((port) => (port.filter === 'all' ? [] : [keyOf(port.filter.ports)]))),
  ].sort();
  if (keys.length > MAX_FILTERS) {
    throw new BulkheadError({
      code: 'NETWORK_FILTERS_TOO_MANY',
      message: `${String(keys.length)} distinct filters on one monitor interface; at most ${String(MAX_FILTERS)} can be evaluated.`,
    });
  }
  const filters = keys.map((key) => key.split(',').map(Number));
  const ports = [...wanted]
    .sort((a, b) => (a.hostEnd < b.hostEnd ? -1 : 1))
    .map((port) => ({
      hostEnd: port.hostEnd,
      filter: port.filter === 'all' ? undefined : keys.indexOf(keyOf(port.filter.ports)),
    }));
  const setOf = new Map<number, number>();
  filters.forEach((list, bit) => {
    for (const port of list) setOf.set(port, (setOf.get(port) ?? 0) | (1 << bit));
  });
  // A packet matches by its source or its destination port, so the union of any two sets can occur.
  const single = [0, ...new Set(setOf.values())];
  const sets = new Set([EVERYONE, ...single.flatMap((a) => single.map((b) => a | b))]);
  const blocks = new Map<number, Uint8Array>();
  for (const [port, set] of setOf) {
    const block = blocks.get(port >> 8) ?? new Uint8Array(256);
    block[port & 0xff] = set;
    blocks.set(port >> 8, block);
  }
  return {
    ports,
    filters,
    targets: new Map([...sets].sort((a, b) => a - b).map((set) => [set, receivers(ports, set)])),
    blocks,
  };
}

/** Host ends that get a packet for which exactly the filters of `set` matched. */
export function receivers(ports: FanoutPlan['ports'], set: number): string[] {
  return ports
    .filter((port) => port.filter === undefined || (set & (1 << port.filter)) !== 0)
    .map((p) => p.hostEnd);
}

/** Order and repeats of a port list do not make it another filter. */
function keyOf(list: readonly number[]): string {
  return [...new Set(list)].sort((a, b) => a - b).join(',');
}
