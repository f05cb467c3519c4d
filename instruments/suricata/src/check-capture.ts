import { CHECK } from './reserved.ts';

/** The packet of a detection check (instruments/PROTOCOL.md) as a pcap file: what a ruleset must see before it goes live. */
export function checkCapture(): Buffer {
  const payload = Buffer.from(`bulkhead-detection-check:${'0'.repeat(32)}`);
  const [source, destination] = [address(CHECK.source), address(CHECK.destination)];
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(CHECK.sourcePort, 0);
  udp.writeUInt16BE(CHECK.destinationPort, 2);
  udp.writeUInt16BE(udp.length + payload.length, 4);
  const pseudo = Buffer.from([0, 17, 0, udp.length + payload.length]);
  udp.writeUInt16BE(checksum(Buffer.concat([source, destination, pseudo, udp, payload])) || 0xffff, 6);
  const ip = Buffer.from([0x45, 0, 0, 20 + udp.length + payload.length, 0, 0, 0, 0, 64, 17, 0, 0]);
  ip.writeUInt16BE(checksum(Buffer.concat([ip, source, destination])), 10);
  const ethernet = Buffer.from('0200000000010200000000020800', 'hex');
  const frame = Buffer.concat([ethernet, ip, source, destination, udp, payload]);
  const head = Buffer.alloc(16);
  // One second after the beginning of time, so that no capture goes back from it.
  head.writeUInt32LE(1, 0);
  head.writeUInt32LE(frame.length, 8);
  head.writeUInt32LE(frame.length, 12);
  return Buffer.concat([Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'), head, frame]);
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
