import 'reflect-metadata';
import { createHash, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  type Extension,
} from '@peculiar/x509';
import { sensorUri } from '@bulkhead/platform/contracts';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { BACKDATE_MS, DAY_MS, KEY_ALGORITHM, newSerial, type Authority } from './authority.ts';

export const SENSOR_LIFETIME_MS = 30 * DAY_MS;
export const SERVER_LIFETIME_MS = 90 * DAY_MS;
const MAX_REQUEST_BYTES = 8192;

/** The only thing that is taken from a certificate request. */
export interface RequestedKey {
  publicKey: webcrypto.CryptoKey;
  /** SHA-256 of the SubjectPublicKeyInfo, hexadecimal: tells keys apart. */
  digest: string;
}

/** A certificate as it was just made. */
export interface IssuedCertificate {
  pem: string;
  der: Uint8Array;
  /** 32 hexadecimal digits. */
  serial: string;
  keyDigest: string;
  notBeforeMs: number;
  notAfterMs: number;
}

/**
 * The key of a PKCS #10 request (PEM or DER) whose own signature proves that the asker holds it. Its subject and the extensions
 * that it asks for are not looked at.
 * @throws BulkheadError FLEET_CA_REQUEST_INVALID
 */
export async function readRequest(csr: string | Uint8Array): Promise<RequestedKey> {
  if (csr.length > MAX_REQUEST_BYTES) throw invalidRequest('is larger than 8 KiB');
  let request: Pkcs10CertificateRequest;
  let spki: ArrayBuffer;
  let publicKey: webcrypto.CryptoKey;
  try {
    request = new Pkcs10CertificateRequest(typeof csr === 'string' ? pemToDer(csr) : new Uint8Array(csr));
    spki = request.publicKey.rawData;
    publicKey = await webcrypto.subtle.importKey('spki', spki, KEY_ALGORITHM, true, ['verify']);
  } catch (cause) {
    throw invalidRequest('is no PKCS #10 request with an ECDSA key on P-256', cause);
  }
  const proven = await request.verify().catch(() => false);
  if (!proven) throw invalidRequest('is not signed by its own key');
  return { publicKey, digest: createHash('sha256').update(new Uint8Array(spki)).digest('hex') };
}

/** A certificate that lets the holder of `key` attach as `sensor`, and nothing else. */
export async function issueForSensor(
  authority: Authority,
  sensor: string,
  key: RequestedKey,
  nowMs: number,
  lifetimeMs = SENSOR_LIFETIME_MS,
): Promise<IssuedCertificate> {
  return issue(authority, key.publicKey, key.digest, `CN=${sensor}`, nowMs, lifetimeMs, [
    new SubjectAlternativeNameExtension([{ type: 'url', value: sensorUri(sensor) }]),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth], true),
  ]);
}

/** A certificate for the fleet's listeners. `names` are DNS names (`*.` allowed) and IP addresses. */
export async function issueForServer(
  authority: Authority,
  names: readonly string[],
  publicKey: webcrypto.CryptoKey,
  nowMs: number,
): Promise<IssuedCertificate> {
  const entries = names.map((value) => ({
    type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
    value,
  }));
  return issue(authority, publicKey, '', 'CN=Bulkhead fleet', nowMs, SERVER_LIFETIME_MS, [
    new SubjectAlternativeNameExtension(entries),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth], true),
  ]);
}

async function issue(
  authority: Authority,
  publicKey: webcrypto.CryptoKey,
  keyDigest: string,
  subject: string,
  nowMs: number,
  lifetimeMs: number,
  extensions: Extension[],
): Promise<IssuedCertificate> {
  // Whole seconds: X.509 knows no parts of them.
  const second = Math.floor(nowMs / 1000) * 1000;
  const notBeforeMs = second - BACKDATE_MS;
  const notAfterMs = Math.min(second + lifetimeMs, authority.notAfterMs);
  const serial = newSerial();
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial,
    subject,
    issuer: authorityName(authority),
    notBefore: new Date(notBeforeMs),
    notAfter: new Date(notAfterMs),
    publicKey,
    signingKey: authority.signingKey,
    signingAlgorithm: KEY_ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...extensions,
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(
        authority.parsed.publicKey.export({ type: 'spki', format: 'der' }),
      ),
    ],
  });
  return {
    pem: certificate.toString('pem') + '\n',
    der: new Uint8Array(certificate.rawData),
    serial,
    keyDigest,
    notBeforeMs,
    notAfterMs,
  };
}

function authorityName(authority: Authority): string {
  // One line per attribute in Node; the CA has one only.
  return authority.parsed.subject.replaceAll('\n', ', ');
}

function pemToDer(pem: string): Uint8Array<ArrayBuffer> {
  const body =
    /^\s*-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END (?:NEW )?CERTIFICATE REQUEST-----\s*$/.exec(
      pem,
    )?.[1];
  if (body === undefined) throw new Error('no PEM of a certificate request');
  return new Uint8Array(Buffer.from(body, 'base64'));
}

function invalidRequest(why: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_CA_REQUEST_INVALID',
    message: `The certificate request ${why}.`,
    hint: 'The sensor makes it; a sensor of this fleet’s version or the one before makes a valid one.',
    ...(cause === undefined ? {} : { cause }),
  });
}
