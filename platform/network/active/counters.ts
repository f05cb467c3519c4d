import { z } from 'zod';
import { run } from '../../kernel/index.ts';
import { ACTIVE_COUNTERS, type ActiveCounter } from './rules.ts';

/** Packets and bytes since the interface was made. */
export interface Count {
  packets: number;
  bytes: number;
}

/** A destination that was tried and is not allowed. */
export interface RefusedDestination {
  address: string;
  protocol: string;
  port: number;
  packets: number;
}

/** What one active interface counted. */
export interface ActiveCounters {
  counts: Record<ActiveCounter, Count>;
  /** Tried within the last hour, most often first; at most 128. */
  refusedDestinations: RefusedDestination[];
  /** Its addresses: the configured one, or what a DHCP server gave. */
  addresses: string[];
  /** How many ranges of addresses and ports it may reach. */
  allowed: number;
}

const ElementSchema = z.union([z.string(), z.object({ elem: z.object({ val: z.unknown() }) })]);
const RefusedSchema = z.object({
  elem: z.object({
    val: z.object({ concat: z.tuple([z.string(), z.union([z.string(), z.int()]), z.int()]) }),
    counter: z.object({ packets: z.int() }).optional(),
  }),
});
const EntrySchema = z.object({
  counter: z.object({ name: z.string(), packets: z.int(), bytes: z.int() }).optional(),
  set: z.object({ name: z.string(), elem: z.array(z.unknown()).optional() }).optional(),
});

/** Reads the counters and sets of an active interface's table; zeros when it is gone. */
export async function readCounters(table: string): Promise<ActiveCounters> {
  const counts = Object.fromEntries(
    Object.keys(ACTIVE_COUNTERS).map((name) => [name, { packets: 0, bytes: 0 }]),
  ) as Record<ActiveCounter, Count>;
  const result: ActiveCounters = { counts, refusedDestinations: [], addresses: [], allowed: 0 };
  const { stdout, exitCode } = await run('nft', ['-j', 'list', 'table', 'netdev', table], {
    allowFailure: true,
    maxOutputBytes: 16 << 20,
  });
  if (exitCode !== 0) return result;
  const { nftables } = z.object({ nftables: z.array(z.unknown()) }).parse(JSON.parse(stdout));
  for (const row of nftables) {
    const { counter, set } = EntrySchema.parse(row);
    if (counter !== undefined && counter.name in counts)
      counts[counter.name as ActiveCounter] = { packets: counter.packets, bytes: counter.bytes };
    if (set?.name === 'refused_to') result.refusedDestinations = refusedOf(set.elem ?? []);
    if (set?.name === 'own') result.addresses = (set.elem ?? []).flatMap(addressOf);
    if (set?.name === 'allowed') result.allowed = set.elem?.length ?? 0;
  }
  return result;
}

function refusedOf(elements: readonly unknown[]): RefusedDestination[] {
  return elements
    .flatMap((element) => {
      const parsed = RefusedSchema.safeParse(element);
      if (!parsed.success) return [];
      const [address, protocol, port] = parsed.data.elem.val.concat;
      const packets = parsed.data.elem.counter?.packets ?? 0;
      return [{ address, protocol: String(protocol), port, packets }];
    })
    .sort((a, b) => b.packets - a.packets);
}

function addressOf(element: unknown): string[] {
  const parsed = ElementSchema.safeParse(element);
  if (!parsed.success) return [];
  const value = typeof parsed.data === 'string' ? parsed.data : parsed.data.elem.val;
  return typeof value === 'string' ? [value] : [];
}
