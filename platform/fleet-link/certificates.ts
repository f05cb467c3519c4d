import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createSign,
  timingSafeEqual,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import { returnSigningInput, SensorIdSchema, sensorUri } from '../contracts/index.ts';
import { BulkheadError, describeError } from '../kernel/index.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** What is renewed: when this share of its life is over. */
const RENEW_AT = 2 / 3;

/** A key of the sensor's own with the request for its certificate (PKCS #10). */
export interface KeyAndRequest {
  /** PEM, PKCS #8. Never leaves the sensor. */
  keyPem: string;
  csrPem: string;
}

/** Makes a key (P-256) and the request for it. The name is the fleet's to give, so the request names only `subject`. */
export async function makeKeyAndRequest(subject: string): Promise<KeyAndRequest> {
  // Loaded when a key is made, which is once in weeks: it takes memory that every sensor would pay for.
  await import('reflect-metadata');
  const { Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509');
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [subject] }],
    keys,
    signingAlgorithm: ALGORITHM,
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const keyPem = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({
    format: 'pem',
    type: 'pkcs8',
  }) as string;
  return { keyPem, csrPem: request.toString('pem') };
}

/** The DER of a PEM of one block. */
export function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}

/** Certificates (DER) as one PEM, the leaf first. */
export function chainPem(certificates: readonly Uint8Array[]): string {
  return certificates.map((der) => new X509Certificate(der).toString()).join('');
}

/** The first certificate of a PEM. @throws BulkheadError FLEET_LINK_ANSWER_INVALID */
export function leafOf(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new BulkheadError({
      code: 'FLEET_LINK_ANSWER_INVALID',
      message: `What should be a certificate is none: ${describeError(cause)}`,
      cause,
    });
  }
}

/**
 * Whether a certificate is the one of which a join token carries the SHA-256 (of the DER, base64url). Compared in constant time.
 */
export function hasFingerprint(certificate: X509Certificate, fingerprint: string): boolean {
  const actual = createHash('sha256').update(certificate.raw).digest();
  const expected = Buffer.from(fingerprint, 'base64url');
  return expected.length === actual.length && timingSafeEqual(actual, expected);
}

/**
 * What the fleet issued must be for our key, by the authority we know, and name a sensor.
 * @returns the sensor's id. @throws BulkheadError FLEET_LINK_CERTIFICATE_WRONG, FLEET_LINK_CLOCK_WRONG
 */
export function checkIssued(
  chain: string,
  { keyPem, caPem, sensor }: { keyPem: string; caPem: string; sensor?: string | undefined },
): string {
  const leaf = leafOf(chain);
  const authority = leafOf(caPem);
  const id = SensorIdSchema.safeParse(/^CN=(.*)$/m.exec(leaf.subject)?.[1]).data;
  const wrong = !leaf.publicKey.equals(createPublicKey(keyPem))
    ? 'it is for another key'
    : !leaf.checkIssued(authority) || !leaf.verify(authority.publicKey)
      ? 'it is not of the authority of this fleet'
      : id === undefined || leaf.subjectAltName !== `URI:${sensorUri(id)}`
        ? 'it names no sensor'
        : sensor !== undefined && id !== sensor
          ? `it names ${id}, and not ${sensor}`
          : undefined;
  if (wrong !== undefined || id === undefined) {
    throw new BulkheadError({
      code: 'FLEET_LINK_CERTIFICATE_WRONG',
      message: `The certificate that the fleet issued is of no use: ${wrong ?? 'it names no sensor'}.`,
      hint: 'It was thrown away. Look at the log of the fleet; this should not happen.',
    });
  }
  const life = lifeOf(chain);
  if (life.state === 'early' || life.state === 'over') throw clockWrong(chain);
  return id;
}

/** How a certificate stands by the clock of this machine. */
export interface CertificateLife {
  /** `due`: to be renewed. */
  state: 'early' | 'good' | 'due' | 'over';
  notBefore: Date;
  notAfter: Date;
  /** When renewal is due. */
  renewAt: Date;
}

export function lifeOf(chain: string, now = Date.now()): CertificateLife {
  const leaf = leafOf(chain);
  const [from, to] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
  const renewAt = from + (to - from) * RENEW_AT;
  return {
    state: now < from ? 'early' : now > to ? 'over' : now >= renewAt ? 'due' : 'good',
    notBefore: new Date(from),
    notAfter: new Date(to),
    renewAt: new Date(renewAt),
  };
}

export function clockWrong(chain: string): BulkheadError {
  const { notBefore, notAfter } = lifeOf(chain);
  const now = new Date().toISOString();
  return new BulkheadError({
    code: 'FLEET_LINK_CLOCK_WRONG',
    message: `By the clock of this sensor (${now}) its certificate is not valid: it is from ${notBefore.toISOString()} to ${notAfter.toISOString()}.`,
    hint: 'Set the clock of the machine (date, or its NTP service); the sensor then connects by itself.',
    fields: { clock: now, notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString() },
  });
}

/** Proof that whoever returns holds the key of its old certificate: ECDSA with SHA-256 over request and nonce, base64. */
export function signReturn(keyPem: string, csrPem: string, nonce: string): string {
  return createSign('sha256').update(returnSigningInput(csrPem, nonce)).sign(keyPem, 'base64');
}
