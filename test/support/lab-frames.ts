import { writeFile } from 'node:fs/promises';

/** One packet of a made-up capture. */
export interface MadePacket {
  data: Buffer;
  /** Seconds. */
  time?: number;
  originalLength?: number;
}

/** How a made-up pcap file is written. */
export interface PcapShape {
  bigEndian?: boolean;
  nanoseconds?: boolean;
  linkType?: number;
  snapLength?: number;
}

/** A pcap file with these packets. */
export function makePcap(packets: readonly MadePacket[], shape: PcapShape = {}): Buffer {
  const u32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    if (shape.bigEndian === true) bytes.writeUInt32BE(value);
    else bytes.writeUInt32LE(value);
    return bytes;
  };
  const version = shape.bigEndian === true ? '00020004' : '02000400';
  const header = [
    u32(shape.nanoseconds === true ? 0xa1b23c4d : 0xa1b2c3d4),
    Buffer.from(version, 'hex'),
    u32(0),
    u32(0),
    u32(shape.snapLength ?? 262_144),
    u32(shape.linkType ?? 1),
  ];
  const unit = shape.nanoseconds === true ? 1e9 : 1e6;
  const records = packets.flatMap(({ data, time = 1, originalLength }) => [
    u32(Math.floor(time)),
    u32(Math.round((time % 1) * unit)),
    u32(data.length),
    u32(originalLength ?? data.length),
    data,
  ]);
  return Buffer.concat([...header, ...records]);
}

/** A pcapng file: one section, one interface with the given time resolution (10^-n), an unknown block, the packets. */
export function makePcapng(
  packets: readonly MadePacket[],
  shape: { bigEndian?: boolean; linkType?: number; resolution?: number } = {},
): Buffer {
  const number = (value: number, bytes: 2 | 4) => {
    const out = Buffer.alloc(bytes);
    if (shape.bigEndian === true) out.writeUIntBE(value, 0, bytes);
    else out.writeUIntLE(value, 0, bytes);
    return out;
  };
  const block = (type: number, body: Buffer) => {
    const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
    const length = number(padded.length + 12, 4);
    return Buffer.concat([number(type, 4), length, padded, length]);
  };
  const resolution = shape.resolution ?? 6;
  const section = Buffer.concat([number(0x1a2b3c4d, 4), number(1, 2), number(0, 2), Buffer.alloc(8, 0xff)]);
  const description = Buffer.concat([
    ...[number(shape.linkType ?? 1, 2), number(0, 2), number(0, 4)],
    ...[number(9, 2), number(1, 2), Buffer.from([resolution, 0, 0, 0]), number(0, 4)],
  ]);
  const records = packets.map(({ data, time = 1, originalLength }) => {
    const ticks = Math.round(time * 10 ** resolution);
    const head = [number(0, 4), number(Math.floor(ticks / 2 ** 32), 4), number(ticks % 2 ** 32, 4)];
    return block(
      6,
      Buffer.concat([...head, number(data.length, 4), number(originalLength ?? data.length, 4), data]),
    );
  });
  return Buffer.concat([
    block(0x0a0d0d0a, section),
    block(1, description),
    block(5, Buffer.alloc(12)),
    ...records,
  ]);
}

/** Writes a made-up capture and gives its path back. */
export async function writeCapture(path: string, content: Buffer): Promise<string> {
  await writeFile(path, content);
  return path;
}

/** An Ethernet frame with an IPv4 or IPv6 TCP segment; checksum fields are zero, as if left to the card. */
export function tcpFrame(
  payload: Buffer,
  options: { ip6?: boolean; flags?: number; sequence?: number } = {},
): Buffer {
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(40_000, 0);
  tcp.writeUInt16BE(80, 2);
  tcp.writeUInt32BE(options.sequence ?? 1_000, 4);
  tcp[12] = 5 << 4;
  tcp[13] = options.flags ?? 0x18;
  tcp.writeUInt16BE(512, 14);
  const length = tcp.length + payload.length;
  const ethernet = Buffer.from('02000000000b02000000000a', 'hex');
  if (options.ip6 === true) {
    const ip6 = Buffer.alloc(40);
    ip6[0] = 0x60;
    ip6.writeUInt16BE(length > 65_535 ? 0 : length, 4);
    ip6[6] = 6;
    ip6[7] = 64;
    Buffer.from('fd000000000000000000000000000001fd000000000000000000000000000002', 'hex').copy(ip6, 8);
    return Buffer.concat([ethernet, Buffer.from('86dd', 'hex'), ip6, tcp, payload]);
  }
  const ip4 = Buffer.alloc(20);
  ip4[0] = 0x45;
  ip4.writeUInt16BE(20 + length > 65_535 ? 0 : 20 + length, 2);
  ip4.writeUInt16BE(7, 4);
  ip4[8] = 64;
  ip4[9] = 6;
  Buffer.from('0a0000010a000002', 'hex').copy(ip4, 12);
  return Buffer.concat([ethernet, Buffer.from('0800', 'hex'), ip4, tcp, payload]);
}

/** A DNS question and its answer between 10.9.9.1 and 10.9.9.2: what Suricata logs as two `dns` events and one `flow`. */
export function dnsConversation(): MadePacket[] {
  const question = Buffer.concat([
    Buffer.from('\x03www\x07example\x03com\x00', 'latin1'),
    Buffer.from('00010001', 'hex'),
  ]);
  const answer = Buffer.from('c00c000100010000003c0004c0000201', 'hex');
  const message = (flags: string, answers: Buffer) =>
    Buffer.concat([
      Buffer.from(`1234${flags}0001${answers.length === 0 ? '0000' : '0001'}00000000`, 'hex'),
      question,
      answers,
    ]);
  return [
    { data: udpFrame('0a090901', '0a090902', 50_000, 53, message('0100', Buffer.alloc(0))), time: 1 },
    { data: udpFrame('0a090902', '0a090901', 53, 50_000, message('8180', answer)), time: 1.01 },
  ];
}

/** An Ethernet frame with an IPv4 UDP datagram without a UDP checksum. Addresses are 8 hex digits. */
function udpFrame(source: string, destination: string, from: number, to: number, payload: Buffer): Buffer {
  const ip4 = Buffer.from(`4500000000000000401100000000000000000000`, 'hex');
  ip4.writeUInt16BE(28 + payload.length, 2);
  Buffer.from(source + destination, 'hex').copy(ip4, 12);
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(from, 0);
  udp.writeUInt16BE(to, 2);
  udp.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([Buffer.from('02000000000b02000000000a0800', 'hex'), ip4, udp, payload]);
}
