/** Frames for tests, as hex, built field by field. Padded to 60 bytes, the least that Ethernet carries. */

const hex = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, '0');

export const MACS = '020000000002' + '020000000001';

/** Ethernet header with any number of tags, then the payload. */
export function ethernet(
  type: number,
  payload: string,
  tags: readonly [type: number, id: number][] = [],
): string {
  const tagged = tags.map(([tagType, id]) => hex(tagType, 2) + hex(id, 2)).join('');
  return (MACS + tagged + hex(type, 2) + payload).padEnd(120, '0');
}

export function udp(source: number, destination: number, payload = ''): string {
  return hex(source, 2) + hex(destination, 2) + hex(8 + payload.length / 2, 2) + '0000' + payload;
}

export function tcp(source: number, destination: number, payload = ''): string {
  return (
    hex(source, 2) + hex(destination, 2) + '0000000100000000' + '5018' + '2000' + '0000' + '0000' + payload
  );
}

/** IPv4 header (documentation addresses, true checksum) and payload. */
export function ipv4(
  protocol: number,
  payload: string,
  options: { fragment?: number; words?: string } = {},
): string {
  const words = options.words ?? '';
  const header =
    hex(0x40 | (5 + words.length / 8), 1) +
    '00' +
    hex(20 + words.length / 2 + payload.length / 2, 2) +
    '1234' +
    hex(options.fragment ?? 0, 2) +
    '40' +
    hex(protocol, 1) +
    '0000' +
    'c0000201' +
    'c6336401' +
    words;
  return header.slice(0, 20) + checksum(header) + header.slice(24) + payload;
}

export function ipv6(next: number, payload: string): string {
  const from = '20010db8' + '00'.repeat(11) + '01';
  const to = '20010db8' + '00'.repeat(11) + '02';
  return '60000000' + hex(payload.length / 2, 2) + hex(next, 1) + '40' + from + to + payload;
}

/** RFC 1071. */
function checksum(header: string): string {
  let sum = 0;
  for (let at = 0; at < header.length; at += 4) sum += parseInt(header.slice(at, at + 4), 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return hex(~sum & 0xffff, 2);
}

const IPV4 = 0x0800;
const IPV6 = 0x86dd;

/** A plain DNS query and a plain other packet, over IPv4 and UDP. */
export const DNS = ethernet(IPV4, ipv4(17, udp(40_000, 53, '00'.repeat(20))));
export const OTHER = ethernet(IPV4, ipv4(17, udp(40_000, 9, '00'.repeat(20))));

/**
 * What a port that wants TCP and UDP port 53 must get of each frame: `pass` (it matches, or nobody can decide) or `drop`.
 * `reason` is how the ledger counts it when nobody can decide.
 */
export const FILTER_TABLE: readonly {
  name: string;
  frame: string;
  want: 'pass' | 'drop';
  reason?: string;
}[] = [
  { name: 'UDP to 53', frame: DNS, want: 'pass' },
  { name: 'UDP from 53', frame: ethernet(IPV4, ipv4(17, udp(53, 40_000))), want: 'pass' },
  { name: 'TCP to 53', frame: ethernet(IPV4, ipv4(6, tcp(40_000, 53))), want: 'pass' },
  { name: 'TCP from 53', frame: ethernet(IPV4, ipv4(6, tcp(53, 40_000))), want: 'pass' },
  { name: 'UDP to 9', frame: OTHER, want: 'drop' },
  { name: 'TCP to 443', frame: ethernet(IPV4, ipv4(6, tcp(40_000, 443))), want: 'drop' },
  { name: 'UDP to 53 + 256', frame: ethernet(IPV4, ipv4(17, udp(40_000, 53 + 256))), want: 'drop' },
  {
    name: 'IPv4 options before UDP 53',
    frame: ethernet(IPV4, ipv4(17, udp(40_000, 53), { words: '94040000' })),
    want: 'pass',
  },
  {
    name: 'IPv4 options before UDP 9',
    frame: ethernet(IPV4, ipv4(17, udp(40_000, 9), { words: '94040000' })),
    want: 'drop',
  },
  { name: 'VLAN, UDP 53', frame: ethernet(IPV4, ipv4(17, udp(40_000, 53)), [[0x8100, 100]]), want: 'pass' },
  { name: 'VLAN, UDP 9', frame: ethernet(IPV4, ipv4(17, udp(40_000, 9)), [[0x8100, 100]]), want: 'drop' },
  {
    name: 'QinQ, UDP 53',
    frame: ethernet(IPV4, ipv4(17, udp(40_000, 53)), [
      [0x88a8, 7],
      [0x8100, 100],
    ]),
    want: 'pass',
  },
  {
    name: 'QinQ, UDP 9',
    frame: ethernet(IPV4, ipv4(17, udp(40_000, 9)), [
      [0x88a8, 7],
      [0x8100, 100],
    ]),
    want: 'drop',
  },
  {
    name: 'six tags, UDP 9',
    frame: ethernet(
      IPV4,
      ipv4(17, udp(40_000, 9)),
      [1, 2, 3, 4, 5, 6].map((id) => [0x8100, id]),
    ),
    want: 'pass',
    reason: 'vlan-depth',
  },
  { name: 'IPv6, UDP 53', frame: ethernet(IPV6, ipv6(17, udp(40_000, 53))), want: 'pass' },
  { name: 'IPv6, TCP 53', frame: ethernet(IPV6, ipv6(6, tcp(40_000, 53))), want: 'pass' },
  { name: 'IPv6, UDP 9', frame: ethernet(IPV6, ipv6(17, udp(40_000, 9))), want: 'drop' },
  {
    name: 'IPv6, VLAN, UDP 53',
    frame: ethernet(IPV6, ipv6(17, udp(40_000, 53)), [[0x8100, 5]]),
    want: 'pass',
  },
  {
    name: 'first fragment',
    frame: ethernet(IPV4, ipv4(17, udp(40_000, 9), { fragment: 0x2000 })),
    want: 'pass',
    reason: 'fragment',
  },
  {
    name: 'later fragment',
    frame: ethernet(IPV4, ipv4(17, 'ff'.repeat(24), { fragment: 0x0003 })),
    want: 'pass',
    reason: 'fragment',
  },
  {
    name: 'IPv6 fragment',
    frame: ethernet(IPV6, ipv6(44, '1100000100000001' + udp(40_000, 9))),
    want: 'pass',
    reason: 'fragment',
  },
  {
    name: 'IPv6 hop-by-hop',
    frame: ethernet(IPV6, ipv6(0, '1100000000000000' + udp(40_000, 9))),
    want: 'pass',
    reason: 'extension-header',
  },
  {
    name: 'IPv6 destination options',
    frame: ethernet(IPV6, ipv6(60, '1100000000000000' + udp(40_000, 9))),
    want: 'pass',
    reason: 'extension-header',
  },
  {
    name: 'GRE',
    frame: ethernet(IPV4, ipv4(47, '00000800' + ipv4(17, udp(40_000, 9)))),
    want: 'pass',
    reason: 'tunnel',
  },
  {
    name: 'IP in IP',
    frame: ethernet(IPV4, ipv4(4, ipv4(17, udp(40_000, 9)))),
    want: 'pass',
    reason: 'tunnel',
  },
  { name: '6in4', frame: ethernet(IPV4, ipv4(41, ipv6(17, udp(40_000, 9)))), want: 'pass', reason: 'tunnel' },
  {
    name: 'VXLAN',
    frame: ethernet(IPV4, ipv4(17, udp(40_000, 4789, '0800000000000100' + OTHER))),
    want: 'pass',
    reason: 'tunnel',
  },
  {
    name: 'GTP-U',
    frame: ethernet(IPV4, ipv4(17, udp(2152, 2152, '30ff000000000000'))),
    want: 'pass',
    reason: 'tunnel',
  },
  {
    name: 'unknown IP protocol',
    frame: ethernet(IPV4, ipv4(253, '00'.repeat(20))),
    want: 'pass',
    reason: 'protocol',
  },
  { name: 'ICMP', frame: ethernet(IPV4, ipv4(1, '0800000000010001')), want: 'drop' },
  { name: 'ICMPv6', frame: ethernet(IPV6, ipv6(58, '8000000000010001')), want: 'drop' },
  { name: 'ARP', frame: ethernet(0x0806, '0001080006040001' + '00'.repeat(20)), want: 'drop' },
  {
    name: 'MPLS',
    frame: ethernet(0x8847, '00064140' + ipv4(17, udp(40_000, 53))),
    want: 'pass',
    reason: 'ethertype',
  },
  {
    name: 'PPPoE',
    frame: ethernet(0x8864, '110000010018' + '0021' + ipv4(17, udp(40_000, 53))),
    want: 'pass',
    reason: 'ethertype',
  },
  {
    name: 'LLC (STP)',
    frame: ethernet(0x0026, '424203' + '00'.repeat(35)),
    want: 'pass',
    reason: 'ethertype',
  },
  {
    name: 'truncated in the IPv4 header',
    frame: MACS + '0800' + '4500' + '00'.repeat(8),
    want: 'pass',
    reason: 'truncated',
  },
  {
    name: 'truncated before the ports',
    frame: MACS + '0800' + ipv4(17, udp(40_000, 9)).slice(0, 42),
    want: 'pass',
    reason: 'truncated',
  },
  {
    name: 'IPv4 length too small for ports',
    frame: MACS + '0800' + '45000016' + '00'.repeat(5) + '11' + '00'.repeat(30),
    want: 'pass',
    reason: 'malformed',
  },
  { name: 'IP version 5', frame: ethernet(IPV4, '55' + '00'.repeat(40)), want: 'pass', reason: 'malformed' },
];
