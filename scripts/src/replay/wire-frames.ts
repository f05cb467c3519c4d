import { BulkheadError } from '@bulkhead/platform/kernel';
import { CAPTURE_LIMITS, type CaptureRecord } from './capture-source.ts';
import { finishChecksums } from './checksums.ts';
import { linkType, toEthernet } from './link-types.ts';
import { splitSegments, STANDARD_FRAME_BYTES } from './segments.ts';

/** What was done to a capture's packets so that they can be on an Ethernet wire. */
export interface WireCounts {
  /** Packets in the file. */
  packets: number;
  /** Frames to play; more than packets when over-long segments were split. */
  frames: number;
  /** Longest frame to play, bytes without the frame check sequence. */
  longestFrame: number;
  /** Packets whose checksums the capturing machine had left to its network card; completed. */
  finishedChecksums: number;
  /** Packets with wrong checksums; played as they are. */
  wrongChecksums: number;
  /** Over-long TCP packets (segmentation or receive offload); split into standard frames. */
  splitPackets: number;
  /** Packets that the capture holds only the start of; played as they are. */
  cutPackets: number;
  /** Left out: shorter than an Ethernet header, or no IP packet where one must be. */
  unplayable: number;
  /** Left out: larger than {@link CAPTURE_LIMITS}.frameBytes and not TCP. */
  tooLarge: number;
}

/** A count of nothing yet. */
export function emptyWireCounts(): WireCounts {
  return {
    packets: 0,
    frames: 0,
    longestFrame: 0,
    finishedChecksums: 0,
    wrongChecksums: 0,
    splitPackets: 0,
    cutPackets: 0,
    unplayable: 0,
    tooLarge: 0,
  };
}

/**
 * The frames that one packet of a capture was on the wire, with true checksums; counts what was done.
 * @throws BulkheadError START_CAPTURE_LINK_TYPE.
 */
export function wireFrames(record: CaptureRecord, path: string, counts: WireCounts): Buffer[] {
  const type = linkType(record.linkType);
  if (type.framing === 'refused') {
    throw new BulkheadError({
      code: 'START_CAPTURE_LINK_TYPE',
      message: `The capture ${path} was taken on ${type.name} (link type ${String(type.number)}), which cannot be replayed onto Ethernet.`,
      hint: 'Capture on an Ethernet interface, or rewrite the file (tcprewrite --dlt=enet) and replay the result.',
      fields: { path, linkType: type.number, linkTypeName: type.name },
    });
  }
  counts.packets += 1;
  const cut = record.originalLength > record.data.length;
  if (cut) counts.cutPackets += 1;
  const frame = toEthernet(type.framing, record.data);
  if (frame === undefined) {
    counts.unplayable += 1;
    return [];
  }
  const verdict = finishChecksums(frame);
  if (verdict === 'unfinished') counts.finishedChecksums += 1;
  if (verdict === 'wrong') counts.wrongChecksums += 1;
  const split = frame.length > STANDARD_FRAME_BYTES + 8 && !cut ? splitSegments(frame) : undefined;
  if (split !== undefined) counts.splitPackets += 1;
  const frames = split ?? [frame];
  if (frames.some((one) => one.length > CAPTURE_LIMITS.frameBytes)) {
    counts.tooLarge += 1;
    return [];
  }
  counts.frames += frames.length;
  for (const one of frames) counts.longestFrame = Math.max(counts.longestFrame, one.length);
  return frames;
}
