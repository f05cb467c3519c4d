import { X509Certificate } from 'node:crypto';
import {
  checkServerIdentity,
  createSecureContext,
  rootCertificates,
  type PeerCertificate,
  type SecureContext,
} from 'node:tls';
import { DownloadError, reasonOf } from './errors.ts';

/** Whom a connection believes. */
export interface Trust {
  context: SecureContext;
  /** @returns why the certificate is not of this host, undefined when it is */
  checkHost(host: string, certificate: PeerCertificate): Error | undefined;
}

let usual: Trust | undefined;

/**
 * The authorities that are believed: those that were pinned and no other, else the public ones that Node.js carries. The image has
 * no `ca-certificates`, and a store of the system would be one more place that decides.
 * @throws DownloadError DOWNLOADER_CA_INVALID
 */
export function trustOf(ca: string | undefined): Trust {
  if (ca !== undefined) return trusting(certificatesOf(ca));
  usual ??= trusting([...rootCertificates]);
  return usual;
}

/** The certificates of a PEM text, each readable. @throws DownloadError DOWNLOADER_CA_INVALID */
export function certificatesOf(pem: string): string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  // OpenSSL passes over what it cannot read, and none would be left to believe.
  if (blocks.length === 0) {
    throw new DownloadError('DOWNLOADER_CA_INVALID', 'The pinned authority holds no certificate (PEM).');
  }
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch (cause) {
      throw new DownloadError(
        'DOWNLOADER_CA_INVALID',
        `The pinned authority cannot be read: ${reasonOf(cause)}.`,
        {
          cause,
        },
      );
    }
  }
  return blocks;
}

function trusting(ca: string[]): Trust {
  return {
    context: createSecureContext({ ca, minVersion: 'TLSv1.2' }),
    checkHost: checkServerIdentity,
  };
}
