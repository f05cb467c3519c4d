import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describeError } from '../../kernel/index.ts';
import { Redactor, type Redactions, type RedactOptions } from './redact.ts';
import { tarOf } from './tar.ts';

/** One thing that a bundle holds, and how it is got. */
export interface SupportSource {
  /** Name in the bundle, e.g. `status.json`. */
  path: string;
  /** What it is, for the preview. */
  about: string;
  /** Text, or a value that becomes JSON. Should end when the signal says so. */
  read: (signal: AbortSignal) => Promise<unknown>;
}

/** What a bundle holds of one file. */
export interface SupportFile {
  path: string;
  about: string;
  bytes: number;
  sha256: string;
  redacted: Redactions;
  /** The end was kept: it was larger than a file of a bundle may be. */
  cut?: true;
}

/** `MANIFEST.json` of a bundle; also what `--preview` shows. */
export interface SupportManifest {
  format: 1;
  madeAt: string;
  addressesKept: boolean;
  /** Something could not be had; `missing` says what and why. */
  partial: boolean;
  files: SupportFile[];
  missing: { path: string; about: string; reason: string }[];
}

export const SUPPORT_LIMITS = Object.freeze({
  fileBytes: 1 << 20,
  bytes: 20 << 20,
  sourceMs: 15_000,
  allMs: 60_000,
});

/**
 * Collects the sources side by side, cleans each, and packs what fits. A source that fails or hangs is named in the manifest
 * and hinders no other.
 * @returns the manifest, and the bundle as `tar.gz`
 */
export async function makeSupportBundle(
  sources: readonly SupportSource[],
  options: RedactOptions & { madeAt: Date },
): Promise<{ manifest: SupportManifest; archive: Buffer }> {
  const redactor = new Redactor(options);
  const over = AbortSignal.timeout(SUPPORT_LIMITS.allMs);
  const read = await Promise.all(sources.map((source) => readOne(source, over)));
  const files: SupportFile[] = [];
  const missing: SupportManifest['missing'] = [];
  const contents: { path: string; data: Buffer }[] = [];
  let total = 0;
  for (const [index, { path, about }] of sources.entries()) {
    const result = read[index];
    if (result === undefined || 'fault' in result) {
      missing.push({ path, about, reason: redactor.clean(result?.fault ?? 'not read').text.slice(0, 500) });
      continue;
    }
    const { text, redactions } = cleaned(redactor, result.value);
    let data = Buffer.from(text);
    const cut = data.length > SUPPORT_LIMITS.fileBytes;
    if (cut) data = data.subarray(data.length - SUPPORT_LIMITS.fileBytes);
    if (total + data.length > SUPPORT_LIMITS.bytes) {
      missing.push({ path, about, reason: 'the bundle is as large as it may be' });
      continue;
    }
    total += data.length;
    contents.push({ path, data });
    const sha256 = createHash('sha256').update(data).digest('hex');
    files.push({ path, about, bytes: data.length, sha256, redacted: redactions, ...(cut ? { cut } : {}) });
  }
  const manifest: SupportManifest = {
    format: 1,
    madeAt: options.madeAt.toISOString(),
    addressesKept: options.keepAddresses,
    partial: missing.length > 0,
    files,
    missing,
  };
  const head = { path: 'MANIFEST.json', data: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) };
  return { manifest, archive: gzipSync(tarOf([head, ...contents], options.madeAt)) };
}

async function readOne(
  source: SupportSource,
  over: AbortSignal,
): Promise<{ value: unknown } | { fault: string }> {
  const signal = AbortSignal.any([over, AbortSignal.timeout(SUPPORT_LIMITS.sourceMs)]);
  const late = new Promise<{ fault: string }>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve({ fault: 'it did not answer in time' });
    });
  });
  const value = source.read(signal).then(
    (got) => ({ value: got }),
    (error: unknown) => ({ fault: describeError(error) }),
  );
  return Promise.race([value, late]);
}

function cleaned(redactor: Redactor, value: unknown): { text: string; redactions: Redactions } {
  if (typeof value === 'string') return redactor.clean(value);
  const plain = redactor.cleanValue(value);
  const { text, redactions } = redactor.clean(`${JSON.stringify(plain.value, null, 2)}\n`);
  return { text, redactions: { ...plain.redactions, ...redactions } };
}
