/** Frames of an instrument that misbehaves, as hex. Each carries a mark at its end by which it is known again. */

const MARK = 'b0a17e57';

const hex = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, '0');
const mac = (text: string): string => text.replaceAll(':', '');
const address = (text: string): string =>
  text
    .split('.')
    .map((part) => hex(Number(part), 1))
    .join('');

/** Ethernet, with any number of tags. */
export function frame(
  source: string,
  destination: string,
  type: number,
  payload: string,
  tags: readonly [type: number, id: number][] = [],
): string {
  const tagged = tags.map(([tagType, id]) => hex(tagType, 2) + hex(id, 2)).join('');
  return (mac(destination) + mac(source) + tagged + hex(type, 2) + payload).padEnd(120, '0');
}

/** An IPv4 packet with a true checksum. A payload without a mark gets one. */
export function ip(
  source: string,
  destination: string,
  protocol: number,
  body: string,
  { options = '', fragment = 0 } = {},
): string {
  const payload = body.includes(MARK) ? body : `${body}${MARK}0000`;
  const words = options.padEnd(Math.ceil(options.length / 8) * 8, '0');
  const length = 20 + words.length / 2 + payload.length / 2;
  const before = `${hex(0x40 | (5 + words.length / 8), 1)}00${hex(length, 2)}0001${hex(fragment, 2)}40${hex(protocol, 1)}`;
  const after = address(source) + address(destination) + words;
  let sum = 0;
  const header = `${before}0000${after}`;
  for (let at = 0; at < header.length; at += 4) sum += Number.parseInt(header.slice(at, at + 4), 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return before + hex(~sum & 0xffff, 2) + after + payload;
}

export function udp(source: number, destination: number): string {
  return `${hex(source, 2)}${hex(destination, 2)}000e0000${MARK}0000`;
}

/** @param operation 1 = who has, 2 = is at */
export function arp(
  operation: number,
  senderMac: string,
  sender: string,
  targetMac: string,
  target: string,
): string {
  return `000108000604${hex(operation, 2)}${mac(senderMac)}${address(sender)}${mac(targetMac)}${address(target)}`;
}

/** The frame with its number in it: in place of a mark, or at its end (where a bridge may cut off what is no part of the packet). */
export function marked(bytes: string, at: number): string {
  const mark = MARK + hex(at, 2);
  return bytes.includes(MARK) ? bytes.replace(`${MARK}0000`, mark) : bytes + mark;
}

/** The numbers of marked frames among others. */
export function marksIn(frames: readonly string[]): number[] {
  return frames.flatMap((bytes) => {
    const found = new RegExp(`${MARK}([0-9a-f]{4})`).exec(bytes);
    return found === null ? [] : [Number.parseInt(found[1] ?? '', 16)];
  });
}
