import { DETECTION_CHECK } from '../contracts/index.ts';
import { BulkheadError } from '../kernel/index.ts';

/** Locally administered (second-lowest bit of the first byte), so never those of a real device. */
const SOURCE_MAC = Buffer.from('024268000001', 'hex');
const DESTINATION_MAC = Buffer.from('024268000002', 'hex');
const IPV4 = 0x0800;
const UDP = 17;
const IP_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;
const NONCE = /^[0-9a-f]{32}$/;

/**
 * A detection check as an Ethernet frame: IPv4 (RFC 791), UDP (RFC 768), addresses of RFC 5737, payload marker and
 * nonce. Checksums are right, as an IDS ignores packets with wrong ones.
 * @param nonce 32 hex digits, fresh for each check.
 * @throws BulkheadError HEALTH_NONCE_INVALID.
 */
export function buildCheckFrame(nonce: string): Buffer {
  if (!NONCE.test(nonce)) {
    throw new BulkheadError({
      code: 'HEALTH_NONCE_INVALID',
      message: `${JSON.stringify(nonce.slice(0, 64))} is not a nonce of 32 hex digits.`,
    });
  }
  const payload = Buffer.from(DETECTION_CHECK.marker + nonce, 'ascii');
  const source = address(DETECTION_CHECK.source);
  const destination = address(DETECTION_CHECK.destination);
  const udpLength = UDP_HEADER_BYTES + payload.length;

  const ip = Buffer.alloc(IP_HEADER_BYTES);
  ip.writeUInt8(0x45, 0); // version 4, header of 5 words
  ip.writeUInt16BE(IP_HEADER_BYTES + udpLength, 2);
  ip.writeUInt16BE(0x4000, 6); // don't fragment
  ip.writeUInt8(64, 8);
  ip.writeUInt8(UDP, 9);
  source.copy(ip, 12);
  destination.copy(ip, 16);
  ip.writeUInt16BE(checksum(ip), 10);

  const udp = Buffer.alloc(udpLength);
  udp.writeUInt16BE(DETECTION_CHECK.sourcePort, 0);
  udp.writeUInt16BE(DETECTION_CHECK.destinationPort, 2);
  udp.writeUInt16BE(udpLength, 4);
  payload.copy(udp, UDP_HEADER_BYTES);
  const pseudo = Buffer.concat([
    source,
    destination,
    Buffer.from([0, UDP, udpLength >> 8, udpLength & 0xff]),
  ]);
  // RFC 768: a computed 0 is sent as all ones, as 0 means "no checksum".
  udp.writeUInt16BE(checksum(Buffer.concat([pseudo, udp])) || 0xffff, 6);

  const type = Buffer.alloc(2);
  type.writeUInt16BE(IPV4);
  return Buffer.concat([DESTINATION_MAC, SOURCE_MAC, type, ip, udp]);
}

/** The Internet checksum (RFC 1071): one's complement of the one's complement sum of 16-bit words. */
export function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += (bytes.readUInt8(at) << 8) | (at + 1 < bytes.length ? bytes.readUInt8(at + 1) : 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function address(text: string): Buffer {
  return Buffer.from(text.split('.').map(Number));
}
