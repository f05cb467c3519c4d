import { BulkheadError } from '../kernel/index.ts';

/** Exit codes of `bulkhead`; stable. */
export const EXIT = Object.freeze({
  ok: 0,
  /** The command did not succeed, or (status, doctor) something is wrong. */
  failed: 1,
  /** The command line is not understood. */
  usage: 2,
  /** No sensor answers, or no fleet. */
  unreachable: 3,
  /** The named thing does not exist. */
  unknown: 4,
});

/** The exit code that fits an error. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof BulkheadError)) return EXIT.failed;
  if (error.code === 'CLI_SENSOR_UNREACHABLE' || error.code === 'CLI_FLEET_UNREACHABLE')
    return EXIT.unreachable;
  if (error.code === 'CLI_USAGE') return EXIT.usage;
  if (error.code.endsWith('_UNKNOWN')) return EXIT.unknown;
  return EXIT.failed;
}
