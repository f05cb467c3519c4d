import { z } from 'zod';
import { MAX_DIRECTIONS, VLAN_MEMORY_S } from './feed-rules.ts';

/** What the traffic of one interface looks like. Counters grow since `since`; everything else is of the last `windowS`. */
export interface FeedReport {
  interface: string;
  /** Changes when the counters begin anew. */
  since: string;
  windowS: number;
  packets: number;
  /** VLAN ids with the seconds since each was last seen. Those not seen for an hour are left out. */
  vlans: { id: number; agoS: number }[];
  /** Conversations that are observed are one in so many. */
  oneIn: number;
  /** Those seen in the window, and how many of them in one direction only; undefined while that cannot be told. */
  conversations?: { total: number; oneSided: number };
  duplicates: { sampled: number; seen: number };
}

const ElementSchema = z.union([
  z.object({ elem: z.object({ val: z.unknown(), expires: z.number().optional() }) }),
  z.unknown(),
]);
const ListSchema = z.object({
  nftables: z.array(
    z.object({
      set: z.object({ name: z.string(), elem: z.array(ElementSchema).default([]) }).optional(),
      counter: z.object({ name: z.string(), packets: z.number() }).optional(),
      chain: z.object({ name: z.string() }).optional(),
    }),
  ),
});

/** What stands in the table `feed`. */
export interface FeedState {
  chains: ReadonlySet<string>;
  sets: ReadonlyMap<string, readonly { value: unknown; expiresS: number }[]>;
  counters: ReadonlyMap<string, number>;
}

/** Reads `nft -j list table netdev feed`. */
export function readFeedState(json: string): FeedState {
  const { nftables } = ListSchema.parse(JSON.parse(json));
  return {
    chains: new Set(nftables.flatMap(({ chain }) => (chain === undefined ? [] : [chain.name]))),
    sets: new Map(
      nftables.flatMap(({ set }) =>
        set === undefined ? [] : [[set.name, set.elem.flatMap(element)] as const],
      ),
    ),
    counters: new Map(
      nftables.flatMap(({ counter }) =>
        counter === undefined ? [] : [[counter.name, counter.packets] as const],
      ),
    ),
  };
}

function element(entry: unknown): { value: unknown; expiresS: number }[] {
  const inner = (entry as { elem?: { val?: unknown; expires?: number } } | null)?.elem;
  return inner === undefined ? [] : [{ value: inner.val, expiresS: inner.expires ?? 0 }];
}

/** How full the fuller of the two sets of conversations is, 0 to 1. */
export function fillOf(state: FeedState, input: string): number {
  const size = (family: string) => state.sets.get(`${input}_${family}`)?.length ?? 0;
  return Math.max(size('four'), size('six')) / MAX_DIRECTIONS;
}

/** Conversations whose other direction is in the set too, and those where it is not. */
export function countConversations(state: FeedState, input: string): { total: number; oneSided: number } {
  let directions = 0;
  let oneSided = 0;
  for (const family of ['four', 'six']) {
    const keys = (state.sets.get(`${input}_${family}`) ?? []).flatMap(({ value }) => conversationOf(value));
    const seen = new Set(keys.map(({ there }) => there));
    directions += keys.length;
    for (const { back } of keys) if (!seen.has(back)) oneSided += 1;
  }
  return { total: oneSided + (directions - oneSided) / 2, oneSided };
}

function conversationOf(value: unknown): { there: string; back: string }[] {
  const parts = (value as { concat?: unknown } | null)?.concat;
  if (!Array.isArray(parts) || parts.length !== 5) return [];
  const [from, to, protocol, sport, dport] = parts.map(String);
  return [
    {
      there: [from, to, protocol, sport, dport].join(' '),
      back: [to, from, protocol, dport, sport].join(' '),
    },
  ];
}

/** VLANs that are remembered. */
export function vlansOf(state: FeedState, input: string): FeedReport['vlans'] {
  return (state.sets.get(`${input}_vlans`) ?? [])
    .flatMap(({ value, expiresS }) =>
      typeof value === 'number' ? [{ id: value, agoS: Math.max(0, VLAN_MEMORY_S - expiresS) }] : [],
    )
    .sort((a, b) => a.id - b.id);
}
