import { BulkheadError } from '@bulkhead/platform/kernel';
import { CAPTURE_LIMITS, CaptureSource, type CaptureRecord } from './capture-source.ts';
import { readPcapng } from './pcapng.ts';

/** Which container a capture is in. */
export type CaptureFormat = 'pcap' | 'pcap-ns' | 'pcapng';

/**
 * Reads the packets of a pcap (both byte orders, micro- and nanoseconds) or pcapng file, strictly and in bounded memory.
 * Format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html
 * @throws BulkheadError START_CAPTURE_UNREADABLE, _FORMAT, _DAMAGED, _TRUNCATED, _TOO_LARGE, _EMPTY.
 */
export async function* readCapture(
  path: string,
  onFormat: (format: CaptureFormat) => void = () => undefined,
): AsyncGenerator<CaptureRecord, void, undefined> {
  const source = await CaptureSource.open(path);
  try {
    const magic = await source.take(4);
    const kind = magic === undefined ? undefined : MAGICS.get(magic.toString('hex'));
    if (kind === undefined) throw unknownFormat(path, magic ?? Buffer.alloc(0));
    onFormat(kind.format);
    let packets = 0;
    const records = kind.format === 'pcapng' ? readPcapng(source) : readPcap(source, kind);
    for await (const record of records) {
      packets += 1;
      if (packets > CAPTURE_LIMITS.packets) {
        throw new BulkheadError({
          code: 'START_CAPTURE_TOO_LARGE',
          message: `The capture ${path} has more than ${String(CAPTURE_LIMITS.packets)} packets.`,
          hint: 'Split it and replay the parts.',
          fields: { path },
        });
      }
      yield record;
    }
    if (packets === 0) {
      throw new BulkheadError({
        code: 'START_CAPTURE_EMPTY',
        message: `The capture ${path} holds no packets.`,
        fields: { path },
      });
    }
  } finally {
    await source.close();
  }
}

interface Kind {
  format: CaptureFormat;
  little: boolean;
}

const MAGICS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['d4c3b2a1', { format: 'pcap', little: true }],
  ['a1b2c3d4', { format: 'pcap', little: false }],
  ['4d3cb2a1', { format: 'pcap-ns', little: true }],
  ['a1b23c4d', { format: 'pcap-ns', little: false }],
  ['0a0d0d0a', { format: 'pcapng', little: true }],
]);

async function* readPcap(source: CaptureSource, kind: Kind): AsyncGenerator<CaptureRecord> {
  const header = await source.take(20);
  if (header === undefined) throw source.truncated(0);
  const u32 = (buffer: Buffer, at: number) =>
    kind.little ? buffer.readUInt32LE(at) : buffer.readUInt32BE(at);
  const major = kind.little ? header.readUInt16LE(0) : header.readUInt16BE(0);
  if (major !== 2) throw source.damaged(`version ${String(major)} of pcap is unknown`);
  const snapLength = u32(header, 12);
  // 0 means "no limit" in files of some tools; anything above libpcap's own bound is a lie or an attack on the reader.
  if (snapLength > CAPTURE_LIMITS.recordBytes) {
    throw source.damaged(`it claims packets of up to ${String(snapLength)} bytes`);
  }
  // The upper bits hold the frame check sequence's length; the type itself is in the lower 16.
  const type = u32(header, 16) & 0xffff;
  const divisor = kind.format === 'pcap-ns' ? 1e9 : 1e6;
  for (let packets = 0; source.remaining > 0; packets += 1) {
    const head = await source.take(16);
    if (head === undefined) throw source.truncated(packets);
    const time = u32(head, 0) + u32(head, 4) / divisor;
    const length = u32(head, 8);
    const originalLength = u32(head, 12);
    if (length > CAPTURE_LIMITS.recordBytes || originalLength > 0x7fffffff) {
      throw source.damaged(
        `record ${String(packets + 1)} claims ${String(length)} of ${String(originalLength)} bytes`,
      );
    }
    const data = await source.take(length);
    if (data === undefined) throw source.truncated(packets);
    yield { linkType: type, time, originalLength: Math.max(originalLength, length), data };
  }
}

function unknownFormat(path: string, magic: Buffer): BulkheadError {
  const start = magic.toString('hex');
  const packed = start.startsWith('1f8b') || start.startsWith('28b52ffd') || start.startsWith('fd377a58');
  return new BulkheadError({
    code: 'START_CAPTURE_FORMAT',
    message: `The file ${path} is ${packed ? 'compressed' : 'neither pcap nor pcapng'} (it starts with ${start || 'nothing'}).`,
    hint: packed ? 'Decompress it first.' : 'Give a capture made by tcpdump, Wireshark or a like program.',
    fields: { path },
  });
}
