export {
  BulkheadError,
  describeError,
  hasCode,
  type ErrorCode,
  type ErrorFields,
  type ErrorInit,
} from './errors.ts';
export { Reverter, withReverter, type Undo } from './reverter.ts';
export { run, type CommandOptions, type CommandResult } from './command.ts';
export { linkName, site, sitePaths, tableName, type LinkRole, type Site } from './site.ts';
export { openLog, type Logger } from './log.ts';
export { writeFileAtomic } from './atomic-file.ts';
export { backoffMs, DEFAULT_BACKOFF, type BackoffPolicy } from './backoff.ts';
export { waitFor } from './wait.ts';
export { jsonPointer, parseStrict } from './parse.ts';
export {
  canonicalJson,
  keyFingerprint,
  reportSigner,
  signatureFits,
  type ReportSigner,
  type SignedReport,
} from './signed-report.ts';
export {
  addressHex,
  addressWords,
  inRange,
  parseRange,
  rangeWords,
  type AddressRange,
} from './address-range.ts';
export { ipv6Groups } from './ip-address.ts';
