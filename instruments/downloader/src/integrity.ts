import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { DownloadError, reasonOf } from './errors.ts';

/**
 * Finds the digest of a file in what `sha256sum` writes (`<hex>  <name>`, `<hex> *<name>`), in its BSD form
 * (`SHA256 (<name>) = <hex>`), or in a digest that stands alone.
 * @param names What the file may be called; a path before the name does not matter.
 * @throws DownloadError DOWNLOADER_CHECKSUM_MISSING
 */
export function digestIn(text: string, names: readonly string[]): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const alone = /^[0-9a-fA-F]{64}$/.exec(lines[0] ?? '');
  if (alone !== null && lines.length === 1) return alone[0].toLowerCase();
  for (const line of lines) {
    const plain = /^([0-9a-fA-F]{64}) [ *](.+)$/.exec(line);
    const bsd = /^SHA256 \((.+)\) = ([0-9a-fA-F]{64})$/.exec(line);
    const digest = plain?.[1] ?? bsd?.[2];
    const name = (plain?.[2] ?? bsd?.[1] ?? '').replace(/^.*\//, '');
    if (digest !== undefined && names.includes(name)) return digest.toLowerCase();
  }
  throw new DownloadError(
    'DOWNLOADER_CHECKSUM_MISSING',
    'The file with checksums has none of this file in a form that is known.',
  );
}

/** The last part of an address's path: what a file of checksums calls the file. */
export function fileNameOf(url: URL): string {
  const last = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** Where the detached signature of a file lies: `.sig` after its path. */
export function signatureUrl(url: URL): URL {
  const at = new URL(url);
  at.pathname += '.sig';
  return at;
}

/** @throws DownloadError DOWNLOADER_KEY_INVALID unless it is an Ed25519 public key (PEM, SPKI) */
export function ed25519Key(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: 'pem', type: 'spki' });
  } catch (cause) {
    throw new DownloadError('DOWNLOADER_KEY_INVALID', `The key cannot be read: ${reasonOf(cause)}.`, {
      cause,
    });
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new DownloadError('DOWNLOADER_KEY_INVALID', 'The key is no Ed25519 public key.');
}

/** A detached signature (RFC 8032), as 64 bytes or in base64. @throws DownloadError DOWNLOADER_SIGNATURE_WRONG */
export function signatureIn(bytes: Buffer): Buffer {
  if (bytes.length === 64) return bytes;
  const text = bytes.toString('latin1').trim();
  if (/^[A-Za-z0-9+/]{86}==$/.test(text)) return Buffer.from(text, 'base64');
  throw new DownloadError('DOWNLOADER_SIGNATURE_WRONG', 'The file at .sig is no Ed25519 signature.');
}

/**
 * Checks a file on disk against its detached signature. Ed25519 needs the whole file in memory.
 * @param mostBytes Larger files are refused.
 * @throws DownloadError DOWNLOADER_SIGNATURE_WRONG, DOWNLOADER_TOO_LARGE
 */
export async function checkSignature(
  file: { path: string; bytes: number },
  signature: Buffer,
  key: KeyObject,
  mostBytes: number,
): Promise<void> {
  if (file.bytes > mostBytes) {
    throw new DownloadError(
      'DOWNLOADER_TOO_LARGE',
      `A signature is checked on files of at most ${String(mostBytes)} bytes.`,
    );
  }
  if (!verify(null, await readFile(file.path), key, signature)) {
    throw new DownloadError(
      'DOWNLOADER_SIGNATURE_WRONG',
      'The signature is not valid for this file and key.',
    );
  }
}
