import { createPrivateKey, type webcrypto, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { FLEET_SERVER_NAME } from '@bulkhead/platform/contracts';
import { BulkheadError, writeFileAtomic } from '@bulkhead/platform/kernel';
import {
  newKeyPem,
  publicKeyOf,
  readCertificate,
  SERVER_CERTIFICATE_FILE,
  type Authority,
} from './authority.ts';
import { issueForServer, SERVER_LIFETIME_MS } from './issue.ts';

/** Key and certificate (PEM, the leaf first) of a listener. */
export interface ServerKeyPair {
  key: string;
  cert: string;
}

const KEY_FILE = 'server.key';
/** Certificates for pages of instruments that are kept; the longest unused goes first. */
const MOST_PAGE_CONTEXTS = 512;

/** The names that a server certificate must have: the configured ones and the one that sensors ask for. */
export function serverNames(names: readonly string[]): string[] {
  return [...new Set([FLEET_SERVER_NAME, ...names.map((name) => name.toLowerCase())])];
}

/**
 * The certificate of our own CA for both listeners: kept in `dir`, made anew when a third of its life is left, or when names
 * are missing. @returns what is in use now, and whether it was made just now.
 */
export async function ownServerPair(
  authority: Authority,
  dir: string,
  names: readonly string[],
  nowMs: number,
): Promise<{ pair: ServerKeyPair; notAfterMs: number; fresh: boolean }> {
  const wanted = serverNames(names);
  const kept = await keptPair(dir);
  const leaf = kept === undefined ? undefined : readCertificate(kept.cert);
  if (kept !== undefined && leaf !== undefined && stillGood(authority, leaf, kept.key, wanted, nowMs)) {
    return { pair: kept, notAfterMs: Date.parse(leaf.validTo), fresh: false };
  }
  // A new key each time: none is older than its certificate.
  const key = await newKeyPem();
  const issued = await issueForServer(authority, wanted, await publicKeyOf(key), nowMs);
  const cert = issued.pem + authority.certificate;
  await writeFileAtomic(join(dir, KEY_FILE), key, 0o600);
  await writeFileAtomic(join(dir, SERVER_CERTIFICATE_FILE), cert, 0o644);
  return { pair: { key, cert }, notAfterMs: issued.notAfterMs, fresh: true };
}

function stillGood(
  authority: Authority,
  leaf: X509Certificate,
  key: string,
  names: readonly string[],
  nowMs: number,
): boolean {
  const left = Date.parse(leaf.validTo) - nowMs;
  const has = new Set(
    (leaf.subjectAltName ?? '').split(', ').map((entry) => entry.replace(/^(?:DNS|IP Address):/, '')),
  );
  return (
    left > SERVER_LIFETIME_MS / 3 &&
    // Made while the clock was far ahead: others would say that it is not valid yet.
    Date.parse(leaf.validFrom) <= nowMs &&
    leaf.verify(authority.parsed.publicKey) &&
    leaf.checkPrivateKey(createPrivateKey(key)) &&
    // An IPv6 address is written in its long form there; the check of Node knows both.
    names.every((name) => has.has(name) || (isIP(name) !== 0 && leaf.checkIP(name) !== undefined))
  );
}

/** Certificate files that the operator keeps up to date (ACME, a company's own CA). Read again with each look. */
export async function givenPair(files: {
  certFile: string;
  keyFile: string;
}): Promise<ServerKeyPair & { notAfterMs: number }> {
  try {
    const [cert, key] = await Promise.all([
      readFile(files.certFile, 'utf8'),
      readFile(files.keyFile, 'utf8'),
    ]);
    const leaf = new X509Certificate(cert);
    if (!leaf.checkPrivateKey(createPrivateKey(key)))
      throw new Error('the key is not that of the certificate');
    createSecureContext({ cert, key });
    return { cert, key, notAfterMs: Date.parse(leaf.validTo) };
  } catch (cause) {
    throw new BulkheadError({
      code: 'FLEET_CA_GIVEN_UNUSABLE',
      message: `The certificate in ${files.certFile} with the key in ${files.keyFile} cannot be used: ${
        cause instanceof Error ? cause.message : String(cause)
      }`,
      fields: { path: files.certFile },
      cause,
    });
  }
}

/**
 * Certificates for names below the base domain, made when a browser asks for one: a wildcard covers one level, and instruments
 * are two below it. One for each sensor, in memory only.
 *
 * INVARIANTS: at most one is made at a time for a name; at most {@link MOST_PAGE_CONTEXTS} are kept; one key for all of them,
 * of this process.
 */
export class PageContexts {
  readonly #authority: Authority;
  readonly #now: () => number;
  readonly #made = new Map<string, Promise<{ context: SecureContext; notAfterMs: number }>>();
  #key: Promise<{ pem: string; publicKey: webcrypto.CryptoKey }> | undefined;

  constructor(authority: Authority, now: () => number) {
    this.#authority = authority;
    this.#now = now;
  }

  /** @param parent what stands behind the `*.` */
  async of(parent: string): Promise<SecureContext> {
    const kept = await this.#made.get(parent)?.catch(() => undefined);
    if (kept !== undefined && kept.notAfterMs - this.#now() > SERVER_LIFETIME_MS / 3) return kept.context;
    const making = this.#make(parent);
    this.#made.delete(parent);
    this.#made.set(parent, making);
    const oldest = this.#made.keys().next().value;
    if (this.#made.size > MOST_PAGE_CONTEXTS && oldest !== undefined) this.#made.delete(oldest);
    return (await making).context;
  }

  async #make(parent: string): Promise<{ context: SecureContext; notAfterMs: number }> {
    this.#key ??= newKeyPem().then(async (pem) => ({ pem, publicKey: await publicKeyOf(pem) }));
    const { pem, publicKey } = await this.#key;
    const issued = await issueForServer(this.#authority, [`*.${parent}`], publicKey, this.#now());
    const context = createSecureContext({
      key: pem,
      cert: issued.pem + this.#authority.certificate,
      minVersion: 'TLSv1.2',
    });
    return { context, notAfterMs: issued.notAfterMs };
  }
}

async function keptPair(dir: string): Promise<ServerKeyPair | undefined> {
  try {
    const [key, cert] = await Promise.all([
      readFile(join(dir, KEY_FILE), 'utf8'),
      readFile(join(dir, SERVER_CERTIFICATE_FILE), 'utf8'),
    ]);
    createPrivateKey(key);
    return { key, cert };
  } catch {
    // Missing or damaged: nothing is lost by a new one.
    return undefined;
  }
}
