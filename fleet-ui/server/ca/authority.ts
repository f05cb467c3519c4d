import 'reflect-metadata';
import { createHash, createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { BulkheadError, writeFileAtomic } from '@bulkhead/platform/kernel';

export const DAY_MS = 86_400_000;
/** ECDSA on P-256 with SHA-256: what every TLS library knows. */
export const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Certificates are valid from a day before they are made: the other side's clock may be slow. */
export const BACKDATE_MS = DAY_MS;
const CA_LIFETIME_MS = 3652 * DAY_MS;
const KEY_FILE = 'ca.key';
const CERTIFICATE_FILE = 'ca.pem';
/** Of the listeners; kept in the same folder. */
export const SERVER_CERTIFICATE_FILE = 'server.pem';

/** The fleet's own CA: one key, made at the first start, and what it says of itself. */
export interface Authority {
  /** PEM. */
  certificate: string;
  parsed: X509Certificate;
  /** SHA-256 of the certificate (DER), base64url: what people compare. */
  fingerprint: string;
  notAfterMs: number;
  signingKey: webcrypto.CryptoKey;
}

/**
 * Reads the CA below `dir`, or makes it when neither key nor certificate is there.
 * @throws BulkheadError FLEET_CA_DAMAGED: it is never made anew over the rest of an old one, which would cut off every sensor.
 */
export async function openAuthority(dir: string, nowMs: number): Promise<Authority> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  // The key must not be readable by others even where an older folder was.
  await chmod(dir, 0o700);
  const certificateText = await readOrNothing(join(dir, CERTIFICATE_FILE));
  let keyText = await readOrNothing(join(dir, KEY_FILE));
  if (keyText === undefined) {
    if (certificateText !== undefined) throw damaged(dir, 'has a certificate but no key');
    keyText = await newKeyPem();
    await writeFileAtomic(join(dir, KEY_FILE), keyText, 0o600);
  }
  await chmod(join(dir, KEY_FILE), 0o600);
  const signingKey = await importKey(keyText).catch((cause: unknown) => {
    throw damaged(dir, 'has a key that is not one of ECDSA on P-256', cause);
  });
  if (
    certificateText === undefined &&
    (await readOrNothing(join(dir, SERVER_CERTIFICATE_FILE))) !== undefined
  ) {
    throw damaged(dir, 'has lost its certificate');
  }
  // A key without a certificate is a first start that was cut short: nothing was ever signed with it.
  const pem = certificateText ?? (await makeCertificate(keyText, signingKey, nowMs));
  if (certificateText === undefined) await writeFileAtomic(join(dir, CERTIFICATE_FILE), pem, 0o644);
  const parsed = readCertificate(pem);
  if (parsed?.ca !== true || !parsed.checkPrivateKey(createPrivateKey(keyText))) {
    throw damaged(dir, 'has a certificate that is none of its key');
  }
  return {
    certificate: pem,
    parsed,
    fingerprint: fingerprintOf(parsed.raw),
    notAfterMs: Date.parse(parsed.validTo),
    signingKey,
  };
}

/** @returns undefined for anything that is no certificate. */
export function readCertificate(pemOrDer: string | Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(pemOrDer);
  } catch {
    return undefined;
  }
}

export function fingerprintOf(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('base64url');
}

/** 127 random bits as 32 hexadecimal digits: positive in DER and without leading zeros, so that it is written in one way only. */
export function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

/** PKCS #8, PEM. */
export async function newKeyPem(): Promise<string> {
  const pair = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  return (
    PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey), 'PRIVATE KEY') + '\n'
  );
}

/** The public half of a private key, as WebCrypto has it. */
export async function publicKeyOf(keyPem: string): Promise<webcrypto.CryptoKey> {
  const { kty = '', crv = '', x = '', y = '' } = createPrivateKey(keyPem).export({ format: 'jwk' });
  return webcrypto.subtle.importKey('jwk', { kty, crv, x, y }, KEY_ALGORITHM, true, ['verify']);
}

async function importKey(keyPem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, KEY_ALGORITHM, false, ['sign']);
}

async function makeCertificate(
  keyPem: string,
  signingKey: webcrypto.CryptoKey,
  nowMs: number,
): Promise<string> {
  const publicKey = await publicKeyOf(keyPem);
  // The name tells two fleets apart for people who import both.
  const name = `CN=Bulkhead fleet ${randomBytes(3).toString('hex')}`;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: name,
    issuer: name,
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + CA_LIFETIME_MS),
    publicKey,
    signingKey,
    signingAlgorithm: KEY_ALGORITHM,
    extensions: [
      // It issues certificates for machines and none for other authorities.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return certificate.toString('pem') + '\n';
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function damaged(dir: string, why: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_CA_DAMAGED',
    message: `The fleet's CA in ${dir} ${why}.`,
    hint: 'Restore the folder from a backup. With a new CA every sensor would have to be adopted again.',
    fields: { dir },
    ...(cause === undefined ? {} : { cause }),
  });
}
