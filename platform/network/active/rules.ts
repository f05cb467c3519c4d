/** Names of the counters of one active interface. */
export const ACTIVE_COUNTERS = Object.freeze({
  /** From the instrument, let through. */
  sent: 'sent',
  /** To the instrument, let through. */
  received: 'received',
  /** From the instrument: an address, a protocol or a destination that is not its own or not allowed. */
  refused: 'refused',
  spoofed: 'spoofed',
  protocol: 'protocol',
  /** To the instrument: from somewhere that it may not reach, or not for it. */
  unwanted: 'unwanted',
});
export type ActiveCounter = keyof typeof ACTIVE_COUNTERS;

/** Priority of our chains: before any other hook of the host sees the packet. */
export const ACTIVE_PRIORITY = -500;

/** Carried by what an instrument was allowed to send, so that the way on can tell it from what the host itself would send. */
const MARK = '0x0b0a17e5';

/** How long an address that a DHCP server gave is believed without another answer. */
const LEASE = '30d';

/** What the rules of one active interface depend on. */
export interface PortRules {
  table: string;
  /** Host end of the pair. */
  device: string;
  ifindex: number;
  /** Hardware address of the instrument. */
  mac: string;
  /** Its address without prefix length, or `dhcp`. */
  address: string;
  /** Where what it sends goes: straight to this device, or (undefined) to the bridge that the host end is a port of. */
  forwardTo?: string | undefined;
}

/** The comment ties a table to one incarnation of a device: a device made anew under the same name is not guarded. */
export function incarnation(ifindex: number): string {
  return `ifindex ${String(ifindex)}`;
}

/**
 * The rules of one active interface: what does not match is dropped, in both directions. `ether` matches do not work in an
 * egress hook (they ask for an input device), so that chain looks at the raw link header (`@ll`).
 */
export function portText(port: PortRules): string {
  const mac = `0x${port.mac.replaceAll(':', '')}`;
  const dhcp = port.address === 'dhcp';
  const count = (name: ActiveCounter): string => `counter name "${name}"`;
  const pass = `${count('sent')} meta mark set ${MARK} ${
    port.forwardTo === undefined ? 'accept' : `fwd to "${port.forwardTo}"`
  }`;
  const incoming = [
    `ether saddr != ${port.mac} ${count('spoofed')} drop`,
    `ether type != { ip, arp } ${count('protocol')} drop`,
    `ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 ether daddr != ff:ff:ff:ff:ff:ff ${count('protocol')} drop`,
    `ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation { request, reply } arp saddr ether ${port.mac} arp saddr ip @own ${pass}`,
    ...(dhcp
      ? [
          `ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation request arp saddr ether ${port.mac} arp saddr ip 0.0.0.0 ${pass}`,
        ]
      : []),
    `ether type arp ${count('spoofed')} drop`,
    `ip version != 4 ${count('protocol')} drop`,
    `ip hdrlength != 5 ${count('protocol')} drop`,
    `ip frag-off & 0x3fff != 0 ${count('protocol')} drop`,
    ...(dhcp ? [`ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 ${pass}`] : []),
    `ip saddr != @own ${count('spoofed')} drop`,
    ...(dhcp
      ? [
          `ip daddr 255.255.255.255 udp sport 68 udp dport 67 ${pass}`,
          `ip daddr @servers udp sport 68 udp dport 67 ${pass}`,
        ]
      : []),
    `ether daddr ff:ff:ff:ff:ff:ff ${count('protocol')} drop`,
    `ip daddr . meta l4proto . th dport @allowed ${pass}`,
    `meta l4proto { tcp, udp } update @refused_to { ip daddr . meta l4proto . th dport counter }`,
    count('refused'),
  ];
  const accept = `${count('received')} accept`;
  const forIt = `@ll,0,48 ${mac}`;
  const forAll = '@ll,0,48 0xffffffffffff';
  const outgoing = [
    `@ll,96,16 != { 0x800, 0x806 } ${count('unwanted')} drop`,
    ...[forIt, forAll].map(
      (to) =>
        `${to} meta protocol arp arp htype 1 arp ptype ip arp operation { request, reply } arp daddr ip @own ${accept}`,
    ),
    `meta protocol arp ${count('unwanted')} drop`,
    `ip hdrlength != 5 ${count('unwanted')} drop`,
    ...(dhcp
      ? [
          // Only an acknowledgement (option 53 stands first, RFC 2132) makes the offered address (yiaddr) the instrument's own.
          `${forIt} udp sport 67 udp dport 68 @th,288,48 ${mac} @th,1984,24 0x350105 update @own { @th,192,32 timeout ${LEASE} } update @servers { ip saddr timeout ${LEASE} }`,
          `${forAll} udp sport 67 udp dport 68 @th,288,48 ${mac} @th,1984,24 0x350105 update @own { @th,192,32 timeout ${LEASE} } update @servers { ip saddr timeout ${LEASE} }`,
          `${forIt} udp sport 67 udp dport 68 ${accept}`,
          `${forAll} udp sport 67 udp dport 68 @th,288,48 ${mac} ${accept}`,
        ]
      : []),
    `@ll,0,48 != ${mac} ${count('unwanted')} drop`,
    `ip daddr != @own ${count('unwanted')} drop`,
    // Without these a connection over a smaller MTU, or to where nobody answers, would hang.
    `icmp type { destination-unreachable, time-exceeded } limit rate 100/second ${accept}`,
    // Nobody opens a connection to an instrument.
    `tcp flags & (syn | ack) == syn ${count('unwanted')} drop`,
    `ip saddr . meta l4proto . th sport @allowed ${accept}`,
    count('unwanted'),
  ];
  const own = dhcp ? '' : ` elements = { ${port.address} };`;
  return (
    replaced(port.table, port.ifindex) +
    Object.values(ACTIVE_COUNTERS)
      .map((name) => `  counter ${name} {\n  }\n`)
      .join('') +
    `  set own { type ipv4_addr; size 16; flags dynamic,timeout;${own} }\n` +
    `  set servers { type ipv4_addr; size 16; flags dynamic,timeout; }\n` +
    `  set allowed { type ipv4_addr . inet_proto . inet_service; flags interval; }\n` +
    `  set refused_to { type ipv4_addr . inet_proto . inet_service; size 128; flags dynamic,timeout; timeout 1h; }\n` +
    chain('in', 'ingress', port.device, 'drop', incoming) +
    chain('out', 'egress', port.device, 'drop', outgoing) +
    '}\n'
  );
}

/**
 * The rules of a network interface behind which one instrument stands alone: everything that arrives goes to the host end of
 * its pair, nothing to the host; only what the pair's own rules let through leaves.
 */
export function nicText(nic: { table: string; device: string; ifindex: number; forwardTo: string }): string {
  return (
    replaced(nic.table, nic.ifindex) +
    '  counter arrived {\n  }\n  counter left {\n  }\n  counter host {\n  }\n' +
    chain('in', 'ingress', nic.device, 'drop', [`counter name "arrived" fwd to "${nic.forwardTo}"`]) +
    chain('out', 'egress', nic.device, 'drop', [
      `meta mark ${MARK} counter name "left" accept`,
      'counter name "host"',
    ]) +
    '}\n'
  );
}

/** The rules of a bridge that instruments are ports of: nothing of theirs enters the host through it. */
export function bridgeText(bridge: { table: string; device: string; ifindex: number }): string {
  return (
    replaced(bridge.table, bridge.ifindex) +
    '  counter host {\n  }\n' +
    chain('in', 'ingress', bridge.device, 'accept', [`meta mark ${MARK} counter name "host" drop`]) +
    '}\n'
  );
}

/** Text that makes the set of allowed destinations exactly these, in one transaction. */
export function destinationsText(table: string, elements: readonly string[]): string {
  const lines = [`flush set netdev ${table} allowed`];
  for (let at = 0; at < elements.length; at += 500)
    lines.push(`add element netdev ${table} allowed { ${elements.slice(at, at + 500).join(', ')} }`);
  return `${lines.join('\n')}\n`;
}

function replaced(table: string, ifindex: number): string {
  return `add table netdev ${table}\ndelete table netdev ${table}\ntable netdev ${table} {\n  comment "${incarnation(ifindex)}"\n`;
}

function chain(name: string, hook: string, device: string, policy: string, rules: readonly string[]): string {
  return (
    `  chain ${name} {\n    type filter hook ${hook} device "${device}" priority ${String(ACTIVE_PRIORITY)}; policy ${policy};\n` +
    rules.map((rule) => `    ${rule}\n`).join('') +
    '  }\n'
  );
}

/** The rules of a network interface of which only VLANs are used: frames of these, from and to their devices, and no others. */
export function trunkText(trunk: {
  table: string;
  device: string;
  ifindex: number;
  vlans: readonly number[];
}): string {
  return (
    replaced(trunk.table, trunk.ifindex) +
    chain('in', 'ingress', trunk.device, 'drop', [`vlan id { ${trunk.vlans.join(', ')} } accept`]) +
    chain('out', 'egress', trunk.device, 'drop', [`meta mark ${MARK} accept`]) +
    '}\n'
  );
}
