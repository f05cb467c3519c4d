import { findIp, writeChecksums } from './checksums.ts';

/** The largest Ethernet frame without a VLAN tag or jumbo frames. */
export const STANDARD_FRAME_BYTES = 1514;

const TCP = 6;
const FIN_AND_PSH = 0x09;
const CWR = 0x80;

/**
 * Splits an over-long TCP frame into the segments that were on the wire: a capture on the sending machine, or behind receive
 * offload, shows tens of kilobytes that the card cut or joined. Each segment fits a standard Ethernet frame, with its own
 * sequence number, IPv4 identification and true checksums; FIN and PSH stay on the last, CWR on the first (as the kernel's
 * own segmentation does). Undefined when the frame is not a whole TCP segment directly behind its IP header.
 */
export function splitSegments(frame: Buffer): Buffer[] | undefined {
  const ip = findIp(frame);
  if (ip === undefined) return undefined;
  const packet = frame.subarray(ip.at);
  const ipBytes = ip.version === 4 ? ((packet[0] ?? 0) & 15) * 4 : 40;
  if (packet.length < ipBytes + 20 || packet[ip.version === 4 ? 9 : 6] !== TCP) return undefined;
  if (ip.version === 4 && (packet.readUInt16BE(6) & 0x3fff) !== 0) return undefined;
  // A length of 0 means "more than 65,535, or left to the card": then the frame's own length counts.
  const stated = ip.version === 4 ? packet.readUInt16BE(2) : 40 + packet.readUInt16BE(4);
  const total = stated === 0 || (ip.version === 6 && stated === 40) ? packet.length : stated;
  const tcpBytes = ((packet[ipBytes + 12] ?? 0) >> 4) * 4;
  const headers = ip.at + ipBytes + tcpBytes;
  const payload = frame.subarray(headers, ip.at + total);
  if (tcpBytes < 20 || total > packet.length || payload.length === 0) return undefined;
  const room = STANDARD_FRAME_BYTES + (ip.at - 14) - headers;
  const segments: Buffer[] = [];
  for (let at = 0; at < payload.length; at += room) {
    const part = payload.subarray(at, at + room);
    const segment = Buffer.concat([frame.subarray(0, headers), part]);
    const inner = segment.subarray(ip.at);
    if (ip.version === 4) {
      inner.writeUInt16BE(ipBytes + tcpBytes + part.length, 2);
      inner.writeUInt16BE((inner.readUInt16BE(4) + segments.length) & 0xffff, 4);
    } else {
      inner.writeUInt16BE(tcpBytes + part.length, 4);
    }
    const tcp = inner.subarray(ipBytes);
    tcp.writeUInt32BE((tcp.readUInt32BE(4) + at) >>> 0, 4);
    const last = at + room >= payload.length;
    tcp[13] = (tcp[13] ?? 0) & ~((last ? 0 : FIN_AND_PSH) | (at === 0 ? 0 : CWR));
    writeChecksums(segment);
    segments.push(segment);
  }
  return segments;
}
