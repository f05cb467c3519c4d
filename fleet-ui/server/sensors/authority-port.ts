import type { KeyObject, webcrypto } from 'node:crypto';

/** The fleet's CA and its book of certificates, as far as this room needs them. The room `ca` implements both. */
export interface AuthorityPort {
  /** PEM. */
  readonly certificate: string;
  readonly fingerprint: string;
  /** The key of a request that proved that its asker holds it. */
  readRequest(csr: string | Uint8Array): Promise<RequestedKeyOf>;
  issue(sensor: string, key: RequestedKeyOf): Promise<IssuedOf>;
  /** Of a certificate that this CA issued to a sensor. @throws BulkheadError */
  identify(pemOrDer: string | Uint8Array): HolderOf;
}

export interface RequestedKeyOf {
  publicKey: webcrypto.CryptoKey;
  digest: string;
}

export interface IssuedOf {
  pem: string;
  der: Uint8Array;
  serial: string;
  keyDigest: string;
  notBeforeMs: number;
  notAfterMs: number;
}

export interface HolderOf {
  sensor: string;
  serial: string;
  notAfterMs: number;
  certificate: { publicKey: KeyObject };
}

export interface CertificateOf {
  serial: string;
  keyDigest: string;
  issuedMs: number;
  notAfterMs: number;
  why: 'adopted' | 'replaced' | 'renewed' | 'returned';
  firstSeenMs: number | undefined;
  revokedMs: number | undefined;
  revokedWhy: string | undefined;
}

export interface CertificateBook {
  record(sensor: string, issued: IssuedOf, why: CertificateOf['why'], renews?: string): void;
  newest(sensor: string): CertificateOf | undefined;
  newestOfAll(): Map<string, CertificateOf>;
  of(sensor: string): CertificateOf[];
  countSince(sensor: string, sinceMs: number): number;
  otherHolder(keyDigest: string, sensor: string): string | undefined;
  judge(
    sensor: string,
    serial: string,
    options?: { ignoreExpiry?: boolean },
  ): 'good' | 'revoked' | 'expired' | 'clone' | 'unknown';
  seen(serial: string): void;
  revokeAll(sensor: string, why: string): number;
}
