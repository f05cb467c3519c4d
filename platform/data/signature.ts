import { z } from 'zod';
import { BulkheadError, canonicalJson, signatureFits } from '../kernel/index.ts';

/** A report that is larger was not made by a sensor. */
const MAX_REPORT_BYTES = 64 * 1024 * 1024;

const base64 = (bytes: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9+/]+={0,2}$/)
    .refine(
      (text) => Buffer.from(text, 'base64').length === bytes,
      `is not ${String(bytes)} bytes of base64`,
    );

const SignedSchema = z.strictObject({
  algorithm: z.literal('Ed25519'),
  publicKey: base64(32),
  report: z.looseObject({ kind: z.literal('bulkhead-data-report'), sensor: z.string(), time: z.string() }),
  signature: base64(64),
});
export type VerifiedReport = z.output<typeof SignedSchema>;

/**
 * Checks a report that came as a file; needs no sensor. The file must be canonical as it stands, so that what a person sees in
 * it is what was signed (no key twice, nothing beside it).
 * @param expectedKey base64 of the sensor's key, when it is known; without it, only that the report is whole is proven.
 * @throws BulkheadError DATA_REPORT_UNREADABLE, DATA_REPORT_FORGED
 */
export function verifyReport(text: string, expectedKey?: string): VerifiedReport {
  const signed = readSigned(text);
  if (expectedKey !== undefined && expectedKey !== signed.publicKey) {
    throw forged('it was signed with another key than the one that was given');
  }
  if (!signatureFits(signed)) throw forged('the signature does not fit what it says');
  return signed;
}

function readSigned(text: string): VerifiedReport {
  if (text.length > MAX_REPORT_BYTES) throw unreadable('it is larger than a report can be');
  let signed: VerifiedReport;
  try {
    signed = SignedSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw unreadable('it is not a signed data report', cause);
  }
  if (canonicalJson(signed) !== text.trimEnd()) throw forged('it was reformatted or added to');
  return signed;
}

function unreadable(why: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'DATA_REPORT_UNREADABLE',
    message: `The data report cannot be checked: ${why}.`,
    hint: 'Give the file that `bulkhead data report --json --output FILE` wrote.',
    cause,
  });
}

function forged(why: string): BulkheadError {
  return new BulkheadError({
    code: 'DATA_REPORT_FORGED',
    message: `This is not the data report of that sensor: ${why}.`,
    hint: 'Ask for a new report, and compare its key with what `bulkhead data key` shows on the sensor.',
  });
}
