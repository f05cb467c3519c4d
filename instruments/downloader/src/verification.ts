import type { DownloadJob } from '@bulkhead/sdk';
import { encodingOf, receiveBody } from './body.ts';
import type { Way } from './connection.ts';
import { DownloadError } from './errors.ts';
import { openFile } from './exchange.ts';
import { checkSignature, digestIn, ed25519Key, fileNameOf, signatureIn, signatureUrl } from './integrity.ts';
import type { TransferLimits } from './limits.ts';
import { hostOf, readUrl, redirectRules } from './redirects.ts';

/** Whether anything tells a cut or changed file from the right one. */
export function isChecked(job: DownloadJob): boolean {
  return job.sha256 !== undefined || job.sha256Url !== undefined || job.signatureKey !== undefined;
}

/** @throws DownloadError DOWNLOADER_CHECKSUM_WRONG */
export function checkPinned({ sha256 }: DownloadJob, found: string): void {
  if (sha256 !== undefined && sha256 !== found) throw wrong('that was pinned', found);
}

/**
 * Checks a file that was received by the checksum and the signature that its source has.
 * @param from Where the file came from, after redirects.
 * @throws DownloadError DOWNLOADER_CHECKSUM_WRONG, DOWNLOADER_CHECKSUM_MISSING, DOWNLOADER_SIGNATURE_WRONG,
 *         DOWNLOADER_KEY_INVALID, and those of a transfer
 */
export async function checkIntegrity(
  job: DownloadJob,
  file: { path: string; bytes: number; sha256: string },
  way: Way,
  from: URL,
  limits: TransferLimits,
): Promise<void> {
  const start = readUrl(job.url);
  if (job.sha256Url !== undefined) {
    const text = await fetchSmall(readUrl(job.sha256Url), job, way, limits.checksumBytes);
    const names = [fileNameOf(start), fileNameOf(from)];
    if (digestIn(text.toString('latin1'), names) !== file.sha256) throw wrong('of its source', file.sha256);
  }
  if (job.signatureKey !== undefined) {
    const key = ed25519Key(job.signatureKey);
    const signature = signatureIn(await fetchSmall(signatureUrl(start), job, way, 4096));
    await checkSignature(file, signature, key, limits.signedBytes);
  }
}

/** A small file into memory, by the same rules as any other. */
async function fetchSmall(url: URL, job: DownloadJob, way: Way, maxBytes: number): Promise<Buffer> {
  const { response, status } = await openFile(url, {}, redirectRules(url, job.redirectHosts), way);
  try {
    if (status !== 200) {
      throw new DownloadError(
        'DOWNLOADER_STATUS',
        `The answer of ${hostOf(url)} for the checksum or signature is ${String(status)}.`,
        { status },
      );
    }
    const chunks: Buffer[] = [];
    const bounds = { maxBytes, from: 0, limits: way.limits };
    await receiveBody(response, encodingOf(response, ''), bounds, (chunk) => {
      chunks.push(chunk);
      return Promise.resolve();
    });
    return Buffer.concat(chunks);
  } finally {
    response.destroy();
  }
}

function wrong(which: string, found: string): DownloadError {
  return new DownloadError(
    'DOWNLOADER_CHECKSUM_WRONG',
    `The file's SHA-256 is ${found}, not the one ${which}.`,
  );
}
