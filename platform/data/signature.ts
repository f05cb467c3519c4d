import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { BulkheadError } from '../kernel/index.ts';
import { canonicalJson } from './canonical.ts';

/** A signed document: the signature covers the canonical JSON of `report` and nothing else. */
export interface SignedReport<T> {
  algorithm: 'Ed25519';
  /** Base64 of the 32 bytes of RFC 8032. */
  publicKey: string;
  report: T;
  /** Base64 of 64 bytes. */
  signature: string;
}

/** PKCS #8 and SubjectPublicKeyInfo for Ed25519 (RFC 8410) up to the 32 bytes of the key. */
const PRIVATE_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** A report that is larger was not made by a sensor. */
const MAX_REPORT_BYTES = 64 * 1024 * 1024;

/** Signs reports of one sensor. */
export interface ReportSigner {
  /** Base64 of the public key: what `bulkhead data key` shows. */
  readonly publicKey: string;
  sign<T>(report: T): SignedReport<T>;
}

/** @param seed 32 secret bytes; the same seed gives the same key for ever (RFC 8032 §5.1.5). */
export function reportSigner(seed: Buffer): ReportSigner {
  const secret = Buffer.concat([PRIVATE_HEAD, seed]);
  const key: KeyObject = createPrivateKey({ key: secret, format: 'der', type: 'pkcs8' });
  secret.fill(0);
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const publicKey = spki.subarray(PUBLIC_HEAD.length).toString('base64');
  return {
    publicKey,
    sign: (report) => ({
      algorithm: 'Ed25519',
      publicKey,
      report,
      signature: sign(null, Buffer.from(canonicalJson(report)), key).toString('base64'),
    }),
  };
}

/** What people compare: the first 16 bytes of the key's SHA-256, in groups of four digits. */
export function keyFingerprint(publicKey: string): string {
  const digest = createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex').slice(0, 32);
  return digest.match(/.{4}/g)?.join(' ') ?? digest;
}

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
  const spki = Buffer.concat([PUBLIC_HEAD, Buffer.from(signed.publicKey, 'base64')]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const whole = verify(
    null,
    Buffer.from(canonicalJson(signed.report)),
    key,
    Buffer.from(signed.signature, 'base64'),
  );
  if (!whole) throw forged('the signature does not fit what it says');
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
