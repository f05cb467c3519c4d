import { BulkheadError } from '@bulkhead/platform/kernel';
import { readCapture, type CaptureFormat } from './capture-reader.ts';
import { emptyWireCounts, wireFrames, type WireCounts } from './wire-frames.ts';

/** What is in a capture file, after every record was looked at. */
export interface CaptureFacts extends WireCounts {
  path: string;
  format: CaptureFormat;
  /** From the first to the latest packet; 0 when the file has no times. */
  durationMs: number;
}

/**
 * Reads a whole capture, strictly and in bounded memory, and tells what a replay will do with it.
 * @param onFrame called for each frame to play, in order, with the packet's time in seconds since 1970.
 * @throws BulkheadError START_CAPTURE_UNREADABLE (not there, not a file), _FORMAT (not pcap or pcapng), _DAMAGED (its
 *         structure contradicts itself), _TRUNCATED (ends inside a record), _EMPTY (nothing to play), _TOO_LARGE,
 *         _LINK_TYPE (not Ethernet and not bare IP).
 */
export async function checkCapture(
  path: string,
  onFrame?: (frame: Buffer, time: number) => Promise<void> | undefined,
): Promise<CaptureFacts> {
  const counts = emptyWireCounts();
  let format: CaptureFormat = 'pcap';
  let first: number | undefined;
  let latest = 0;
  for await (const record of readCapture(path, (found) => (format = found))) {
    first ??= record.time;
    latest = Math.max(latest, record.time);
    for (const frame of wireFrames(record, path, counts)) await onFrame?.(frame, record.time);
  }
  if (counts.frames === 0) {
    throw new BulkheadError({
      code: 'START_CAPTURE_EMPTY',
      message: `The capture ${path} holds ${String(counts.packets)} packets, none of which can be on an Ethernet wire (${String(counts.unplayable)} without a usable header, ${String(counts.tooLarge)} too large).`,
      fields: { path, packets: counts.packets },
    });
  }
  return { path, format, durationMs: Math.max(0, (latest - (first ?? 0)) * 1000), ...counts };
}
