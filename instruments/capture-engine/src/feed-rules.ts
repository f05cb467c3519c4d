/** The table that observes the feed; apart from the one that forwards, so that no fault in it can stop a frame. */
export const FEED_TABLE = 'feed';

/** One in so many conversations is observed, by level: what a full set of conversations is followed by. */
export const ONE_IN = Object.freeze([1, 4, 16, 64, 256, 1024]);

/** Conversations in one direction that are held, for IPv4 and for IPv6 each. */
export const MAX_DIRECTIONS = 2_048;
/** A VLAN is remembered for this long. There are 4,094 of them, so this set is never full. */
export const VLAN_MEMORY_S = 3_600;
/** A frame that comes again within this time is a duplicate, and no retransmission. */
const DUPLICATE_MS = 300;

const CONVERSATION = 'saddr . ip daddr . ip protocol . th sport . th dport';

/**
 * Rules that look at what arrives and let all of it pass.
 *
 * - VLANs: every 802.1Q tag.
 * - Conversations: TCP packets that only somebody sends who was answered (ACK without SYN or RST), and UDP of services that
 *   always answer (DNS, NTP, QUIC). A scan of addresses where nobody is makes no entry. `symhash` picks both directions of a
 *   conversation or none.
 * - Duplicates: IPv4 headers of the same bytes, on one of 16 identifications; 0 says nothing (atomic datagrams, RFC 6864).
 *
 * Every set is bounded; a statement on a full one does nothing, and the frame goes on.
 * @param level index into {@link ONE_IN}
 * @param windowS how long a direction of a conversation is remembered after its last packet
 */
export function renderFeedRules(inputs: readonly string[], level: number, windowS: number): string {
  const oneIn = ONE_IN[level] ?? 1;
  const header = 'ip saddr . ip daddr . ip id . ip checksum';
  const set = (name: string, key: string, size: number, timeout: string) =>
    `  set ${name} { typeof ${key}; flags dynamic,timeout; size ${String(size)}; timeout ${timeout}; }`;
  const parts = inputs.flatMap((input) => [
    set(`${input}_vlans`, 'vlan id', 4096, `${String(VLAN_MEMORY_S)}s`),
    set(`${input}_four`, `ip ${CONVERSATION}`, MAX_DIRECTIONS, `${String(windowS)}s`),
    set(`${input}_six`, six(CONVERSATION), MAX_DIRECTIONS, `${String(windowS)}s`),
    set(`${input}_recent`, header, 4096, `${String(DUPLICATE_MS)}ms; gc-interval 1s`),
    `  counter ${input}_packets { }`,
    `  counter ${input}_sampled { }`,
    `  counter ${input}_duplicates { }`,
    `  chain ${input}_again {`,
    `    ${header} @${input}_recent counter name "${input}_duplicates" return`,
    `    add @${input}_recent { ${header} } counter name "${input}_sampled"`,
    `  }`,
    `  chain ${input}_conversation {`,
    `    update @${input}_four { ip ${CONVERSATION} } accept`,
    `    update @${input}_six { ${six(CONVERSATION)} }`,
    `  }`,
    `  chain ${input}_tcp {`,
    `    tcp flags & (syn | rst | ack) == ack goto ${input}_conversation`,
    `  }`,
    `  chain ${input}_udp {`,
    `    udp dport { 53, 123, 443 } goto ${input}_conversation`,
    `    udp sport { 53, 123, 443 } goto ${input}_conversation`,
    `  }`,
    `  chain ${input}_observe {`,
    `    type filter hook ingress device "${input}" priority -10; policy accept;`,
    `    counter name "${input}_packets"`,
    `    vlan id 1-4094 update @${input}_vlans { vlan id }`,
    `    ip id & 0xf == 7 jump ${input}_again`,
    ...(oneIn === 1 ? [] : [`    symhash mod ${String(oneIn)} != 0 accept`]),
    `    meta l4proto tcp goto ${input}_tcp`,
    `    meta l4proto udp goto ${input}_udp`,
    `  }`,
  ]);
  return [
    `add table netdev ${FEED_TABLE}`,
    `delete table netdev ${FEED_TABLE}`,
    `table netdev ${FEED_TABLE} {`,
    ...parts,
    `}`,
    ``,
  ].join('\n');
}

function six(expression: string): string {
  return `ip6 ${expression}`.replaceAll('ip daddr', 'ip6 daddr').replaceAll('ip protocol', 'ip6 nexthdr');
}
