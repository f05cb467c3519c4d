/**
 * What a look at one Ethernet frame's checksums found: `right`; `unfinished`: the sender's software left the rest of the
 * sum to the network card, and the capture was taken before the card did it; `wrong`: it would have been refused on the
 * wire; `none`: nothing in it can be checked (not IP, a fragment, cut, or an unknown transport).
 */
export type ChecksumVerdict = 'right' | 'unfinished' | 'wrong' | 'none';

const VLAN_TYPES = new Set([0x8100, 0x88a8, 0x9100]);
const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMP6 = 58;

/** Where the IP packet starts in an Ethernet frame, behind VLAN tags; undefined when it is not IP. */
export function findIp(frame: Buffer): { version: 4 | 6; at: number } | undefined {
  let at = 12;
  while (at + 4 <= frame.length && VLAN_TYPES.has(frame.readUInt16BE(at))) at += 4;
  if (at + 2 > frame.length) return undefined;
  const type = frame.readUInt16BE(at);
  if (type === 0x0800) return { version: 4, at: at + 2 };
  return type === 0x86dd ? { version: 6, at: at + 2 } : undefined;
}

/** Whether the IPv4 header, TCP, UDP, ICMP and ICMPv6 checksums of an Ethernet frame are true (RFC 1071, RFC 8200 §8.1). */
export function verifyChecksums(frame: Buffer): ChecksumVerdict {
  return walk(frame, 'look');
}

/**
 * Completes unfinished checksums in place, as the network card would have done, and leaves wrong ones: they may be the very
 * thing that somebody wants to see. Returns what {@link verifyChecksums} said before.
 */
export function finishChecksums(frame: Buffer): ChecksumVerdict {
  return walk(frame, 'finish');
}

/** Writes true checksums whatever stood there; for frames of our own making. */
export function writeChecksums(frame: Buffer): void {
  walk(frame, 'write');
}

type Mode = 'look' | 'finish' | 'write';

function walk(frame: Buffer, mode: Mode): ChecksumVerdict {
  const ip = findIp(frame);
  if (ip === undefined) return 'none';
  const packet = frame.subarray(ip.at);
  return ip.version === 4 ? walkIp4(packet, mode) : walkIp6(packet, mode);
}

function walkIp4(packet: Buffer, mode: Mode): ChecksumVerdict {
  if (packet.length < 20 || (packet[0] ?? 0) >> 4 !== 4) return 'none';
  const headerBytes = ((packet[0] ?? 0) & 15) * 4;
  const total = packet.readUInt16BE(2);
  if (headerBytes < 20 || total < headerBytes || total > packet.length) return 'none';
  const header = checkField(packet.subarray(0, headerBytes), 10, undefined, mode);
  if ((packet.readUInt16BE(6) & 0x3fff) !== 0) return header; // a fragment has only a part of its transport
  const pseudo = sum(packet.subarray(12, 20)) + (packet[9] ?? 0);
  return worse(header, walkTransport(packet.subarray(headerBytes, total), packet[9] ?? 0, pseudo, mode));
}

function walkIp6(packet: Buffer, mode: Mode): ChecksumVerdict {
  if (packet.length < 40 || (packet[0] ?? 0) >> 4 !== 6) return 'none';
  const end = 40 + packet.readUInt16BE(4);
  if (end > packet.length || end === 40) return 'none';
  let next = packet[6] ?? 0;
  let at = 40;
  // Only options are passed: a routing header changes the pseudo header, and a fragment has only a part of its transport.
  while ((next === 0 || next === 60) && at + 8 <= end) {
    next = packet[at] ?? 0;
    at += ((packet[at + 1] ?? 0) + 1) * 8;
  }
  if (at >= end) return 'none';
  return walkTransport(packet.subarray(at, end), next, sum(packet.subarray(8, 40)) + next, mode);
}

/** @param pseudo sum of the pseudo header without the length. */
function walkTransport(segment: Buffer, protocol: number, pseudo: number, mode: Mode): ChecksumVerdict {
  if (protocol === TCP && segment.length >= 20) return checkField(segment, 16, pseudo, mode);
  if (protocol === ICMP6 && segment.length >= 4) return checkField(segment, 2, pseudo, mode);
  if (protocol === ICMP && segment.length >= 4) return checkField(segment, 2, undefined, mode);
  if (protocol === UDP && segment.length >= 8) {
    if (segment.readUInt16BE(6) === 0 || segment.readUInt16BE(4) !== segment.length) return 'none';
    return checkField(segment, 6, pseudo, mode);
  }
  return 'none';
}

function checkField(bytes: Buffer, field: number, pseudo: number | undefined, mode: Mode): ChecksumVerdict {
  const stored = bytes.readUInt16BE(field);
  const initial = pseudo === undefined ? 0 : pseudo + bytes.length;
  const right = ~fold(initial + sum(bytes) - stored) & 0xffff;
  // 0 and 0xffff are the same number in one's complement.
  if (stored === right || (stored % 0xffff === 0 && right % 0xffff === 0)) return 'right';
  // A card expects the pseudo header's sum (with the length, or without it for a segment it will split), or zero.
  const unfinished =
    stored === 0 || (pseudo !== undefined && (stored === fold(initial) || stored === fold(pseudo)));
  if (mode === 'write' || (mode === 'finish' && unfinished)) bytes.writeUInt16BE(right || 0xffff, field);
  return unfinished ? 'unfinished' : 'wrong';
}

function sum(bytes: Buffer): number {
  let total = 0;
  for (let at = 0; at + 1 < bytes.length; at += 2) total += bytes.readUInt16BE(at);
  return bytes.length % 2 === 1 ? total + ((bytes[bytes.length - 1] ?? 0) << 8) : total;
}

function fold(value: number): number {
  let folded = value;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}

const ORDER: readonly ChecksumVerdict[] = ['none', 'right', 'unfinished', 'wrong'];

function worse(one: ChecksumVerdict, other: ChecksumVerdict): ChecksumVerdict {
  return ORDER.indexOf(one) >= ORDER.indexOf(other) ? one : other;
}
