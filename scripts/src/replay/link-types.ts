/**
 * What a capture's link type means for a replay onto an Ethernet monitor interface.
 * Numbers from https://www.tcpdump.org/linktypes.html.
 */
export interface LinkType {
  readonly number: number;
  readonly name: string;
  /**
   * How a record becomes an Ethernet frame: `ethernet` as it is; `ip` the record is a bare IP packet; `family` a 4-byte
   * address family stands before the IP packet; `refused` what stands before the IP packet cannot be told in Ethernet.
   */
  readonly framing: 'ethernet' | 'ip' | 'family' | 'refused';
}

const LINK_TYPES: readonly LinkType[] = [
  { number: 0, name: 'NULL (BSD loopback)', framing: 'family' },
  { number: 1, name: 'Ethernet', framing: 'ethernet' },
  { number: 9, name: 'PPP', framing: 'refused' },
  { number: 12, name: 'RAW (bare IP)', framing: 'ip' },
  { number: 14, name: 'RAW (bare IP)', framing: 'ip' },
  { number: 50, name: 'PPP in HDLC framing', framing: 'refused' },
  { number: 51, name: 'PPP over Ethernet', framing: 'refused' },
  { number: 101, name: 'RAW (bare IP)', framing: 'ip' },
  { number: 104, name: 'C-HDLC (Cisco HDLC)', framing: 'refused' },
  { number: 105, name: 'IEEE 802.11', framing: 'refused' },
  { number: 107, name: 'Frame Relay', framing: 'refused' },
  { number: 108, name: 'LOOP (OpenBSD loopback)', framing: 'family' },
  { number: 113, name: 'Linux cooked capture (SLL)', framing: 'refused' },
  { number: 127, name: 'IEEE 802.11 with radiotap', framing: 'refused' },
  { number: 228, name: 'IPV4 (bare IPv4)', framing: 'ip' },
  { number: 229, name: 'IPV6 (bare IPv6)', framing: 'ip' },
  { number: 249, name: 'USBPcap', framing: 'refused' },
  { number: 276, name: 'Linux cooked capture v2 (SLL2)', framing: 'refused' },
];

/** The link type with this number; an unknown one is refused under its number. */
export function linkType(number: number): LinkType {
  return (
    LINK_TYPES.find((entry) => entry.number === number) ?? {
      number,
      name: `link type ${String(number)}`,
      framing: 'refused',
    }
  );
}

const ETHERNET_HEADER = Object.freeze({
  ip4: Buffer.from('02000000000202000000000108' + '00', 'hex'),
  ip6: Buffer.from('02000000000202000000000186' + 'dd', 'hex'),
});

/**
 * The Ethernet frame of one record; undefined when there is none (too short, or neither IPv4 nor IPv6 in a capture
 * without Ethernet). A made-up header has locally administered addresses 02:00:00:00:00:01 and :02.
 */
export function toEthernet(framing: LinkType['framing'], record: Buffer): Buffer | undefined {
  if (framing === 'ethernet') return record.length < 14 ? undefined : record;
  if (framing === 'refused') return undefined;
  // The family's own value depends on the system that captured; the version in the IP header does not.
  const packet = framing === 'family' ? record.subarray(4) : record;
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4 && packet.length >= 20) return Buffer.concat([ETHERNET_HEADER.ip4, packet]);
  if (version === 6 && packet.length >= 40) return Buffer.concat([ETHERNET_HEADER.ip6, packet]);
  return undefined;
}
