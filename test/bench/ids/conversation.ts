/** Who talks to whom; ports and addresses of one conversation. */
export interface Tuple {
  client: readonly number[];
  clientPort: number;
  server: readonly number[];
  serverPort: number;
}

/** What one side says, in order. */
export interface Turn {
  from: 'client' | 'server';
  data: Buffer;
}

const SEGMENT = 1460;
const FIN = 1;
const SYN = 2;
const PUSH = 8;
const ACK = 16;

/** The frames of a whole TCP connection: handshake, every turn in segments with acknowledgements, orderly end. */
export function tcpConversation(tuple: Tuple, turns: readonly Turn[]): Buffer[] {
  const frames: Buffer[] = [];
  const next = { client: 1000, server: 5000 };
  const send = (from: Turn['from'], flags: number, data: Buffer = Buffer.alloc(0)): void => {
    const to = from === 'client' ? 'server' : 'client';
    const tcp = Buffer.alloc(20 + data.length);
    tcp.writeUInt16BE(from === 'client' ? tuple.clientPort : tuple.serverPort, 0);
    tcp.writeUInt16BE(from === 'client' ? tuple.serverPort : tuple.clientPort, 2);
    tcp.writeUInt32BE(next[from], 4);
    tcp.writeUInt32BE((flags & ACK) === 0 ? 0 : next[to], 8);
    tcp.writeUInt16BE(0x5000 | flags, 12);
    tcp.writeUInt16BE(65_535, 14);
    data.copy(tcp, 20);
    frames.push(ipFrame(tuple, from, 6, tcp, 16));
    next[from] += data.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
  };
  send('client', SYN);
  send('server', SYN | ACK);
  send('client', ACK);
  for (const { from, data } of turns) {
    const to = from === 'client' ? 'server' : 'client';
    for (let at = 0; at < data.length; at += SEGMENT) {
      send(from, PUSH | ACK, data.subarray(at, at + SEGMENT));
      if ((at / SEGMENT) % 2 === 1) send(to, ACK);
    }
    send(to, ACK);
  }
  send('client', FIN | ACK);
  send('server', FIN | ACK);
  send('client', ACK);
  return frames;
}

/** The frames of UDP datagrams. */
export function udpConversation(tuple: Tuple, turns: readonly Turn[]): Buffer[] {
  return turns.map(({ from, data }) => {
    const udp = Buffer.alloc(8 + data.length);
    udp.writeUInt16BE(from === 'client' ? tuple.clientPort : tuple.serverPort, 0);
    udp.writeUInt16BE(from === 'client' ? tuple.serverPort : tuple.clientPort, 2);
    udp.writeUInt16BE(udp.length, 4);
    data.copy(udp, 8);
    return ipFrame(tuple, from, 17, udp, 6);
  });
}

/** Ethernet and IPv4 around a segment, with true checksums. @param at where the segment's own checksum stands */
function ipFrame(tuple: Tuple, from: Turn['from'], protocol: number, segment: Buffer, at: number): Buffer {
  const [source, destination] =
    from === 'client' ? [tuple.client, tuple.server] : [tuple.server, tuple.client];
  const frame = Buffer.alloc(34 + segment.length);
  frame.write(from === 'client' ? '0200000000020200000000010800' : '0200000000010200000000020800', 'hex');
  frame.writeUInt16BE(0x4500, 14);
  frame.writeUInt16BE(20 + segment.length, 16);
  frame.writeUInt16BE(0x4000, 20);
  frame[22] = 64;
  frame[23] = protocol;
  for (let byte = 0; byte < 4; byte += 1) {
    frame[26 + byte] = source[byte] ?? 0;
    frame[30 + byte] = destination[byte] ?? 0;
  }
  frame.writeUInt16BE(fold(sum(frame, 14, 34)), 24);
  segment.copy(frame, 34);
  const pseudo = sum(frame, 26, 34) + protocol + segment.length;
  const checksum = fold(pseudo + sum(frame, 34, frame.length));
  frame.writeUInt16BE(protocol === 17 ? checksum || 0xffff : checksum, 34 + at);
  return frame;
}

/** RFC 1071, without the final complement. */
function sum(data: Buffer, start: number, end: number): number {
  let total = 0;
  for (let at = start; at < end; at += 2)
    total += ((data[at] ?? 0) << 8) + (at + 1 < end ? (data[at + 1] ?? 0) : 0);
  return total;
}

function fold(total: number): number {
  let value = total;
  while (value > 0xffff) value = (value & 0xffff) + Math.floor(value / 0x1_0000);
  return ~value & 0xffff;
}
