/** Bounds of one transfer. Tests give shorter ones. */
export interface TransferLimits {
  /** For the TCP connection, and again for TLS and for the proxy. */
  connectMs: number;
  /** From the request to the end of the response's head. */
  headMs: number;
  headBytes: number;
  /** Without a byte. */
  idleMs: number;
  /** At least `minBytesPerS` on average over each `rateWindowMs`. */
  rateWindowMs: number;
  minBytesPerS: number;
  /** The whole body: `totalMs`, and more for a large one: its size at `totalBytesPerS`. */
  totalMs: number;
  totalBytesPerS: number;
  redirects: number;
  /** Largest file with a checksum. */
  checksumBytes: number;
  /** Largest file whose signature can be checked: it is read into memory. */
  signedBytes: number;
  /** What arrived is made durable every so many bytes, and room is looked for. */
  checkpointBytes: number;
  /** Left free on the volume. */
  reserveBytes: number;
}

const MIB = 1024 * 1024;

export const LIMITS: Readonly<TransferLimits> = Object.freeze({
  connectMs: 10_000,
  headMs: 30_000,
  headBytes: 64 * 1024,
  idleMs: 30_000,
  rateWindowMs: 60_000,
  minBytesPerS: 1024,
  totalMs: 600_000,
  totalBytesPerS: 64 * 1024,
  redirects: 5,
  checksumBytes: 256 * 1024,
  signedBytes: 128 * MIB,
  checkpointBytes: 4 * MIB,
  reserveBytes: 8 * MIB,
});
