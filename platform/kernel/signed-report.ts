import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';

/** A signed document: the signature covers the canonical JSON of `report` and nothing else. */
export interface SignedReport<T> {
  algorithm: 'Ed25519';
  /** Base64 of the 32 bytes of RFC 8032. */
  publicKey: string;
  report: T;
  /** Base64 of 64 bytes. */
  signature: string;
}

/** Signs reports with one key. */
export interface ReportSigner {
  /** Base64 of the public key. */
  readonly publicKey: string;
  sign<T>(report: T): SignedReport<T>;
}

/** PKCS #8 and SubjectPublicKeyInfo for Ed25519 (RFC 8410) up to the 32 bytes of the key. */
const PRIVATE_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

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

/** Whether the signature fits what it says. Throws nothing: what is no key or no signature fits nothing. */
export function signatureFits({
  publicKey,
  report,
  signature,
}: Omit<SignedReport<unknown>, 'algorithm'>): boolean {
  try {
    const spki = Buffer.concat([PUBLIC_HEAD, Buffer.from(publicKey, 'base64')]);
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    return verify(null, Buffer.from(canonicalJson(report)), key, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}

/**
 * JSON in the one form that is signed (RFC 8785, JSON Canonicalization Scheme): keys sorted by UTF-16 code units, no white space,
 * numbers as ECMAScript prints them. Keys whose value is undefined are left out.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
