import { open } from 'node:fs/promises';
import { CAPTURE_LIMITS } from './capture-source.ts';
import { checkCapture, type CaptureFacts } from './check-capture.ts';

const FLUSH_BYTES = 1 << 20;
/** Packets that a capture puts closer together than this (many have no times at all) are spread out: 20,000 per second. */
const MIN_GAP_S = 1 / 20_000;

/**
 * Writes the frames of a capture, as they were on the wire, into a plain pcap file of our own. What is played is this file: a
 * hostile capture is parsed by our strict reader only and never by the C library behind the player.
 * @param maxGapMs longer pauses in the capture are shortened to this.
 * @throws BulkheadError as {@link checkCapture}.
 */
export async function writeWireFile(
  capture: string,
  target: string,
  maxGapMs: number,
): Promise<CaptureFacts> {
  const file = await open(target, 'wx', 0o600);
  try {
    let pending: Buffer[] = [fileHeader()];
    let pendingBytes = 24;
    const flush = async () => {
      await file.appendFile(Buffer.concat(pending));
      pending = [];
      pendingBytes = 0;
    };
    let previous: number | undefined;
    let clock = 0;
    const facts = await checkCapture(capture, (frame, time) => {
      // Captures joined from several files jump in time, in both directions; a wire does not.
      clock += Math.min(Math.max(MIN_GAP_S, time - (previous ?? time)), Math.max(MIN_GAP_S, maxGapMs / 1000));
      previous = time;
      pending.push(recordHeader(clock, frame.length), Buffer.from(frame));
      pendingBytes += 16 + frame.length;
      return pendingBytes >= FLUSH_BYTES ? flush() : undefined;
    });
    await flush();
    return facts;
  } finally {
    await file.close();
  }
}

/** Little-endian pcap 2.4, microseconds, Ethernet. */
function fileHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(CAPTURE_LIMITS.recordBytes, 16);
  header.writeUInt32LE(1, 20);
  return header;
}

function recordHeader(time: number, length: number): Buffer {
  const header = Buffer.alloc(16);
  const microseconds = Math.round(time * 1e6);
  header.writeUInt32LE(1 + Math.floor(microseconds / 1e6), 0);
  header.writeUInt32LE(microseconds % 1e6, 4);
  header.writeUInt32LE(length, 8);
  header.writeUInt32LE(length, 12);
  return header;
}
