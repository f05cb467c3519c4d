import 'reflect-metadata';
import { createPrivateKey, sign, webcrypto, X509Certificate } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { returnSigningInput, type ReturnRequest } from '@bulkhead/platform/contracts';

/** A key as a sensor makes one, with what it does with it. */
export interface SensorKey {
  /** PKCS #8, PEM. */
  keyPem: string;
  /** PEM. */
  csr: string;
  csrDer: Uint8Array;
  /** The body with which the holder of `certificate` (issued for this key) asks to return. */
  returnRequest: (certificate: string, next: SensorKey, nonce: string) => ReturnRequest;
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** @param subject what the request asks for, which nobody should grant */
export async function sensorKey(subject = 'CN=whoever I say'): Promise<SensorKey> {
  const pair = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys: pair,
    signingAlgorithm: P256,
  });
  const keyPem = createPrivateKey({
    key: Buffer.from(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey)),
    format: 'der',
    type: 'pkcs8',
  })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
  const csr = request.toString('pem');
  return {
    keyPem,
    csr,
    csrDer: new Uint8Array(request.rawData),
    returnRequest: (certificate, next, nonce) => ({
      certificate,
      csr: next.csr,
      nonce,
      signature: sign('sha256', returnSigningInput(next.csr, nonce), keyPem).toString('base64'),
    }),
  };
}

export function readPem(pem: string): X509Certificate {
  return new X509Certificate(pem);
}
