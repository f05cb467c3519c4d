export { checkCapture, type CaptureFacts } from './check-capture.ts';
export { readCapture, type CaptureFormat } from './capture-reader.ts';
export { CAPTURE_LIMITS, type CaptureRecord } from './capture-source.ts';
export { findIp, verifyChecksums, type ChecksumVerdict } from './checksums.ts';
export { STANDARD_FRAME_BYTES } from './segments.ts';
export { linkType, type LinkType } from './link-types.ts';
export { writeWireFile } from './wire-file.ts';
export type { WireCounts } from './wire-frames.ts';
export {
  openReplay,
  removeReplay,
  type LoadOptions,
  type PlayOptions,
  type PlayResult,
  type Replay,
  type ReplayOptions,
} from './replay.ts';
