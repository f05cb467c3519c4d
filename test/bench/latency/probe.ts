/** A DNS question for `<mark>.malware-beacon.example`, on which a starter rule alerts, as an Ethernet frame. */
export function probeFrame(number: number): { mark: string; frame: Buffer } {
  const mark = `probe-${String(number)}`;
  const name = [mark, 'malware-beacon', 'example'].map((label) => {
    const text = Buffer.from(label, 'latin1');
    return Buffer.concat([Buffer.from([text.length]), text]);
  });
  const head = Buffer.from('000001000001000000000000', 'hex');
  head.writeUInt16BE(number & 0xffff, 0);
  const question = Buffer.concat([head, ...name, Buffer.from('0000010001', 'hex')]);
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(20_000 + number, 0);
  udp.writeUInt16BE(53, 2);
  udp.writeUInt16BE(8 + question.length, 4); // no checksum, which IPv4 allows
  const ip = Buffer.from('4500000000000000401100000a0900020a090001', 'hex');
  ip.writeUInt16BE(28 + question.length, 2);
  ip.writeUInt16BE(number, 4);
  ip.writeUInt16BE(internetChecksum(ip), 10);
  return {
    mark,
    frame: Buffer.concat([Buffer.from('02000000000b02000000000a0800', 'hex'), ip, udp, question]),
  };
}

/** RFC 1071. */
function internetChecksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
