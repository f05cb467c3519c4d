import { CAPTURE_LIMITS, type CaptureRecord, type CaptureSource } from './capture-source.ts';

interface Interface {
  linkType: number;
  /** Time units per second. */
  resolution: number;
}

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const MAX_INTERFACES = 1024;
const MAX_BLOCK_BYTES = 16 << 20;
const OPTION_TIME_RESOLUTION = 9;

/**
 * The packets of a pcapng file whose first four bytes were read already.
 * Format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html
 */
export async function* readPcapng(source: CaptureSource): AsyncGenerator<CaptureRecord> {
  let section = await readSectionHeader(source);
  let interfaces: Interface[] = [];
  let packets = 0;
  while (source.remaining > 0) {
    const head = await source.take(4);
    if (head === undefined) throw source.truncated(packets);
    if (head.readUInt32BE(0) === SECTION_HEADER) {
      section = await readSectionHeader(source);
      interfaces = [];
      continue;
    }
    const u32 = section;
    const type = u32(head, 0);
    const body = await readBlockBody(source, u32, packets);
    if (type === INTERFACE_DESCRIPTION) {
      if (interfaces.length >= MAX_INTERFACES) throw source.damaged('it describes more than 1024 interfaces');
      interfaces.push(readInterface(source, body, u32));
    } else if (type === ENHANCED_PACKET || type === SIMPLE_PACKET) {
      yield readPacket(source, type, body, u32, interfaces);
      packets += 1;
    }
  }
}

type ReadU32 = (buffer: Buffer, at: number) => number;
const LITTLE: ReadU32 = (buffer, at) => buffer.readUInt32LE(at);
const BIG: ReadU32 = (buffer, at) => buffer.readUInt32BE(at);

/** Reads the rest of a section header block (its type was read) and tells the section's byte order. */
async function readSectionHeader(source: CaptureSource): Promise<ReadU32> {
  const start = await source.take(8);
  if (start === undefined) throw source.truncated(0);
  const order = start.readUInt32BE(4);
  if (order !== 0x1a2b3c4d && order !== 0x4d3c2b1a) throw source.damaged('its section has no byte order');
  const u32 = order === 0x1a2b3c4d ? BIG : LITTLE;
  const length = u32(start, 0);
  if (length < 28 || length % 4 !== 0 || length > MAX_BLOCK_BYTES) {
    throw source.damaged(`a section header claims ${String(length)} bytes`);
  }
  const rest = await source.take(length - 12);
  if (rest === undefined) throw source.truncated(0);
  if (u32(rest, rest.length - 4) !== length) throw source.damaged('a section header contradicts its length');
  return u32;
}

/** Reads a block after its type: length, body, length again. */
async function readBlockBody(source: CaptureSource, u32: ReadU32, packets: number): Promise<Buffer> {
  const lengthField = await source.take(4);
  if (lengthField === undefined) throw source.truncated(packets);
  const length = u32(lengthField, 0);
  if (length < 12 || length % 4 !== 0 || length > MAX_BLOCK_BYTES) {
    throw source.damaged(`a block claims ${String(length)} bytes`);
  }
  const rest = await source.take(length - 8);
  if (rest === undefined) throw source.truncated(packets);
  if (u32(rest, rest.length - 4) !== length) throw source.damaged('a block contradicts its length');
  return rest.subarray(0, rest.length - 4);
}

function readInterface(source: CaptureSource, body: Buffer, u32: ReadU32): Interface {
  if (body.length < 8) throw source.damaged('an interface description is too short');
  const u16 = (at: number) => (u32 === BIG ? body.readUInt16BE(at) : body.readUInt16LE(at));
  let resolution = 1e6;
  for (let at = 8; at + 4 <= body.length;) {
    const code = u16(at);
    const length = u16(at + 2);
    if (code === 0) break;
    if (at + 4 + length > body.length) throw source.damaged('an option is longer than its block');
    if (code === OPTION_TIME_RESOLUTION && length === 1) {
      const value = body[at + 4] ?? 6;
      const exponent = value & 0x7f;
      if (exponent > 63) throw source.damaged('an interface has an impossible time resolution');
      resolution = value & 0x80 ? 2 ** exponent : 10 ** exponent;
    }
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return { linkType: u16(0), resolution };
}

function readPacket(
  source: CaptureSource,
  type: number,
  body: Buffer,
  u32: ReadU32,
  interfaces: readonly Interface[],
): CaptureRecord {
  const simple = type === SIMPLE_PACKET;
  const headerBytes = simple ? 4 : 20;
  if (body.length < headerBytes) throw source.damaged('a packet block is too short');
  const on = interfaces[simple ? 0 : u32(body, 0)];
  if (on === undefined) throw source.damaged('a packet names an interface that is not described');
  const originalLength = u32(body, simple ? 0 : 16);
  // A simple packet block has no captured length: what the block holds, at most the original length.
  const length = simple ? Math.min(originalLength, body.length - headerBytes) : u32(body, 12);
  if (length > CAPTURE_LIMITS.recordBytes || length > body.length - headerBytes) {
    throw source.damaged(`a packet claims ${String(length)} bytes`);
  }
  const ticks = simple ? 0 : u32(body, 4) * 2 ** 32 + u32(body, 8);
  return {
    linkType: on.linkType,
    time: ticks / on.resolution,
    originalLength: Math.max(originalLength, length),
    data: body.subarray(headerBytes, headerBytes + length),
  };
}
