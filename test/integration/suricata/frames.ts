import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Writes Ethernet frames as a capture file; the time between two is `gapUs`. */
export async function writeCapture(
  folder: string,
  name: string,
  frames: readonly Buffer[],
  gapUs = 10,
): Promise<string> {
  const parts: Buffer[] = [Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex')];
  frames.forEach((frame, index) => {
    const head = Buffer.alloc(16);
    head.writeUInt32LE(1_700_000_000 + Math.floor((index * gapUs) / 1e6), 0);
    head.writeUInt32LE((index * gapUs) % 1e6, 4);
    head.writeUInt32LE(frame.length, 8);
    head.writeUInt32LE(frame.length, 12);
    parts.push(head, frame);
  });
  const file = join(folder, `${name}.pcap`);
  await writeFile(file, Buffer.concat(parts));
  return file;
}

/** An UDP datagram in IPv4 in Ethernet, with true checksums. */
export function udpFrame(at: {
  source: string;
  sourcePort: number;
  destination: string;
  destinationPort: number;
  payload: Buffer;
}): Buffer {
  const udp = Buffer.alloc(8 + at.payload.length);
  udp.writeUInt16BE(at.sourcePort, 0);
  udp.writeUInt16BE(at.destinationPort, 2);
  udp.writeUInt16BE(udp.length, 4);
  at.payload.copy(udp, 8);
  const source = address(at.source);
  const destination = address(at.destination);
  const pseudo = Buffer.from([...source, ...destination, 0, 17, udp.length >> 8, udp.length & 255]);
  udp.writeUInt16BE(checksum(Buffer.concat([pseudo, udp])) || 0xffff, 6);
  const ip = Buffer.alloc(20);
  ip.writeUInt16BE(0x4500, 0);
  ip.writeUInt16BE(20 + udp.length, 2);
  ip.writeUInt16BE(0x4011, 8);
  source.copy(ip, 12);
  destination.copy(ip, 16);
  ip.writeUInt16BE(checksum(ip), 10);
  return Buffer.concat([Buffer.from('0200000000010200000000020800', 'hex'), ip, udp]);
}

/** The packet of a detection check, as `instruments/PROTOCOL.md` gives it. */
export function checkFrame(nonce: string): Buffer {
  return udpFrame({
    source: '192.0.2.10',
    sourcePort: 49_152,
    destination: '198.51.100.10',
    destinationPort: 47_999,
    payload: Buffer.from(`bulkhead-detection-check:${nonce}`),
  });
}

/** DNS queries of different names, each a flow of its own. At most 16 million. */
export function dnsQueries(count: number, name = (index: number) => `h${String(index)}`): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const label = Buffer.from(name(index));
    const head = Buffer.from(
      [index >> 8, index & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0].map((byte) => byte & 255),
    );
    const question = [Buffer.from([label.length]), label, Buffer.from('076578616d706c650000010001', 'hex')];
    return udpFrame({
      source: `10.${String(1 + (index >> 16))}.${String((index >> 8) & 255)}.${String(index & 255)}`,
      sourcePort: 1024 + (index % 60_000),
      destination: '10.200.0.53',
      destinationPort: 53,
      payload: Buffer.concat([head, ...question]),
    });
  });
}

function address(dotted: string): Buffer {
  return Buffer.from(dotted.split('.').map(Number));
}

/** RFC 1071. */
function checksum(data: Buffer): number {
  let sum = 0;
  for (let at = 0; at < data.length; at += 2) sum += ((data[at] ?? 0) << 8) + (data[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
